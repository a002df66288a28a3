package fault

import (
	"context"
	"net/http"

	"pollgate/go-fixtures/cmd/faulty/internal/peers"
)

// connection-reuse-http1: a request looks at the status of an upstream's answer and closes the body
// without reading it. Over HTTP/1.1 the rest would have to be read before the connection can carry
// another request, so the transport closes it. (From Go 1.27 Close reads up to 256 KiB of the rest
// itself; the body here is longer.)
//
// Kernel: one connect and one close per request; the close finds unread data, so it is a reset and
// leaves no TIME_WAIT.
// Runtime: CPU profile below net/http.(*Transport).dialConnFor; goroutines come and go, none stay.
// Allocations per request several times the twin's.
// At this load: 50 connects in each second; 18 KB allocated per request, 7 KB in the twin.
var connectionReuseHTTP1 = Fault{
	Name: "connection-reuse-http1", Expect: "connection-reuse-http1",
	RatePerSec: 50, Connections: 4, VisibleAfterSeconds: 5,
	LookAt: "connects per request (1, twin 0) to one address, ended by resets",
	begin:  beginConnectionReuseHTTP1,
}

func beginConnectionReuseHTTP1(s *setting) (*part, error) {
	upstream, err := s.peer(peers.Settings{Kind: peers.HTTP1})
	if err != nil {
		return nil, err
	}
	const bodyBytes = 512 << 10
	url := peers.UpstreamURL(upstream.Addresses[0], bodyBytes, 0)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}, Timeout: upstreamPatience}
	if s.correct {
		return &part{request: func(context.Context) error { return peers.Fetch(client, url) }}, nil
	}
	return &part{request: func(context.Context) error {
		response, err := client.Get(url)
		if err != nil {
			return err
		}
		return response.Body.Close() // The mistake: nothing has read the body.
	}}, nil
}

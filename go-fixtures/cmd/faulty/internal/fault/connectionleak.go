package fault

import (
	"context"
	"fmt"
	"net/http"

	"pollgate/go-fixtures/cmd/faulty/internal/peers"
)

// connection-leak: a request asks an upstream, looks at the status of the answer, and forgets to close
// the body. The transport cannot use the connection again, nor close it. (A deadline, or a context
// that ends, would close it: here is neither, as in many programs.)
//
// Kernel: connect without close, one ESTABLISHED socket per request to one address, received bytes
// that nobody reads; descriptors and epoll registrations grow alike.
// Runtime: goroutine profile, two goroutines per request in net/http.(*persistConn).readLoop (select)
// and writeLoop (select); neither is a leak to the goroutineleak profile. Block profile: nothing new.
// At this load: 50 sockets and 100 goroutines more in each second; latency as the twin's.
var connectionLeak = Fault{
	Name: "connection-leak", Expect: "connection-leak",
	RatePerSec: 50, Connections: 4, VisibleAfterSeconds: 5,
	LookAt: "sockets and open descriptors, one more per request; goroutines in net/http.(*persistConn).readLoop and writeLoop",
	begin:  beginConnectionLeak,
}

func beginConnectionLeak(s *setting) (*part, error) {
	upstream, err := s.peer(peers.Settings{Kind: peers.HTTP1})
	if err != nil {
		return nil, err
	}
	const bodyBytes = 8 << 10 // More than the transport reads with the header.
	url := peers.UpstreamURL(upstream.Addresses[0], bodyBytes, 0)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	if s.correct {
		return &part{request: func(context.Context) error { return peers.Fetch(client, url) }}, nil
	}
	return &part{request: func(context.Context) error {
		response, err := client.Get(url)
		if err != nil {
			return err
		}
		if response.StatusCode != http.StatusOK {
			return fmt.Errorf("%s: %s", url, response.Status)
		}
		return nil // The mistake: no response.Body.Close().
	}}, nil
}

package fault

import (
	"context"
	"net/http"

	"pollgate/go-fixtures/cmd/faulty/internal/peers"
)

// keep-alive-off: the client to the upstream has DisableKeepAlives set, so that it sends
// "Connection: close" and every request connects anew.
//
// Kernel: one connect per request; mostly the upstream closes first, so that most of the TIME_WAIT sockets
// are on its side. The requests themselves carry the header, which tells it from pool-too-small.
// Runtime: CPU profile below net/http.(*Transport).dialConnFor; execution trace: network waits in connect.
// At this load: 100 connects in each second; 18 KB allocated per request, 7 KB in the twin.
var keepAliveOff = Fault{
	Name: "keep-alive-off", Expect: "keep-alive-off",
	RatePerSec: 100, Connections: 4, VisibleAfterSeconds: 2,
	LookAt: "connects per request (1, twin 0); TIME_WAIT sockets on both sides",
	begin:  beginKeepAliveOff,
}

func beginKeepAliveOff(s *setting) (*part, error) {
	upstream, err := s.peer(peers.Settings{Kind: peers.HTTP1})
	if err != nil {
		return nil, err
	}
	url := peers.UpstreamURL(upstream.Addresses[0], 512, 0)
	client := &http.Client{
		Transport: &http.Transport{MaxIdleConnsPerHost: 64, DisableKeepAlives: !s.correct}, // The mistake.
		Timeout:   upstreamPatience,
	}
	return &part{request: func(context.Context) error { return peers.Fetch(client, url) }}, nil
}

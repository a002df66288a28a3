package fault

import (
	"context"
	"net/http"
	"time"

	"pollgate/go-fixtures/cmd/faulty/internal/peers"
)

// pool-too-small: the transport keeps two idle connections per host (the default of
// MaxIdleConnsPerHost), while more requests than two are with the upstream at a time. Those that end
// while two connections lie idle close theirs, and the next burst connects again.
//
// Kernel: connects per request between 0 and 1, growing with the concurrency; the client closes, so
// that TIME_WAIT sockets with the upstream's port as the remote one pile up for 60 s each.
// Runtime: net/http.(*Transport).tryPutIdleConn refuses; goroutines in dialConnFor; nothing blocks.
// At this load: 0.45 connects per request, 350 more sockets in TIME_WAIT in each second; a fifth more CPU time.
var poolTooSmall = Fault{
	Name: "pool-too-small", Expect: "pool-too-small",
	RatePerSec: 800, Connections: 32, VisibleAfterSeconds: 5,
	LookAt: "connects per request above 0 with keep-alive on; TIME_WAIT sockets with the upstream's port as the remote one",
	begin:  beginPoolTooSmall,
}

func beginPoolTooSmall(s *setting) (*part, error) {
	upstream, err := s.peer(peers.Settings{Kind: peers.HTTP1})
	if err != nil {
		return nil, err
	}
	url := peers.UpstreamURL(upstream.Addresses[0], 512, 10*time.Millisecond)
	transport := &http.Transport{} // The mistake: 2 idle connections per host.
	if s.correct {
		transport.MaxIdleConnsPerHost = 256
	}
	client := &http.Client{Transport: transport, Timeout: upstreamPatience}
	return &part{request: func(context.Context) error { return peers.Fetch(client, url) }}, nil
}

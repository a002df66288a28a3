package fault

import (
	"context"
	"net/http"
	"time"

	"pollgate/go-fixtures/cmd/faulty/internal/peers"
)

// slow-peer: the upstream answers after 50 ms; the twin's at once. The server itself makes no mistake.
//
// Kernel: from the write to the upstream to the readiness of that socket 50 ms and more; nothing else
// takes long.
// Runtime: goroutine profile, requests in [select] below net/http.(*persistConn).roundTrip, and as
// many readLoops in [IO wait]; execution trace: blocked in network. Block profile (--profile-rates):
// the select, not the network.
// At this load: p50 52 ms, the twin's 0.7 ms.
var slowPeer = Fault{
	Name: "slow-peer", Expect: "slow-peer",
	RatePerSec: 100, Connections: 32, VisibleAfterSeconds: 2,
	LookAt: "time from the request to the answer on the upstream's connections (50 ms); goroutines below net/http.(*persistConn).roundTrip",
	begin:  beginSlowPeer,
}

// peerAnswersAfter is the upstream's delay.
const peerAnswersAfter = 50 * time.Millisecond

func beginSlowPeer(s *setting) (*part, error) {
	upstream, err := s.peer(peers.Settings{Kind: peers.HTTP1})
	if err != nil {
		return nil, err
	}
	delay := peerAnswersAfter // The mistake, on the other side.
	if s.correct {
		delay = 0
	}
	url := peers.UpstreamURL(upstream.Addresses[0], 512, delay)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 256}, Timeout: upstreamPatience}
	return &part{request: func(context.Context) error { return peers.Fetch(client, url) }}, nil
}

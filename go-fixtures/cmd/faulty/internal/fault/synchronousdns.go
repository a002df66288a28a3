package fault

import (
	"context"
	"net"
	"time"

	"pollgate/go-fixtures/cmd/faulty/internal/peers"
)

// synchronous-dns: each request looks the name of its upstream up, and the name server, which the fault
// runs itself, answers after 20 ms. Go's own resolver, in any build. The twin looks it up once, at its start.
//
// Kernel: per request UDP sockets that are opened, written to once, read once and closed, with 20 ms
// between write and readiness; to port 53 where the name server could have it (root), else another.
// Runtime: goroutine profile, requests in [select] below net.(*Resolver).LookupHost and goroutines in
// [IO wait] below net.(*Resolver).exchange; execution trace: blocked in network.
// At this load: p50 22 ms, the twin's 0.3 ms.
var synchronousDNS = Fault{
	Name: "synchronous-dns", Expect: "synchronous-dns",
	RatePerSec: 50, Connections: 16, VisibleAfterSeconds: 2,
	LookAt: "two UDP sockets per request (A and AAAA) to a name server; goroutines below net.(*Resolver).LookupHost",
	begin:  beginSynchronousDNS,
}

func beginSynchronousDNS(s *setting) (*part, error) {
	server, err := s.peer(peers.Settings{Kind: peers.DNS, AnswerAfter: 20 * time.Millisecond})
	if err != nil {
		return nil, err
	}
	resolver := &net.Resolver{
		PreferGo: true,
		// Whatever /etc/resolv.conf says, the question goes to the fault's own server.
		Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var dialer net.Dialer
			return dialer.DialContext(ctx, "udp", server.Addresses[0].String())
		},
	}
	// The dot at the end keeps the search list of the machine out.
	const name = "upstream.pollgate.test."
	lookup := func() error {
		_, err := resolver.LookupHost(context.Background(), name)
		return err
	}
	if s.correct {
		return &part{}, lookup()
	}
	return &part{request: func(context.Context) error { return lookup() }}, nil // The mistake.
}

package fault

import (
	"context"
	"net"

	"pollgate/go-fixtures/cmd/faulty/internal/peers"
)

// retransmits: each request sends 16 KiB to an upstream, and one in 16 of the segments is lost on the
// way. The loss needs no root: a filter on the upstream's sockets makes the kernel there drop
// what arrives, which to the sender is the same. The server itself makes no mistake.
//
// Loss from outside is possible as well, with the twin and root; the tests do not try it (PORT is
// retransmits.peerPort of the counters):
//
//	nft add table inet loss
//	nft add chain inet loss in '{ type filter hook input priority 0; }'
//	nft add rule inet loss in tcp dport PORT meta length '>' 100 numgen random mod 16 0 drop
//	tc qdisc add dev lo root netem loss 6%        # all of the loopback
//
// Kernel: tracepoint tcp:tcp_retransmit_skb with the upstream's port; retrans in TCP_INFO (ss -ti);
// a request that is hit waits 200 ms (the least retransmission timeout) or more.
// Runtime: goroutine profile, requests in [IO wait] below net.(*conn).Read, as for slow-peer: the
// kernel's view alone tells them apart.
// At this load: p50 0.4 ms, the twin's 0.3 ms; p99 216 ms, the twin's 10 ms.
var retransmits = Fault{
	Name: "retransmits", Expect: "retransmits",
	RatePerSec: 100, Connections: 32, VisibleAfterSeconds: 5,
	LookAt: "tcp_retransmit_skb to one port, one in 16 requests; p99 at 200 ms and more, p50 as the twin's",
	begin:  beginRetransmits,
}

func beginRetransmits(s *setting) (*part, error) {
	settings := peers.Settings{Kind: peers.Frames, DropOneIn: 16}
	if s.correct {
		settings.DropOneIn = 0
	}
	upstream, err := s.peer(settings)
	if err != nil {
		return nil, err
	}
	pool := &connPool{address: net.TCPAddrFromAddrPort(upstream.Addresses[0])}
	frame := peers.Frame(16 << 10)
	return &part{request: func(context.Context) error {
		return pool.use(func(conn *net.TCPConn) error {
			if _, err := conn.Write(frame); err != nil {
				return err
			}
			return peers.ReadAnswer(conn)
		})
	}}, nil
}

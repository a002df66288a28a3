package fault

import (
	"context"
	"net"

	"pollgate/go-fixtures/cmd/faulty/internal/peers"
)

// nagle-delayed-ack, the other form of small writes: a request sends a header and a body to the
// upstream with two writes on a connection with NoDelay off, and reads the answer. Nagle's algorithm
// holds the second write back until the first is acknowledged; the upstream, which waits for the rest,
// delays that acknowledgement for 40 ms. The twin sends both with one write, and leaves NoDelay as Go
// has it.
//
// Kernel: write, write, then 40 ms until the socket is readable, though the upstream answers at once;
// setsockopt(TCP_NODELAY, 0); the round-trip time of TCP_INFO near 40 ms on a loopback.
// Runtime: goroutine profile, requests in [IO wait] below net.(*conn).Read, as for slow-peer: the
// kernel's view alone tells them apart.
// At this load: p50 44 ms, the twin's 0.4 ms.
var nagleDelayedACK = Fault{
	Name: "nagle-delayed-ack", Expect: "nagle-delayed-ack",
	RatePerSec: 50, Connections: 8, VisibleAfterSeconds: 2,
	LookAt: "two small writes and then a read that waits 40 ms; TCP_NODELAY off; DelayedACKs of /proc/net/netstat",
	begin:  beginNagleDelayedACK,
}

func beginNagleDelayedACK(s *setting) (*part, error) {
	upstream, err := s.peer(peers.Settings{Kind: peers.Frames})
	if err != nil {
		return nil, err
	}
	pool := &connPool{address: net.TCPAddrFromAddrPort(upstream.Addresses[0])}
	frame := peers.Frame(64)
	header, body := frame[:peers.FrameHeaderBytes], frame[peers.FrameHeaderBytes:]
	if s.correct {
		return &part{request: func(context.Context) error {
			return pool.use(func(conn *net.TCPConn) error {
				if _, err := conn.Write(frame); err != nil {
					return err
				}
				return peers.ReadAnswer(conn)
			})
		}}, nil
	}
	return &part{request: func(context.Context) error {
		return pool.use(func(conn *net.TCPConn) error {
			if err := conn.SetNoDelay(false); err != nil { // The mistake, with the two writes.
				return err
			}
			if _, err := conn.Write(header); err != nil {
				return err
			}
			if _, err := conn.Write(body); err != nil {
				return err
			}
			return peers.ReadAnswer(conn)
		})
	}}, nil
}

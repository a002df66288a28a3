package fault

import (
	"fmt"
	"net"

	"pollgate/go-fixtures/cmd/faulty/internal/peers"
)

// idle-connections: --idle-connections N connections that nothing is ever sent on, each with a
// goroutine in Read, as a server of mostly silent clients has them. It is here for a claim, "idle
// descriptors drag epoll_wait down": epoll_wait looks at ready descriptors only, so the claim should
// be ruled out, and the memory be found. The twin has no such connections.
//
// Kernel: N ESTABLISHED sockets and tfd lines that never become ready; the cost of epoll_wait and its
// number per request are those of the twin.
// Runtime: N goroutines in [IO wait] below net.(*conn).Read: stacks to scan in a GC.
// At this load: 1,000 goroutines; CPU time and context switches per request as the twin's.
var idleConnections = Fault{
	Name: "idle-connections", Expect: "idle-connections",
	RatePerSec: 1000, Connections: 16, VisibleAfterSeconds: 2,
	LookAt: "ESTABLISHED sockets in the epoll set that are never ready; time in epoll_wait per call as in the twin",
	begin:  beginIdleConnections,
}

func beginIdleConnections(s *setting) (*part, error) {
	if s.correct {
		return &part{}, nil
	}
	upstream, err := s.peer(peers.Settings{Kind: peers.Frames})
	if err != nil {
		return nil, err
	}
	for i := range s.IdleConnections {
		conn, err := net.Dial("tcp", upstream.Addresses[0].String())
		if err != nil {
			return nil, fmt.Errorf("connection %d of %d: %w (too many open files: raise ulimit -n)", i+1, s.IdleConnections, err)
		}
		go waitForMessage(conn)
	}
	return &part{}, nil
}

// waitForMessage reads what never comes.
func waitForMessage(conn net.Conn) {
	defer conn.Close()
	_ = peers.ReadAnswer(conn)
}

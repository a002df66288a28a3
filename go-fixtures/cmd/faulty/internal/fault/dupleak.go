package fault

import (
	"context"
	"net"
	"os"

	"golang.org/x/sys/unix"

	"pollgate/go-fixtures/cmd/faulty/internal/peers"
)

// dup-leak: connections to the upstream are used for dupLeakUses requests each. When one is opened, the
// server asks TCPConn.File for a file to read a socket option with, and never closes that. File has
// duplicated the descriptor and registered the copy with the poller, so that Close ends neither the
// connection nor the registration: the socket stays ESTABLISHED, no FIN is sent, and epoll goes on
// watching for nobody.
//
// Kernel: per connection connect, fcntl(F_DUPFD_CLOEXEC), one close for two descriptors; two epoll_ctl
// ADD and one DEL; a tfd line in /proc/PID/fdinfo of the epoll and an ESTABLISHED socket more.
// Runtime: heap profile only (net.(*netFD).dup): no goroutine waits for the copy. That tells it from
// connection-leak.
// At this load: 12 sockets more in each second, where the twin has as many in TIME_WAIT; latency as its.
var dupLeak = Fault{
	Name: "dup-leak", Expect: "dup-leak",
	RatePerSec: 200, Connections: 4, VisibleAfterSeconds: 5,
	LookAt: "epoll registrations and ESTABLISHED sockets, one more per 16 requests, after as many closes as connects; dup without close",
	begin:  beginDupLeak,
}

// dupLeakUses is how many requests share a connection: enough not to be a fault of its own.
const dupLeakUses = 16

func beginDupLeak(s *setting) (*part, error) {
	upstream, err := s.peer(peers.Settings{Kind: peers.Frames})
	if err != nil {
		return nil, err
	}
	frame := peers.Frame(8)
	var copies keeper[*os.File]
	pool := &connPool{
		address:  net.TCPAddrFromAddrPort(upstream.Addresses[0]),
		mostUses: dupLeakUses,
		opened: func(conn *net.TCPConn) error {
			file, err := conn.File()
			if err != nil {
				return err
			}
			if s.correct {
				defer file.Close()
			} else {
				copies.keep(file) // The mistake.
			}
			return readSocketOption(file)
		},
	}
	return &part{request: func(context.Context) error {
		return pool.use(func(conn *net.TCPConn) error {
			if _, err := conn.Write(frame); err != nil {
				return err
			}
			return peers.ReadAnswer(conn)
		})
	}}, nil
}

// readSocketOption is what the file is for.
func readSocketOption(file *os.File) error {
	raw, err := file.SyscallConn()
	if err != nil {
		return err
	}
	var optionErr error
	err = raw.Control(func(fd uintptr) {
		_, optionErr = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF)
	})
	if err != nil {
		return err
	}
	return optionErr
}

package fault

import (
	"context"
	"net"
	"os"

	"golang.org/x/sys/unix"

	"pollgate/go-fixtures/cmd/faulty/internal/peers"
)

// dup-leak: a request connects, asks TCPConn.File for a file to read a socket option with, closes the
// connection, and not the file. File has duplicated the descriptor and registered the copy with the
// poller, so that Close ends neither the connection nor the registration: the socket stays
// ESTABLISHED, no FIN is sent, and epoll goes on watching for nobody.
//
// Kernel: connect, fcntl(F_DUPFD_CLOEXEC), one close for two descriptors; two epoll_ctl ADD and one
// DEL; a tfd line in /proc/PID/fdinfo of the epoll and an ESTABLISHED socket more per request.
// Runtime: heap profile only (net.(*netFD).dup): no goroutine waits for the copy. That tells it from
// connection-leak.
// At this load: 50 sockets more in each second, where the twin has as many in TIME_WAIT; latency as its.
var dupLeak = Fault{
	Name: "dup-leak", Expect: "dup-leak",
	RatePerSec: 50, Connections: 4, VisibleAfterSeconds: 5,
	LookAt: "epoll registrations and ESTABLISHED sockets, one more per request, after as many closes as connects; dup without close",
	begin:  beginDupLeak,
}

func beginDupLeak(s *setting) (*part, error) {
	upstream, err := s.peer(peers.Settings{Kind: peers.Frames})
	if err != nil {
		return nil, err
	}
	address := net.TCPAddrFromAddrPort(upstream.Addresses[0])
	frame := peers.Frame(8)
	var copies keeper[*os.File]
	return &part{request: func(context.Context) error {
		conn, err := net.DialTCP("tcp", nil, address)
		if err != nil {
			return err
		}
		defer conn.Close()
		file, err := conn.File()
		if err != nil {
			return err
		}
		if s.correct {
			defer file.Close()
		} else {
			copies.keep(file) // The mistake.
		}
		if err := readSocketOption(file); err != nil {
			return err
		}
		if _, err := conn.Write(frame); err != nil {
			return err
		}
		return peers.ReadAnswer(conn)
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

package main

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

// echoServer sends every 8 bytes back, some of them with a deadline of its own.
type echoServer struct {
	listener net.Listener
	handlers sync.WaitGroup
}

func startEcho(address string) (*echoServer, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	s := &echoServer{listener: l}
	s.handlers.Go(s.accept)
	return s, nil
}

func (s *echoServer) address() string { return s.listener.Addr().String() }

func (s *echoServer) port() int { return s.listener.Addr().(*net.TCPAddr).Port }

func (s *echoServer) accept() {
	for {
		c, err := s.listener.Accept()
		if err != nil {
			return // closed
		}
		s.handlers.Go(func() { echo(c) })
	}
}

func echo(c net.Conn) {
	defer c.Close()
	var buf [8]byte
	for {
		if rand.IntN(2) == 0 {
			// Far away, so it only ever is set and reset, not reached.
			c.SetDeadline(time.Now().Add(time.Hour))
		}
		if _, err := io.ReadFull(c, buf[:]); err != nil {
			return
		}
		if _, err := c.Write(buf[:]); err != nil {
			return
		}
	}
}

// stop returns when every connection has been closed.
func (s *echoServer) stop() error {
	err := s.listener.Close()
	s.handlers.Wait()
	return err
}

// leakedSockets counts the kernel's sockets that have port at either end and
// are not in TIME_WAIT. A socket without descriptor is what a forgotten poll
// would leave: /proc/self/fd does not show it. Connections that are just being
// torn down are given time.
func leakedSockets(port int) (int, error) {
	for deadline := time.Now().Add(hangLimit); ; {
		n, err := countSockets(port)
		if err != nil || n == 0 || time.Now().After(deadline) {
			return n, err
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func countSockets(port int) (int, error) {
	f, err := os.Open("/proc/net/tcp")
	if err != nil {
		return 0, err
	}
	defer f.Close()
	suffix := fmt.Sprintf(":%04X", port)
	n := 0
	for lines := bufio.NewScanner(f); ; {
		if !lines.Scan() {
			return n, lines.Err()
		}
		// sl local_address rem_address st ...
		fields := strings.Fields(lines.Text())
		if len(fields) < 4 || !strings.HasSuffix(fields[1], suffix) && !strings.HasSuffix(fields[2], suffix) {
			continue
		}
		state, err := strconv.ParseUint(fields[3], 16, 8)
		if err != nil {
			return 0, fmt.Errorf("/proc/net/tcp: state %q: %w", fields[3], err)
		}
		const timeWait = 6
		if state != timeWait {
			n++
		}
	}
}

package main

import (
	"io"
	"math/rand/v2"
	"net"
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

// untilNone gives connections that are just being torn down time to go: it
// counts until there is none, or for hangLimit.
func untilNone(count func() (int, error)) (int, error) {
	for deadline := time.Now().Add(hangLimit); ; {
		n, err := count()
		if err != nil || n == 0 || time.Now().After(deadline) {
			return n, err
		}
		time.Sleep(10 * time.Millisecond)
	}
}

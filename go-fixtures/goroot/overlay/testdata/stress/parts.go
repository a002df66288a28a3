package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"runtime"
	"syscall"
	"time"
)

// churn connects, exchanges a token that no other connection has, under a
// deadline that often strikes in the middle, and closes. Descriptors are
// reused at once, so an event of an old connection that reached a new one
// would show as a wrong token, a lost one as a hang.
func (s *stress) churn() error {
	var token, reply [8]byte
	for !s.over() {
		c, err := net.Dial("tcp", s.server.address())
		if err != nil {
			return err
		}
		s.connections.Add(1)
		binary.BigEndian.PutUint64(token[:], rand.Uint64())
		if rand.IntN(4) != 0 {
			c.SetDeadline(time.Now().Add(time.Duration(rand.IntN(300)) * time.Microsecond))
		}
		if rand.IntN(4) == 0 {
			c.(*net.TCPConn).SetLinger(0)
		}
		_, err = c.Write(token[:])
		if err == nil {
			_, err = io.ReadFull(c, reply[:])
		}
		c.Close()
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			s.timeouts.Add(1)
		case err != nil && !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF):
			return fmt.Errorf("churn: %w", err)
		case err == nil && reply != token:
			return fmt.Errorf("churn: reply %x to token %x: it belongs to another connection", reply, token)
		}
	}
	return nil
}

// exitThreads registers a connection from a thread that then exits, which
// cancels the thread's requests in the kernel, and goes on using it.
func (s *stress) exitThreads() error {
	for !s.over() {
		type dialed struct {
			c   net.Conn
			err error
		}
		ready := make(chan dialed)
		go func() {
			runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
			c, err := net.Dial("tcp", s.server.address())
			ready <- dialed{c, err}
		}()
		d := <-ready
		if d.err != nil {
			return d.err
		}
		s.connections.Add(1)
		if err := useBlocked(d.c); err != nil {
			return fmt.Errorf("after the exit of the thread that dialed: %w", err)
		}
		s.threadExits.Add(1)
	}
	return nil
}

// useBlocked has a reader wait before anything is sent.
func useBlocked(c net.Conn) error {
	defer c.Close()
	read := make(chan error)
	for range 3 {
		go func() {
			var reply [8]byte
			_, err := io.ReadFull(c, reply[:])
			read <- err
		}()
		runtime.Gosched()
		if _, err := c.Write(make([]byte, 8)); err != nil {
			return err
		}
		if err := <-read; err != nil {
			return err
		}
	}
	return nil
}

// timers starts short timers while the poller waits for longer ones: each has
// to break the wait.
func (s *stress) timers() error {
	far := time.NewTimer(time.Hour)
	defer far.Stop()
	for !s.over() {
		fired := make(chan struct{})
		time.AfterFunc(time.Duration(rand.IntN(200))*time.Microsecond, func() { close(fired) })
		select {
		case <-fired:
			s.timersFired.Add(1)
		case <-far.C:
			return errors.New("timers: a short timer did not fire within an hour")
		}
	}
	return nil
}

// rebind binds a port again right after closing its listener from another
// thread. The address is one that no client of this program connects from, so
// nobody else can take the port.
func (s *stress) rebind() error {
	address := "127.0.0.2:0"
	for !s.over() {
		l, err := net.Listen("tcp", address)
		if err != nil {
			return fmt.Errorf("rebind: the closed listener still holds its port: %w", err)
		}
		address = l.Addr().String()
		accepting := make(chan error)
		go func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			c, err := l.Accept()
			if err == nil {
				err = errors.Join(c.Close(), l.Close())
			}
			accepting <- err
		}()
		c, err := net.Dial("tcp", address)
		if err != nil {
			return fmt.Errorf("rebind: %w", err)
		}
		err = <-accepting
		c.Close()
		if err != nil {
			return fmt.Errorf("rebind: %w", err)
		}
		s.rebinds.Add(1)
	}
	return nil
}

// pipes closes the writing end under a waiting reader.
func (s *stress) pipes() error {
	for !s.over() {
		r, w, err := os.Pipe()
		if err != nil {
			return err
		}
		read := make(chan error)
		go func() {
			_, err := r.Read(make([]byte, 1))
			read <- err
		}()
		runtime.Gosched()
		w.Close()
		if err := <-read; err != io.EOF {
			return fmt.Errorf("pipes: read of a closed pipe: got error %v, want EOF", err)
		}
		r.Close()
		s.pipesClosed.Add(1)
	}
	return nil
}

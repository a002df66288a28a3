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
		c, err := net.Dial("tcp", s.address())
		if err != nil {
			return err
		}
		s.connections.Add(1)
		binary.BigEndian.PutUint64(token[:], rand.Uint64())
		if rand.IntN(4) != 0 {
			c.SetDeadline(time.Now().Add(time.Duration(rand.IntN(300)) * time.Microsecond))
		}
		if rand.IntN(4) != 0 {
			c.(*net.TCPConn).SetLinger(0) // no TIME_WAIT: a million would use up the ports
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

// address is that of a server.
func (s *stress) address() string { return s.servers[rand.IntN(len(s.servers))].address() }

// exitThreads registers connections from a thread that then exits, which cancels
// the thread's requests in the kernel. Readers wait on some of them already;
// only when the thread has gone from the kernel is anything sent.
func (s *stress) exitThreads() error {
	for !s.over() {
		type dialed struct {
			conns [3]net.Conn
			tid   int
			err   error
		}
		ready := make(chan dialed)
		go func() {
			runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
			d := dialed{tid: syscall.Gettid()}
			for i := range d.conns {
				if d.conns[i], d.err = net.Dial("tcp", s.address()); d.err != nil {
					break
				}
				s.connections.Add(1)
			}
			ready <- d
		}()
		d := <-ready
		if d.err != nil {
			return d.err
		}
		if err := s.useOrphans(d.conns[:], d.tid); err != nil {
			return fmt.Errorf("after the exit of the thread that dialed: %w", err)
		}
		s.threadExits.Add(1)
	}
	return nil
}

// useOrphans has readers wait, then the thread tid end, then each of them get
// its own token.
func (s *stress) useOrphans(conns []net.Conn, tid int) error {
	read := make(chan error)
	for i, c := range conns {
		defer c.Close()
		c.(*net.TCPConn).SetLinger(0)
		go func() {
			var reply [8]byte
			_, err := io.ReadFull(c, reply[:])
			if got := binary.BigEndian.Uint64(reply[:]); err == nil && got != uint64(i) {
				err = fmt.Errorf("reply %x to token %x: it belongs to another connection", got, i)
			}
			read <- err
		}()
	}
	for deadline := time.Now().Add(hangLimit); lives(tid); time.Sleep(100 * time.Microsecond) {
		if time.Now().After(deadline) {
			return fmt.Errorf("thread %d has not ended within %v", tid, hangLimit)
		}
	}
	for i, c := range conns {
		if _, err := c.Write(binary.BigEndian.AppendUint64(nil, uint64(i))); err != nil {
			return err
		}
	}
	var errs []error
	for range conns {
		errs = append(errs, <-read)
	}
	return errors.Join(errs...)
}

// lives reports whether a thread of this process is still there. The main one
// always is: the runtime parks it in place of letting it exit.
func lives(tid int) bool {
	pid := syscall.Getpid()
	if tid == pid {
		return false
	}
	_, _, errno := syscall.RawSyscall(syscall.SYS_TGKILL, uintptr(pid), uintptr(tid), 0)
	return errno == 0
}

// reuse closes a connection while a reply to it is on its way and opens one that
// gets its descriptor. The new one is silent, so a request of the old one that
// lived on would read nothing, or wake the new reader too early; either shows
// as another result than the token that is asked for in the end.
func (s *stress) reuse() error {
	for !s.over() {
		old, err := net.Dial("tcp", s.address())
		if err != nil {
			return err
		}
		s.connections.Add(1)
		fd, err := descriptor(old)
		if err != nil {
			return err
		}
		if _, err := old.Write(binary.BigEndian.AppendUint64(nil, 1)); err != nil {
			return err
		}
		old.Close()
		c, err := net.Dial("tcp", s.address())
		if err != nil {
			return err
		}
		s.connections.Add(1)
		again, err := descriptor(c)
		if err == nil {
			err = s.readSilent(c)
		}
		c.(*net.TCPConn).SetLinger(0)
		c.Close()
		if err != nil {
			return fmt.Errorf("descriptor %d, before it %d: %w", again, fd, err)
		}
		if again == fd {
			s.reuses.Add(1)
		}
	}
	return nil
}

// readSilent waits on a connection on which nothing comes: until a deadline, and
// then until the token that it asks for.
func (s *stress) readSilent(c net.Conn) error {
	var reply [8]byte
	c.SetReadDeadline(time.Now().Add(time.Duration(rand.IntN(500)) * time.Microsecond))
	if n, err := c.Read(reply[:]); !errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Errorf("read of a silent connection: got %d bytes and error %v, want the deadline's", n, err)
	}
	c.SetReadDeadline(time.Time{})
	token := rand.Uint64()
	if _, err := c.Write(binary.BigEndian.AppendUint64(nil, token)); err != nil {
		return err
	}
	if _, err := io.ReadFull(c, reply[:]); err != nil {
		return err
	}
	if got := binary.BigEndian.Uint64(reply[:]); got != token {
		return fmt.Errorf("reply %x to token %x: it belongs to another connection", got, token)
	}
	return nil
}

// descriptor is the number of a connection's file.
func descriptor(c net.Conn) (int, error) {
	raw, err := c.(*net.TCPConn).SyscallConn()
	if err != nil {
		return 0, err
	}
	number := -1
	err = raw.Control(func(fd uintptr) { number = int(fd) })
	return number, err
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

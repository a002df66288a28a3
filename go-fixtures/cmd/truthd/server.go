package main

import (
	"errors"
	"fmt"
	"net/netip"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"pollgate/go-fixtures/internal/loadgen/monotime"
)

const (
	// acceptBatch bounds the connections accepted between two looks at the others. One takes about as
	// long as a short request, and more of them wait in the kernel without harm.
	acceptBatch = 16
	// readBufferBytes is shared by all connections: what is read is served before the next read.
	readBufferBytes = 16 << 10
	// Edge-triggered: a level-triggered connection stays in the kernel's list after it was reported, and
	// its next request would overtake those that came before it.
	readEvents  = unix.EPOLLIN | unix.EPOLLRDHUP | unix.EPOLLET
	writeEvents = readEvents | unix.EPOLLOUT
	endEvents   = unix.EPOLLRDHUP | unix.EPOLLHUP | unix.EPOLLERR
)

// protocol finds requests in a connection's bytes and serves them.
type protocol interface {
	// take looks for one request at the beginning of p. It returns how many bytes it used up; 0 means that more
	// bytes have to come first. When they complete a request it has served it, as begun at beganNs,
	// by calling serve.
	take(c *conn, p []byte, beganNs int64) (used int)
}

// server is one thread that serves one request at a time.
type server struct {
	address  netip.AddrPort
	protocol protocol

	epoll, listener, waker int
	sleep                  bool
	stopped                atomic.Bool
	failure                error // ends serve

	events   [256]unix.EpollEvent
	buffer   []byte
	conns    []*conn // by descriptor
	accepted int64
	freedNs  int64 // of the request served last; 0 = none yet
	log      *requestLog
}

// newServer listens. Its protocol has to be set before serve.
func newServer(address netip.AddrPort, sleep bool, log *requestLog) (*server, error) {
	listener, bound, err := listenTCP(address)
	if err != nil {
		return nil, err
	}
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("epoll_create1: %w", err)
	}
	waker, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("eventfd: %w", err)
	}
	for _, fd := range []int{listener, waker} {
		// Level-triggered: what is not accepted in one turn is reported again.
		if err := control(epoll, unix.EPOLL_CTL_ADD, int32(fd), unix.EPOLLIN, 0); err != nil {
			return nil, fmt.Errorf("epoll_ctl: %w", err)
		}
	}
	return &server{
		address: bound, epoll: epoll, listener: listener, waker: waker, sleep: sleep,
		buffer: make([]byte, readBufferBytes), log: log,
	}, nil
}

// stop ends serve, also in the middle of a request. Any goroutine may call it.
func (s *server) stop() {
	s.stopped.Store(true)
	one := [8]byte{1}
	_, _ = unix.Write(s.waker, one[:]) // fails only when it is set already
}

// serve serves until stop or a failure.
func (s *server) serve() error {
	ms := 0
	if s.sleep {
		ms = -1
	}
	for !s.stopped.Load() && s.failure == nil {
		if err := s.turn(ms); err != nil {
			return err
		}
	}
	return s.failure
}

// turn serves what is there now; ms = -1 waits for something.
func (s *server) turn(ms int) error {
	n, errno := waitEvents(s.epoll, s.events[:], ms)
	if errno == unix.EINTR {
		return nil
	}
	if errno != 0 {
		return fmt.Errorf("epoll_wait: %w", errno)
	}
	// The kernel lists connections in the order in which they became readable.
	for i := range n {
		if s.stopped.Load() || s.failure != nil {
			break
		}
		s.handle(&s.events[i])
	}
	return nil
}

func (s *server) handle(event *unix.EpollEvent) {
	switch int(event.Fd) {
	case s.waker:
		return // stopped is set
	case s.listener:
		s.accept()
		return
	}
	c := s.conns[event.Fd]
	if !c.open || c.generation != event.Pad {
		return // of a connection that ended earlier in this batch
	}
	if len(c.output) > 0 {
		if event.Events&(unix.EPOLLOUT|endEvents) == 0 || !s.flush(c) {
			return
		}
		// What came meanwhile has not been looked at.
		if !s.consume(c, nil, monotime.Now()) {
			return
		}
	}
	s.read(c, event.Events&endEvents != 0)
}

func (s *server) accept() {
	for range acceptBatch {
		fd, errno := acceptConn(s.listener)
		switch errno {
		case 0:
			s.add(fd)
		case unix.EAGAIN:
			return
		case unix.EMFILE, unix.ENFILE:
			// A server that refuses connections is a failed measurement, and the loud end is the better one.
			s.failure = fmt.Errorf("accept: %w with %d connections accepted: raise the limit of open files (ulimit -Hn)", errno, s.accepted)
			return
		case unix.EINTR, unix.ECONNABORTED:
		default:
			s.failure = fmt.Errorf("accept: %w", errno)
			return
		}
	}
}

func (s *server) add(fd int32) {
	for int(fd) >= len(s.conns) {
		s.conns = append(s.conns, nil)
	}
	if s.conns[fd] == nil {
		s.conns[fd] = &conn{fd: fd}
	}
	c := s.conns[fd]
	s.accepted++
	c.reset(s.accepted)
	if err := control(s.epoll, unix.EPOLL_CTL_ADD, fd, readEvents, c.generation); err != nil {
		s.failure = fmt.Errorf("epoll_ctl: %w", err)
	}
}

// busy spins until untilNs, or until the server is stopped, which it reports as false. It returns the time
// at which it saw the end, the last thing that it did.
func (s *server) busy(untilNs int64) (nowNs int64, ok bool) {
	for {
		if s.stopped.Load() {
			return 0, false
		}
		if now := monotime.Now(); now >= untilNs {
			return now, true
		}
	}
}

// finish sends a reply and notes that the server is free again.
func (s *server) finish(c *conn, reply []byte, beganNs, wroteNs int64) {
	s.send(c, reply)
	s.freedNs = monotime.Now()
	if s.log != nil && !s.log.add(logEntry{c.number, beganNs, wroteNs, s.freedNs}) {
		s.failure = errLogFull
	}
}

var errLogFull = errors.New("the log is full, at 4,194,304 requests: make the run shorter, or leave --log out")

package main

import (
	"golang.org/x/sys/unix"

	"pollgate/go-fixtures/internal/loadgen/monotime"
)

// conn is one connection. It outlives its socket: the next one with the same descriptor uses it again.
type conn struct {
	fd         int32
	generation int32 // tells events of an earlier socket apart
	number     int64 // in the order of accept, from 1
	open       bool
	ending     bool // to be closed when output is written

	input  []byte // the beginning of a request, or what waits until output is written
	output []byte // of replies that the kernel did not take yet; empty almost always
	http   httpState
}

// reset makes c a new connection.
func (c *conn) reset(number int64) {
	c.generation++
	c.number, c.open, c.ending = number, true, false
	c.input, c.output, c.http = c.input[:0], c.output[:0], httpState{}
}

func (s *server) close(c *conn) {
	c.open = false
	_ = unix.Close(int(c.fd)) // nothing is to be done about it: the descriptor is gone anyway
}

// end closes c once everything is written.
func (s *server) end(c *conn) {
	if c.ending = true; len(c.output) == 0 {
		s.close(c)
	}
}

// usable tells whether c can take another request now.
func (c *conn) usable() bool { return c.open && !c.ending && len(c.output) == 0 }

// read serves the requests that have arrived on c. toEnd says that the peer has closed its side, and nothing
// will be reported after this.
func (s *server) read(c *conn, toEnd bool) {
	for c.usable() {
		beganNs := monotime.Now()
		n, errno := receiveBytes(c.fd, s.buffer)
		switch {
		case errno == unix.EINTR:
			continue
		case errno == unix.EAGAIN:
			return
		case errno != 0:
			s.close(c)
			return
		case n == 0:
			s.end(c)
			return
		}
		if !s.consume(c, s.buffer[:n], beganNs) {
			return
		}
		if n < len(s.buffer) && !toEnd {
			return // the socket is empty (epoll(7)): the next bytes are an event
		}
		if !toEnd {
			// Others have waited while this one was served: it queues up behind them.
			s.watch(c, readEvents)
			return
		}
	}
}

// consume serves the complete requests among what was kept of c and p, and keeps the rest. The first
// begins at beganNs, the others when the one before is done. It reports whether c can be read from.
func (s *server) consume(c *conn, p []byte, beganNs int64) bool {
	if len(c.input) > 0 {
		c.input = append(c.input, p...)
		p = c.input
	}
	for c.usable() && !s.stopped.Load() && s.failure == nil {
		used := s.protocol.take(c, p, beganNs)
		if used == 0 {
			break
		}
		if p = p[used:]; len(p) == 0 {
			break
		}
		beganNs = monotime.Now()
	}
	c.input = append(c.input[:0], p...)
	return c.usable() && !s.stopped.Load()
}

// send writes p to c, or keeps what the kernel does not take.
func (s *server) send(c *conn, p []byte) {
	for len(p) > 0 {
		n, errno := sendBytes(c.fd, p)
		switch errno {
		case 0:
			p = p[n:]
		case unix.EINTR:
		case unix.EAGAIN:
			c.output = append(c.output, p...)
			s.watch(c, writeEvents)
			return
		default:
			s.close(c)
			return
		}
	}
}

// flush goes on with send. It reports whether all is written and c still open.
func (s *server) flush(c *conn) bool {
	for len(c.output) > 0 {
		n, errno := sendBytes(c.fd, c.output)
		switch errno {
		case 0:
			c.output = append(c.output[:0], c.output[n:]...)
		case unix.EINTR:
		case unix.EAGAIN:
			return false // the next event comes when there is room
		default:
			s.close(c)
			return false
		}
	}
	if c.ending {
		s.close(c)
		return false
	}
	s.watch(c, readEvents)
	return c.open
}

// watch sets what is reported about c, and has it reported again if it is so already.
func (s *server) watch(c *conn, events uint32) {
	if control(s.epoll, unix.EPOLL_CTL_MOD, c.fd, events, c.generation) != nil {
		s.close(c)
	}
}

package main

import (
	"fmt"

	"golang.org/x/sys/unix"

	"pollgate/go-fixtures/internal/blockproto"
	"pollgate/go-fixtures/internal/pagefile"
)

// conn is one connection.
type conn struct {
	fd int
	// pending holds the received bytes not worked on yet: up to 64 requests, the last one perhaps
	// not whole.
	pending [64 * blockproto.RequestSize]byte
	length  int
	// page is the reply that the client has not taken yet, from rest on; nil if there is none. No
	// more is read from the client meanwhile.
	page []byte
	rest int
	// ended: the client sends no more.
	ended bool
}

// serve does what can be done for a connection without waiting for its client. The error is one of
// the server's.
func (l *loop) serve(c *conn) error {
	if c.page != nil {
		sent, blocked := l.send(c)
		if blocked {
			return nil
		}
		if !sent {
			l.close(c)
			return nil
		}
		if err := l.watch(unix.EPOLL_CTL_MOD, c.fd, unix.EPOLLIN); err != nil {
			return err
		}
	} else if !c.receive() {
		l.close(c)
		return nil
	}
	for {
		taken := 0
		for ; c.length-taken >= blockproto.RequestSize; taken += blockproto.RequestSize {
			if !l.answer(c, blockproto.PageNumber(c.pending[taken:])) {
				l.close(c)
				return nil
			}
			if c.page != nil {
				taken += blockproto.RequestSize
				c.forget(taken)
				return l.watch(unix.EPOLL_CTL_MOD, c.fd, unix.EPOLLOUT)
			}
		}
		c.forget(taken)
		if c.ended || l.draining && c.length == 0 && !c.more() {
			l.close(c)
			return nil
		}
		if !l.draining || c.length < blockproto.RequestSize {
			return nil
		}
	}
}

// forget drops the first n bytes that are pending.
func (c *conn) forget(n int) { c.length = copy(c.pending[:], c.pending[n:c.length]) }

// receive takes what has arrived, and reports false if the connection is broken.
func (c *conn) receive() bool {
	n, errno := recv(c.fd, c.pending[c.length:])
	switch {
	case errno == unix.EAGAIN || errno == unix.EINTR:
	case errno != 0:
		return false
	case n == 0:
		c.ended = true
	}
	c.length += n
	return true
}

// more reports whether there was more to receive.
func (c *conn) more() bool {
	before := c.length
	return c.receive() && c.length > before
}

// answer reads the page and sends as much of it as the client takes. It reports false if the
// connection is to be closed.
func (l *loop) answer(c *conn, n uint64) bool {
	err := error(nil)
	if n >= l.file.Pages {
		err = fmt.Errorf("page %d asked for, the last one is %d", n, l.file.Pages-1)
	} else {
		err = pread(int(l.file.Fd()), l.page, int64(n)*blockproto.PageSize)
	}
	if err != nil {
		l.refusals.Tell(l.fixture.Logf, err)
		return false
	}
	// Before it is sent: a client that has its reply finds itself counted.
	l.fixture.Requests.Add()
	c.page, c.rest = l.page, 0
	sent, blocked := l.send(c)
	if blocked {
		l.takePage()
	}
	return sent || blocked
}

// send sends the rest of the connection's page, which is done with if the client took all of it.
func (l *loop) send(c *conn) (sent, blocked bool) {
	for c.rest < len(c.page) {
		n, errno := send(c.fd, c.page[c.rest:])
		switch errno {
		case 0:
			c.rest += n
		case unix.EINTR:
		case unix.EAGAIN:
			return false, true
		default:
			return false, false
		}
	}
	l.returnPage(c)
	return true, false
}

// takePage gives the thread a page for the next reply, its own having stayed with a connection.
func (l *loop) takePage() {
	if n := len(l.freePages); n > 0 {
		l.page, l.freePages = l.freePages[n-1], l.freePages[:n-1]
		return
	}
	l.page = pagefile.Page()
}

// returnPage takes the page back from a connection.
func (l *loop) returnPage(c *conn) {
	if &c.page[0] != &l.page[0] {
		l.freePages = append(l.freePages, c.page)
	}
	c.page = nil
}

func (l *loop) close(c *conn) {
	if c.page != nil {
		l.returnPage(c)
	}
	l.conns[c.fd] = nil
	unix.Close(c.fd) // Its only error would be EINTR, after which it is closed as well.
	l.open.Add(-1)
}

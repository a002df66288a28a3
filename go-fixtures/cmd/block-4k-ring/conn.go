package main

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"pollgate/go-fixtures/internal/blockproto"
	"pollgate/go-fixtures/internal/uring"
)

// mostPending is how much a client may send ahead, in bytes. Beyond that the receive is cancelled
// until the requests are answered, and the rest waits in the socket.
const mostPending = 8 * bufferBytes

// generationMask is how much of a generation is in the user data.
const generationMask = 1<<24 - 1

// conn is one connection. It holds nothing that the kernel writes to, so it may lie on the heap.
type conn struct {
	// fd is −1 in a free slot.
	fd         int32
	generation uint32
	// page is what the reply in flight is in, −1 if there is none; number is which page of the file
	// it is, and sent how many bytes of it are.
	page   int32
	sent   int32
	number uint64
	// pending is what was received and not worked on yet; it may end within a request.
	pending []byte
	// receiving: a receive is armed. cancelling: and has been asked to end.
	receiving, cancelling bool
	// waits: its request waits for a free page. starves: its receive waits for a free buffer.
	waits, starves bool
	// ended: the client sends no more. dead: to be closed as soon as nothing is in flight.
	ended, dead bool
	// watched: a hang-up watch is armed (leaks.go).
	watched bool
}

func (l *loop) userData(slot uint32, what uint64) uint64 {
	return uint64(slot)<<32 | uint64(l.slots[slot].generation&generationMask)<<8 | what
}

// opened gives a new connection a slot.
func (l *loop) opened(fd int32) {
	var slot uint32
	if n := len(l.freeSlots); n > 0 {
		slot = l.freeSlots[n-1]
		l.freeSlots = l.freeSlots[:n-1]
	} else {
		slot = uint32(len(l.slots))
		l.slots = append(l.slots, conn{})
	}
	conn := &l.slots[slot]
	pending := conn.pending[:0]
	generation := conn.generation + 1
	*conn = newConn(fd, generation&generationMask, pending)
	l.open.Add(1)
	l.leaks.opened(l, slot)
	l.settle(slot)
}

func newConn(fd int32, generation uint32, pending []byte) conn {
	return conn{fd: fd, generation: generation, page: -1, pending: pending}
}

// received takes what came for a connection. known: it is still the one that the receive was for.
func (l *loop) received(slot uint32, known bool, c *uring.Completion) error {
	conn := &l.slots[slot]
	if c.Flags&uring.HasBuffer != 0 {
		id := c.Buffer()
		if known && c.Result > 0 && !conn.dead {
			conn.pending = append(conn.pending, l.buffers.Data(id, int(c.Result))...)
		}
		if !l.leaks.keepsBuffer(l) {
			l.buffers.Return(id)
		}
	}
	if !known {
		return nil
	}
	if c.Flags&uring.More == 0 {
		conn.receiving = false
		switch errno := unix.Errno(c.Errno()); {
		case c.Result == 0:
			conn.ended = true
		case errno == unix.ENOBUFS:
			l.settings.counts.noBuffers.Add(1)
			if !conn.cancelling {
				conn.starves = true
				l.starved = append(l.starved, slot)
			}
		case errno == 0 || errno == unix.ECANCELED:
			if !conn.cancelling {
				l.settings.counts.rearms.Add(1)
			}
		default:
			conn.dead = true
		}
		conn.cancelling = false
	}
	l.settle(slot)
	return nil
}

// settle does what a connection needs next. It is called after everything that happens to one, and
// every kind of end comes together here.
func (l *loop) settle(slot uint32) {
	conn := &l.slots[slot]
	for conn.page < 0 && !conn.waits && !conn.dead {
		switch {
		case len(conn.pending) >= blockproto.RequestSize:
			l.answer(slot)
		case conn.ended:
			conn.dead = true
		case l.draining && len(conn.pending) == 0 && !conn.receiving && !l.lookOnce(conn):
			conn.dead = true
		case l.draining && len(conn.pending) == 0 && conn.receiving:
			l.cancelReceive(slot)
			return
		default:
			l.receive(slot)
			return
		}
	}
	if conn.dead {
		l.end(slot)
		return
	}
	l.receive(slot)
}

// receive keeps a receive armed as long as the client is not too far ahead.
func (l *loop) receive(slot uint32) {
	conn := &l.slots[slot]
	switch ahead := len(conn.pending) > mostPending; {
	case conn.receiving && ahead:
		l.cancelReceive(slot)
	case !conn.receiving && !ahead && !conn.ended && !conn.starves:
		l.reserve(1)
		l.ring.Recv(int(conn.fd), group, l.userData(slot, forRecv))
		conn.receiving = true
	}
}

func (l *loop) cancelReceive(slot uint32) {
	conn := &l.slots[slot]
	if !conn.cancelling {
		conn.cancelling = true
		l.reserve(1)
		l.ring.Cancel(l.userData(slot, forRecv), l.userData(slot, forCancel))
	}
}

// answer begins the reply to the first pending request, or has it wait for a page.
func (l *loop) answer(slot uint32) {
	conn := &l.slots[slot]
	n := blockproto.PageNumber(conn.pending)
	if n >= l.file.Pages {
		l.refusals.Tell(l.fixture.Logf, fmt.Errorf("page %d asked for, the last one is %d", n, l.file.Pages-1))
		conn.dead = true
		return
	}
	free := len(l.freePage)
	if free == 0 {
		conn.waits = true
		if l.firstWaiting > len(l.waiting)/2 && len(l.waiting) == cap(l.waiting) {
			l.waiting, l.firstWaiting = l.waiting[:copy(l.waiting, l.waiting[l.firstWaiting:])], 0
		}
		l.waiting = append(l.waiting, slot)
		return
	}
	conn.page, conn.sent, conn.number = l.freePage[free-1], 0, n
	l.freePage = l.freePage[:free-1]
	conn.pending = conn.pending[:copy(conn.pending, conn.pending[blockproto.RequestSize:])]
	l.sending++
	// Before it is sent: a client that has its reply finds itself counted.
	l.fixture.Requests.Add()
	l.leaks.answered(l)
	page := l.page(conn.page)
	l.reserve(2)
	l.ring.ReadFixed(page, n*blockproto.PageSize, uring.Link|uring.SkipSuccess, l.userData(slot, forRead))
	l.ring.Send(int(conn.fd), page, l.userData(slot, forSend))
}

// finishPage takes the page back from a connection, and gives it to the first one that waits and has a
// use for it: a client may have gone meanwhile.
func (l *loop) finishPage(slot uint32) {
	conn := &l.slots[slot]
	l.freePage = append(l.freePage, conn.page)
	conn.page = -1
	for l.firstWaiting < len(l.waiting) && len(l.freePage) > 0 {
		next := l.waiting[l.firstWaiting]
		l.firstWaiting++
		if l.firstWaiting == len(l.waiting) {
			l.waiting, l.firstWaiting = l.waiting[:0], 0
		}
		l.slots[next].waits = false
		l.settle(next)
	}
}

// feedStarved arms the receives anew that ended for want of a buffer; all that was received since
// has been worked on, and its buffers are back.
func (l *loop) feedStarved() error {
	if len(l.starved) == 0 || l.leaks.outOfBuffers(l) {
		return nil
	}
	for _, slot := range l.starved {
		if conn := &l.slots[slot]; conn.fd >= 0 && conn.starves {
			conn.starves = false
			l.settings.counts.rearms.Add(1)
			l.settle(slot)
		}
	}
	l.starved = l.starved[:0]
	return nil
}

// end closes a connection as soon as nothing of it is in flight: a request in flight would keep the
// socket alive beyond the close, and the client would never see its end.
func (l *loop) end(slot uint32) {
	conn := &l.slots[slot]
	if conn.page >= 0 || conn.waits {
		return
	}
	if !l.leaks.keepsSocket(l, slot) && conn.receiving {
		l.cancelReceive(slot)
		return
	}
	unix.Close(int(conn.fd)) // Its only error would be EINTR, after which it is closed as well.
	conn.fd = -1
	conn.generation++
	l.open.Add(-1)
	l.freeSlots = append(l.freeSlots, slot)
}

// lookOnce takes what has arrived without waiting for it, and reports whether there was anything.
func (l *loop) lookOnce(conn *conn) bool {
	var buffer [bufferBytes]byte
	n, _, err := unix.Recvfrom(int(conn.fd), buffer[:], unix.MSG_DONTWAIT)
	if err != nil && !errors.Is(err, unix.EAGAIN) || n <= 0 {
		return false
	}
	conn.pending = append(conn.pending, buffer[:n]...)
	return true
}

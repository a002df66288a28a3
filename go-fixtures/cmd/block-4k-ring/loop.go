package main

import (
	"errors"
	"fmt"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"pollgate/go-fixtures/internal/blockproto"
	"pollgate/go-fixtures/internal/fixture"
	"pollgate/go-fixtures/internal/pagefile"
	"pollgate/go-fixtures/internal/shards"
	"pollgate/go-fixtures/internal/uring"
)

const (
	// queuedRequests is the size of the submission ring. Small: the whole of it passes through the
	// CPU's cache again and again, and a full one is simply submitted.
	queuedRequests = 256
	// bufferBytes is the size of a buffer for received data: 64 requests.
	bufferBytes = 64 * blockproto.RequestSize
	// pageCount is how many requests a thread works on at once; further ones wait. 2 MiB of locked
	// memory: several threads fit into the usual ulimit -l of 8 MiB.
	pageCount = 512
	// gatherUs is how long, in µs, a thread that could go on waits for a new request besides. It
	// spares half the calls under load, and is over at once when a request comes.
	gatherUs = 20
	// group is the number of the only group of provided buffers.
	group = 0
)

// What a request to the ring was for: the lowest byte of its user data. Those of a connection have
// its slot in the upper half, and between the two the generation of the slot, so that no completion
// is taken for one of a connection that had the slot before.
const (
	forAccept = iota
	forWake
	forRecv
	forRead
	forSend
	forCancel
	forNothing
)

// loop is the server of one thread.
type loop struct {
	fixture  *fixture.Fixture
	file     *pagefile.File
	settings *settings

	ring     *uring.Ring
	buffers  *uring.Buffers
	pages    []byte
	freePage []int32
	listener int
	wake     int

	slots     []conn
	freeSlots []uint32
	// waiting, from firstWaiting on, are the connections whose request waits for a page, in order of
	// arrival.
	waiting      []uint32
	firstWaiting int
	// starved are those whose receive ended because there was no buffer.
	starved []uint32
	open    atomic.Int64

	accepting bool
	draining  bool
	// sending is how many pages are being sent.
	sending  uint32
	refusals shards.Refusals
	leaks    leaks
}

func newLoop(f *fixture.Fixture, file *pagefile.File, s *settings) *loop {
	return &loop{fixture: f, file: file, settings: s}
}

// Open makes the ring and what is registered with it.
func (l *loop) Open(listener, wake int) (err error) {
	l.listener, l.wake = listener, wake
	completions := uint32(l.settings.completions)
	if l.ring, err = uring.New(min(queuedRequests, completions), completions); err != nil {
		return err
	}
	if l.buffers, err = l.ring.NewBuffers(group, l.settings.buffers, bufferBytes); err != nil {
		return err
	}
	if l.pages, err = uring.Map(pageCount * blockproto.PageSize); err != nil {
		return err
	}
	for page := range int32(pageCount) {
		l.freePage = append(l.freePage, page)
	}
	if err = l.ring.RegisterBuffer(l.pages); err != nil {
		return err
	}
	if err = l.ring.RegisterFile(int(l.file.Fd())); err != nil {
		return err
	}
	if err = l.leaks.open(l.settings); err != nil {
		return err
	}
	l.accept()
	l.ring.Poll(wake, unix.POLLIN, forWake)
	return l.ring.Submit()
}

// Connections returns how many are open.
func (l *loop) Connections() int { return int(l.open.Load()) }

// Run serves until the drain is over.
func (l *loop) Run() error {
	for !l.draining || l.accepting || l.open.Load() > 0 {
		before := l.ring.Enters
		// The pages that are being sent are so many completions, most of them already during the
		// call: only one more is news. A slow client must not hold it up, hence the limit.
		if err := l.ring.Wait(l.sending+1, gatherUs); err != nil {
			return err
		}
		for n := l.ring.Ready(); n > 0; n = l.ring.Ready() {
			for i := range n {
				if err := l.complete(l.ring.At(i)); err != nil {
					return err
				}
			}
			l.ring.Release(n)
		}
		l.buffers.Publish()
		if err := l.feedStarved(); err != nil {
			return err
		}
		l.settings.counts.enters.Add(int64(l.ring.Enters - before))
	}
	return nil
}

// complete takes one completion.
func (l *loop) complete(c *uring.Completion) error {
	what := c.UserData & 0xff
	switch what {
	case forAccept:
		return l.accepted(c)
	case forWake:
		l.draining = true
		if l.accepting {
			l.reserve(1)
			l.ring.Cancel(forAccept, forNothing)
		}
		for slot := range l.slots {
			if l.slots[slot].fd >= 0 {
				l.settle(uint32(slot))
			}
		}
		return nil
	case forNothing:
		return nil
	}
	slot := uint32(c.UserData >> 32)
	known := l.slots[slot].generation == uint32(c.UserData>>8)&generationMask
	if what == forRecv {
		return l.received(slot, known, c)
	}
	if !known {
		return nil
	}
	switch conn := &l.slots[slot]; what {
	case forRead:
		// Only a read that failed, or met the end of the file, completes: its sending never begins.
		err := error(unix.Errno(c.Errno()))
		if c.Result >= 0 {
			err = errors.New("the file has become shorter")
		}
		l.refusals.Tell(l.fixture.Logf, fmt.Errorf("read page %d: %w", conn.number, err))
		l.sending--
		l.finishPage(slot)
		conn.dead = true
	case forSend:
		if c.Result > 0 {
			conn.sent += c.Result
		} else {
			conn.dead = true
		}
		if conn.sent < blockproto.PageSize && !conn.dead {
			l.reserve(1)
			l.ring.Send(int(conn.fd), l.page(conn.page)[conn.sent:], l.userData(slot, forSend))
			return nil
		}
		l.sending--
		l.finishPage(slot)
	case forCancel:
		// EALREADY: the receive was at work. ENOENT: it is over, and says so itself.
		conn.cancelling = false
		if c.Errno() == int(unix.ENOENT) {
			conn.cancelling = conn.receiving
		}
	}
	l.settle(slot)
	return nil
}

// accept queues the request for all further connections.
func (l *loop) accept() {
	l.reserve(1)
	l.ring.Accept(l.listener, forAccept)
	l.accepting = true
}

// accepted takes a new connection, or the end of the accepting.
func (l *loop) accepted(c *uring.Completion) error {
	if c.Result >= 0 {
		l.opened(c.Result)
	} else if errno := unix.Errno(c.Errno()); errno == unix.EMFILE || errno == unix.ENFILE || errno == unix.ENOMEM || errno == unix.ENOBUFS {
		// A server that refuses connections is a failed measurement: the loud end is the better one.
		return fmt.Errorf("accept: %w (too many open files: raise ulimit -n)", errno)
	}
	if c.Flags&uring.More == 0 {
		l.accepting = false
		if l.draining {
			return unix.Close(l.listener)
		}
		l.settings.counts.rearms.Add(1)
		l.accept()
	}
	return nil
}

// reserve makes room for n requests, which are then submitted together: a link does not reach over
// two submissions.
func (l *loop) reserve(n uint32) {
	for l.ring.Space() < n {
		// What Submit reports, Wait will meet again and report.
		if l.ring.Submit() != nil {
			return
		}
	}
}

func (l *loop) page(page int32) []byte {
	start := int(page) * blockproto.PageSize
	return l.pages[start : start+blockproto.PageSize : start+blockproto.PageSize]
}

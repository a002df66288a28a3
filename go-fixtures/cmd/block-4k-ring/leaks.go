package main

import (
	"golang.org/x/sys/unix"

	"pollgate/go-fixtures/internal/uring"
)

// What --leak forgets, every Nth time (--leak-every). None of it shows in /proc/PID/fd.
const (
	// leakPinnedSocket: a connection is closed without cancelling what is armed on it, the receive
	// and a watch for hang-ups. They hold the socket: no FIN is sent. Where the client closed, ss
	// shows it in CLOSE-WAIT without a process (and the watch is in the ring's PollList); where the
	// server closed first, it stays established and the client waits for ever.
	leakPinnedSocket = "pinned-socket"
	// leakBuffers: a provided buffer is not returned. When none is left, every receive ends with
	// ENOBUFS; ss shows the requests in the sockets' Recv-Q.
	leakBuffers = "buffers"
	// leakCQ: a second ring gets a request whose completion nobody reads. Its completion ring
	// overflows, and the kernel keeps the rest in memory: CqOverflowList in the ring's fdinfo.
	leakCQ = "cq"
)

// unreadCompletions is how many completions the second ring has room for.
const unreadCompletions = 16

// leaks is what one thread has forgotten.
type leaks struct {
	kind  string
	every uint64
	// occasions counts what could have been forgotten.
	occasions uint64
	buffers   int
	unread    *uring.Ring
}

func (k *leaks) open(s *settings) (err error) {
	k.kind, k.every = s.leak, s.leakEvery
	if k.kind == leakCQ {
		k.unread, err = uring.New(8, unreadCompletions)
	}
	return err
}

// forgets tells whether kind is to be forgotten this time.
func (k *leaks) forgets(kind string) bool {
	if k.kind != kind {
		return false
	}
	k.occasions++
	return k.occasions%k.every == 0
}

// opened arms the watch that will not be cancelled: an armed receive ends when the client closes, and
// would pin nothing then; a watch that completes again and again goes on.
func (k *leaks) opened(l *loop, slot uint32) {
	if k.forgets(leakPinnedSocket) {
		l.slots[slot].watched = true
		l.reserve(1)
		l.ring.PollAlways(int(l.slots[slot].fd), unix.POLLERR, forNothing)
	}
}

// keepsSocket tells whether the connection is to be closed with all that is armed on it.
func (k *leaks) keepsSocket(l *loop, slot uint32) bool {
	watched := l.slots[slot].watched
	if watched {
		l.settings.counts.forgottenSockets.Add(1)
	}
	return watched
}

// keepsBuffer tells whether the provided buffer is to be forgotten.
func (k *leaks) keepsBuffer(l *loop) bool {
	if !k.forgets(leakBuffers) {
		return false
	}
	k.buffers++
	l.settings.counts.forgottenBuffers.Add(1)
	return true
}

// outOfBuffers tells that none is left that could come back.
func (k *leaks) outOfBuffers(l *loop) bool { return k.buffers >= l.settings.buffers }

// answered adds to the completions that nobody reads.
func (k *leaks) answered(l *loop) {
	if !k.forgets(leakCQ) {
		return
	}
	l.settings.counts.unreadCQEs.Add(1)
	k.unread.Nop(forNothing)
	// It fails for want of memory at most, and then has left enough unread.
	_ = k.unread.Submit()
}

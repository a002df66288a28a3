// Package runtime's network poller over io_uring, used in place of
// netpoll_epoll.go under the build tag goexperiment.io_uring.
//
// # Contract
//
// The functions netpollinit, netpollopen, netpollclose, netpollarm, netpoll,
// netpollBreak and netpollIsPollDescriptor do what the comment at the head of
// netpoll.go asks, with the observable behaviour of the epoll port: the same
// errno values, batches of 128 events, no busy loop where a goroutine waits
// beside what it does not read. One thing is better: a wait of less than a
// millisecond is not rounded up.
//
// # Design
//
// netpoll_iouring_ring.go is the ring: set-up, submission, completion.
// netpoll_iouring_fds.go is the table of registered descriptors.
// netpoll_iouring_arming.go is the life of their polls. This file is the
// contract, built from these.
//
// A poll completes in the thread that submitted it: that thread is interrupted,
// or woken, to post the completion, which then wakes the one that polls. So the
// two had better be the same. One ring per process; to register a descriptor is
// an entry in the table. A goroutine that is about to wait queues a one-shot
// POLL_ADD, and the next netpoll submits all that are queued, in one system
// call, before it looks. The M that polls thus has armed what it polls for.
//
// Readiness is read from the completion queue (CQ) in shared memory, so a non-
// blocking poll costs no system call if nothing is queued. A blocking poll is one
// io_uring_enter. While an M blocks, a goroutine that waits submits its poll
// itself.
//
// # Invariants
//
//  1. The user_data of a poll names descriptor, direction and iouringFd.seq,
//     which changes with every registration. A completion that arrives late
//     matches nothing.
//  2. At most one request per user_data is in the kernel: iouringFd.armed is
//     set when it is submitted and cleared by its last completion (the one
//     without iouringCQEMore).
//  3. The table and every submission are guarded by iouringSQ.lock, and
//     netpollclose runs before close(2), so whoever holds the lock and finds a
//     registration knows that the descriptor still is that file.
//  4. The two locks are leaves. Neither is held while the other is taken, nor
//     while a goroutine is made ready, nor over a system call that waits.
//  5. netpoll allocates nothing, has no write barriers and needs no P: it runs
//     on Ms without P, in sysmon, and while the world is stopped.
//
// # What remains of that property of the kernel
//
// A thread that armed polls and then does something else still posts their
// completions: interrupted if it runs, woken if it sleeps in the kernel. If it
// cannot be interrupted, in a read from a disk, it holds them back.

//go:build linux && goexperiment.io_uring && (amd64 || arm64)

package runtime

import (
	"internal/runtime/atomic"
	"internal/runtime/syscall/linux"
	"unsafe"
)

// user_data values that are no tagged pointer.
const (
	iouringIgnore = 0 // result of a cancel request
	iouringBreak  = 1 // NOP submitted by netpollBreak
)

// iouringCloseLooks is how often netpollclose looks for the end of a poll
// before it parks: about ten microseconds, what it takes to wake a thread.
const iouringCloseLooks = 10

// netpollWakeSig is 1 from a netpollBreak until a blocking poll has seen it.
var netpollWakeSig atomic.Uint32

// iouringBlocked counts the Ms that are in io_uring_enter to wait, or have
// decided to be.
var iouringBlocked atomic.Int32

// netpollinit sets up the ring. If the kernel refuses, the process exits: a
// program built for this poller that quietly used another one would be
// measured under a wrong name.
func netpollinit() {
	iouringSetup()
}

func netpollIsPollDescriptor(fd uintptr) bool {
	return fd == uintptr(iouringRingFd)
}

// netpollopen registers fd. It refuses what epoll_ctl refuses, with the same
// errno, because package os decides by it whether a file is pollable.
func netpollopen(fd uintptr, pd *pollDesc) uintptr {
	var st iouringStatx
	if errno := iouringIdentify(fd, &st); errno != 0 {
		return errno
	}
	pd.user = 0 // see iouringWaits
	tp := uint64(taggedPointerPack(unsafe.Pointer(pd), pd.fdseq.Load()))

	// On the system stack, where the stack cannot grow under the lock.
	var errno uintptr
	systemstack(func() {
		lock(&iouringSQ.lock)
		errno = iouringRegister(fd, tp, &st)
		unlock(&iouringSQ.lock)
	})
	return errno
}

// netpollclose ends the polls of fd and returns when the kernel has let go of
// the file. It must do both before close(2), because a poll in flight holds a
// reference: close(2) alone would not send a FIN nor free a port, and if the
// poll's reference outlived it by microseconds, a listener could not be bound
// again at once, as it can with epoll. Mostly nobody waits, no poll is armed, and
// there is nothing to do.
//
// A poll ends in the thread that submitted it. If that is this one, it has
// ended when the cancel request returns. Otherwise the other thread has been
// interrupted; we look a few times and then park, as for any other I/O.
func netpollclose(fd uintptr) uintptr {
	var tp uint64
	var wait bool
	systemstack(func() {
		lock(&iouringSQ.lock)
		tp, wait = iouringUnregister(fd)
		unlock(&iouringSQ.lock)
	})
	if tp == 0 {
		return linux.ENOENT
	}
	if !wait {
		return 0
	}
	pd := (*pollDesc)(taggedPointer(tp).pointer())
	systemstack(iouringPollOnce)
	for looks := 1; !iouringEnded(fd, tp); looks++ {
		if looks < iouringCloseLooks && gomaxprocs > 1 {
			procyield(active_spin_cnt)
			systemstack(iouringPollOnce)
			continue
		}
		// iouringReady makes us ready. waitio: pd is closing already.
		netpollblock(pd, 'r', true)
	}
	return 0
}

// iouringPollOnce polls without blocking on behalf of netpollclose.
func iouringPollOnce() {
	list, delta := netpoll(0)
	injectglist(&list)
	netpollAdjustWaiters(delta)
}

// netpollBreak makes the blocking netpoll return, or the next one if there is
// none. It completes a NOP: a completion posted by the breaking thread itself
// wakes the waiter directly, where an eventfd would need a poll of its own.
func netpollBreak() {
	// Failing to cas indicates there is an in-flight wakeup, so we're done here.
	if !netpollWakeSig.CompareAndSwap(0, 1) {
		return
	}
	iouringPostBreak()
}

//go:nowritebarrierrec
func iouringPostBreak() {
	systemstack(func() {
		lock(&iouringSQ.lock)
		iouringPut(iouringSQE{opcode: iouringOpNop, fd: -1, userData: iouringBreak})
		iouringSubmit()
		unlock(&iouringSQ.lock)
	})
}

// netpoll checks for ready network connections.
// Returns a list of goroutines that become runnable,
// and a delta to add to netpollWaiters.
// This must never return an empty list with a non-zero delta.
//
// delay < 0: blocks indefinitely
// delay == 0: does not block, just polls
// delay > 0: block for up to that many nanoseconds
//
//go:nowritebarrierrec
func netpoll(delay int64) (gList, int32) {
	if iouringRingFd == -1 {
		return gList{}, 0
	}
	iouringFlushQueue()
	var cqes [iouringBatch]iouringCQE
	n := iouringReap(&cqes)
	for n == 0 && delay != 0 {
		again := iouringWait(delay)
		n = iouringReap(&cqes)
		if !again {
			break
		}
	}
	var toRun gList
	delta := int32(0)
	for i := uint32(0); i < n; i++ {
		cqe := &cqes[i]
		switch cqe.userData {
		case iouringIgnore:
		case iouringBreak:
			iouringBroken(delay)
		default:
			delta += iouringReady(&toRun, cqe)
		}
	}
	return toRun, delta
}

// iouringWait blocks until there is a completion, for at most delay
// nanoseconds (delay < 0: no limit). It reports whether a caller that finds no
// completion now should wait again.
//
// The order of the first two steps is what makes breaks reliable. A break sets
// netpollWakeSig and then posts its completion; a non-blocking poll that takes
// that completion away looks at iouringBlocked afterwards. So either this M
// sees the signal here, or the other one sees this M and posts again.
//
//go:nowritebarrierrec
func iouringWait(delay int64) (again bool) {
	iouringBlocked.Add(1)
	if netpollWakeSig.Load() != 0 {
		netpollWakeSig.Store(0)
		iouringBlocked.Add(-1)
		return false
	}
	iouringFlushQueue()
	// One variable, so that the time lives as long as the argument that holds
	// its address as a number.
	var w struct {
		arg iouringWaitArg
		ts  timespec
	}
	if delay > 0 {
		// The same arbitrary cap as the epoll port's: 1e15 ns, 11.5 days.
		w.ts.setNsec(min(delay, 1e15))
		w.arg.ts = uint64(uintptr(unsafe.Pointer(&w.ts)))
	}
	_, _, errno := linux.Syscall6(iouringSysEnter, uintptr(iouringRingFd), 0, 1, iouringEnterGetEvents|iouringEnterExtArg, uintptr(unsafe.Pointer(&w)), unsafe.Sizeof(w.arg))
	iouringBlocked.Add(-1)
	switch errno {
	case 0, _EINTR:
		// An interrupted timed wait returns, to recalculate how long to
		// sleep; so does one whose completion another M took.
		return delay < 0
	case iouringETIME:
		return false
	case iouringEBADR:
		iouringDropped()
	}
	print("runtime: io_uring_enter on fd ", iouringRingFd, " failed with errno ", errno, "\n")
	throw("runtime: netpoll failed")
	return false
}

// iouringBroken handles the completion of a break. A blocking poll is what it
// was meant for. A non-blocking one has taken it from a blocked M, if there is
// any, and posts it again; if there is none, the signal stays up for the next
// M that wants to block.
//
//go:nowritebarrierrec
func iouringBroken(delay int64) {
	if delay != 0 {
		netpollWakeSig.Store(0)
		return
	}
	if iouringBlocked.Load() > 0 && netpollWakeSig.Load() != 0 {
		iouringCounters.breaksReposted.Add(1)
		iouringPostBreak()
	}
}

// iouringReady makes the goroutines ready that wait for the event in cqe.
//
//go:nowritebarrierrec
func iouringReady(toRun *gList, cqe *iouringCQE) int32 {
	registration, closing, res := iouringCompleted(cqe)
	if registration == 0 {
		return 0
	}
	tp := taggedPointer(registration)
	pd := (*pollDesc)(tp.pointer())
	tag := tp.tag()
	if closing {
		return netpollready(toRun, pd, 'r') // for netpollclose
	}
	if pd.fdseq.Load() != tag {
		return 0
	}
	var mode int32
	eventErr := false
	if res < 0 {
		// The kernel could not poll. As for a scan error of epoll: a reader
		// gets an error, a writer tries and gets a more specific one.
		iouringCounters.failed.Add(1)
		mode, eventErr = 'r'+'w', true
	} else {
		events := uint32(res)
		if events&(linux.EPOLLIN|linux.EPOLLRDHUP|linux.EPOLLHUP|linux.EPOLLERR) != 0 {
			mode += 'r'
		}
		if events&(linux.EPOLLOUT|linux.EPOLLHUP|linux.EPOLLERR) != 0 {
			mode += 'w'
		}
		eventErr = events == linux.EPOLLERR
	}
	if mode == 0 {
		return 0
	}
	pd.setEventErr(eventErr, tag)
	return netpollready(toRun, pd, mode)
}

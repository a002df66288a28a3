// Package runtime's network poller over io_uring, used in place of
// netpoll_epoll.go under the build tag goexperiment.io_uring.
//
// # Contract
//
// The six functions netpollinit, netpollopen, netpollclose, netpoll,
// netpollBreak and netpollIsPollDescriptor do what the comment at the head of
// netpoll.go asks, with the observable behaviour of the epoll port: the same
// errno values, edge-triggered readiness, batches of 128 events. One thing is
// better: a wait of less than a millisecond is not rounded up.
//
// # Design
//
// netpoll_iouring_ring.go is the ring: set-up, submission, completion.
// netpoll_iouring_fds.go is the table of registered descriptors and the life of
// their polls. This file is the contract, built from both.
//
// One ring per process. A descriptor is registered by one multishot POLL_ADD,
// submitted at once, one system call as with epoll_ctl. Readiness is read from
// the completion queue (CQ) in shared memory, so a non-blocking poll that finds
// nothing costs no system call. A blocking poll is one io_uring_enter.
//
// # Invariants
//
//  1. A request's user_data is the tagged pointer (pollDesc, fdseq). fdseq
//     changes whenever the pollDesc is freed, so no two registrations share a
//     user_data and a completion that arrives late matches nothing.
//  2. At most one request per user_data is in the kernel: the first is
//     submitted by netpollopen, another only after the last completion of the
//     one before it (the completion without iouringCQEMore).
//  3. iouringFds maps a descriptor to the user_data of its registration. Both
//     the map and every submission are guarded by iouringSQ.lock, and
//     netpollclose runs before close(2), so whoever holds the lock and finds
//     user_data in the map knows that the descriptor still is that file.
//  4. The two locks are leaves. Neither is held while the other is taken, nor
//     while a goroutine is made ready, nor over a system call that waits.
//  5. netpoll allocates nothing, has no write barriers and needs no P: it runs
//     on Ms without P, in sysmon, and while the world is stopped.
//
// # A property of the kernel to know
//
// A poll completes in the context of the thread that submitted it, in Go
// whichever M called netpollopen. That M is interrupted or woken to post the
// completion, which wakes the polling M. It is the reason for the extra context
// switches, and a thread in uninterruptible sleep holds back the events of the
// descriptors it registered.

//go:build linux && goexperiment.io_uring && (amd64 || arm64)

package runtime

import (
	"internal/runtime/atomic"
	"internal/runtime/syscall/linux"
	"unsafe"
)

// iouringCloseLooks is how often netpollclose looks for the end of a poll
// before it parks: about ten microseconds, what it takes to wake a thread.
const iouringCloseLooks = 10

// netpollWakeSig is 1 from a netpollBreak until a blocking poll has seen it.
var netpollWakeSig atomic.Uint32

// netpollinit sets up the ring. If the kernel refuses, the process exits: a
// program built for this poller that quietly used another one would be
// measured under a wrong name.
func netpollinit() {
	iouringSetup()
}

func netpollIsPollDescriptor(fd uintptr) bool {
	return fd == uintptr(iouringRingFd) || fd == uintptr(iouringThread.eventFd)
}

// netpollopen registers fd. It refuses what epoll_ctl refuses, with the same
// errno, because package os decides by it whether a file is pollable.
func netpollopen(fd uintptr, pd *pollDesc) uintptr {
	var st iouringStatx
	if errno := iouringIdentify(fd, &st); errno != 0 {
		return errno
	}
	iouringStart()
	userData := uint64(taggedPointerPack(unsafe.Pointer(pd), pd.fdseq.Load()))

	// On the system stack, where the stack cannot grow under the lock.
	var errno uintptr
	systemstack(func() {
		var call bool
		lock(&iouringFds.lock)
		errno, call = iouringRegister(fd, userData, &st)
		unlock(&iouringFds.lock)
		if call {
			iouringCall()
		}
	})
	return errno
}

// netpollclose ends the poll of fd and returns when the kernel has let go of
// the file. It must do both before close(2), because a poll in flight holds a
// reference: close(2) alone would not send a FIN nor free a port, and if the
// poll's reference outlived it by microseconds, a listener could not be bound
// again at once, as it can with epoll.
func netpollclose(fd uintptr) uintptr {
	var userData uint64
	var wait bool
	systemstack(func() {
		var call bool
		lock(&iouringFds.lock)
		userData, wait, call = iouringUnregister(fd)
		unlock(&iouringFds.lock)
		if call {
			iouringCall()
		}
	})
	if userData == 0 {
		return linux.ENOENT
	}
	if !wait {
		return 0
	}
	pd := (*pollDesc)(taggedPointer(userData).pointer())
	for looks := 1; !iouringRelease(fd, userData); looks++ {
		if looks < iouringCloseLooks && gomaxprocs > 1 {
			procyield(active_spin_cnt)
			continue
		}
		// iouringReady makes us ready. waitio: pd is closing already.
		netpollblock(pd, 'r', true)
	}
	return 0
}

// netpollarm is for level-triggered pollers only.
func netpollarm(pd *pollDesc, mode int) {
	throw("runtime: unused")
}

// netpollBreak makes the blocking netpoll return, or the next one if there is
// none.
func netpollBreak() {
	// Failing to cas indicates there is an in-flight wakeup, so we're done here.
	if netpollWakeSig.CompareAndSwap(0, 1) {
		iouringWakeSleeper()
	}
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
	toRun, delta := iouringTake()
	if !toRun.empty() || delay == 0 {
		return toRun, delta
	}
	for {
		// The same arbitrary cap as the epoll port's: 1e15 ns, 11.5 days.
		iouringSleep(min(delay, 1e15))
		broken := netpollWakeSig.Load() != 0
		if broken {
			netpollWakeSig.Store(0)
		}
		toRun, delta = iouringTake()
		// A timed sleep returns early, to recalculate how long to sleep.
		if broken || delay > 0 || !toRun.empty() {
			return toRun, delta
		}
	}
}

// iouringReady makes the goroutines ready that wait for the event in cqe.
//
//go:nowritebarrierrec
func iouringReady(toRun *gList, cqe *iouringCQE) int32 {
	tp := taggedPointer(cqe.userData)
	pd := (*pollDesc)(tp.pointer())
	tag := tp.tag()
	if pd.fdseq.Load() != tag {
		return 0 // closed meanwhile
	}
	if cqe.flags&iouringCQEMore == 0 && iouringLast(pd.fd, cqe) {
		return netpollready(toRun, pd, 'r') // for netpollclose
	}
	if cqe.res == -iouringECANCELED {
		return 0 // no event; the new poll reports what is ready
	}
	var mode int32
	eventErr := false
	if cqe.res < 0 {
		// The kernel could not poll. As for a scan error of epoll: a reader
		// gets an error, a writer tries and gets a more specific one.
		iouringCounters.failed.Add(1)
		mode, eventErr = 'r'+'w', true
	} else {
		events := uint32(cqe.res)
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

// The poller thread of the io_uring netpoller, which owns the ring. See
// netpoll_iouring.go.

//go:build linux && goexperiment.io_uring && (amd64 || arm64)

package runtime

import (
	"internal/goarch"
	"internal/runtime/atomic"
	"internal/runtime/syscall/linux"
	"unsafe"
)

const (
	iouringSysSchedSetscheduler = goarch.IsAmd64*144 + goarch.IsArm64*119
	iouringSchedBatch           = 3
)

// user_data values that are no tagged pointer.
const (
	iouringIgnore = 0 // result of a cancel request
	iouringCalled = 1 // the poll of the event descriptor
)

// iouringThread is how others reach the poller thread.
var iouringThread struct {
	started atomic.Uint32
	eventFd int32

	// waits is 1 while the thread is in io_uring_enter, or about to be, with
	// no request in hand-over. It is guarded by iouringFds.lock.
	waits bool
}

// iouringRunnable holds what the poller thread has found until netpoll takes
// it. The list is linked through the goroutines: it needs no room of its own.
var iouringRunnable struct {
	some  atomic.Uint32 // 1 if list is not empty
	lock  mutex
	list  gList
	delta int32
}

// iouringSleeper is 1 while an M sleeps in netpoll, or is about to. At most one
// does: sched.lastpoll sees to that.
var iouringSleeper atomic.Uint32

// iouringStart starts the poller thread unless it runs already. It needs a P,
// as every start of a thread, and is called with the first descriptor: a
// program that has none, but timers, does without the thread.
func iouringStart() {
	if iouringThread.started.Load() == 0 && iouringThread.started.CompareAndSwap(0, 1) {
		systemstack(func() {
			newm(iouringThreadMain, nil, -1)
		})
	}
}

// iouringThreadMain is the poller thread. It has no P and never gets one, as
// sysmon.
//
//go:nowritebarrierrec
func iouringThreadMain() {
	lock(&sched.lock)
	sched.nmsys++
	checkdead()
	unlock(&sched.lock)

	// The thread that enables the ring owns it from then on.
	_, _, errno := linux.Syscall6(iouringSysRegister, uintptr(iouringRingFd), iouringRegisterEnableRings, 0, 0, 0, 0)
	if errno != 0 {
		iouringRefused("IORING_REGISTER_ENABLE_RINGS", errno)
	}
	// A batch thread does not preempt another when it is woken. So a busy CPU
	// works off what it has, while events gather in the kernel, instead of
	// changing threads for each of them. Any free CPU takes the thread at once.
	var param int32
	linux.Syscall6(iouringSysSchedSetscheduler, 0, iouringSchedBatch, uintptr(unsafe.Pointer(&param)), 0, 0, 0)

	iouringArmEventFd()
	for {
		wait := uintptr(1)
		if !iouringSubmitAll() {
			wait = 0
		}
		iouringEnter(wait)
		iouringPublish()
	}
}

//go:nowritebarrierrec
func iouringArmEventFd() {
	iouringPut(iouringSQE{
		opcode:   iouringOpPollAdd,
		fd:       iouringThread.eventFd,
		len:      iouringPollMultishot,
		opFlags:  linux.EPOLLIN | linux.EPOLLET,
		userData: iouringCalled,
	})
}

// iouringPublish handles all completions and leaves the goroutines that they
// make ready to netpoll.
//
//go:nowritebarrierrec
func iouringPublish() {
	var toRun gList
	delta := int32(0)
	lock(&iouringFds.lock)
	iouringThread.waits = false
	unlock(&iouringFds.lock)
	var cqe iouringCQE
	for iouringNext(&cqe) {
		switch cqe.userData {
		case iouringIgnore:
		case iouringCalled:
			if cqe.flags&iouringCQEMore == 0 {
				iouringArmEventFd()
			}
		default:
			delta += iouringReady(&toRun, &cqe)
		}
	}
	if toRun.empty() {
		return
	}
	lock(&iouringRunnable.lock)
	if iouringRunnable.list.empty() {
		iouringRunnable.list = toRun
	} else {
		for !toRun.empty() {
			iouringRunnable.list.push(toRun.pop())
		}
	}
	iouringRunnable.delta += delta
	iouringRunnable.some.Store(1)
	unlock(&iouringRunnable.lock)
	iouringWakeSleeper()
}

// iouringTake takes what the poller thread has left.
//
//go:nowritebarrierrec
func iouringTake() (toRun gList, delta int32) {
	if iouringRunnable.some.Load() == 0 {
		return gList{}, 0
	}
	lock(&iouringRunnable.lock)
	toRun, delta = iouringRunnable.list, iouringRunnable.delta
	iouringRunnable.list, iouringRunnable.delta = gList{}, 0
	iouringRunnable.some.Store(0)
	unlock(&iouringRunnable.lock)
	return toRun, delta
}

// iouringSleep sleeps until something is there to take, netpollBreak is called
// or delay nanoseconds have passed (delay < 0: no limit), or for no reason.
//
// Whoever wakes the sleeper first stores the reason, then looks at
// iouringSleeper; we do it the other way round, so one of us sees the other.
//
//go:nowritebarrierrec
func iouringSleep(delay int64) {
	iouringSleeper.Store(1)
	if iouringRunnable.some.Load() == 0 && netpollWakeSig.Load() == 0 {
		futexsleep((*uint32)(unsafe.Pointer(&iouringSleeper)), 1, delay)
	}
	iouringSleeper.Store(0)
}

//go:nowritebarrierrec
func iouringWakeSleeper() {
	if iouringSleeper.Load() != 0 && iouringSleeper.CompareAndSwap(1, 0) {
		futexwakeup((*uint32)(unsafe.Pointer(&iouringSleeper)), 1)
	}
}

// iouringCall has the poller thread look at the queue of iouringFds.
func iouringCall() {
	one := uint64(1)
	for {
		if write(uintptr(iouringThread.eventFd), noescape(unsafe.Pointer(&one)), 8) == 8 {
			return
		}
	}
}

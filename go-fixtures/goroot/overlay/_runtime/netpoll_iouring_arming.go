// When the io_uring netpoller arms a poll, and how. See netpoll_iouring.go.

//go:build linux && goexperiment.io_uring && (amd64 || arm64)

package runtime

import (
	"internal/runtime/syscall/linux"
	"unsafe"
)

// iouringArms has poll_runtime_pollWait call netpollarm, as it does for level-
// triggered pollers. That and the call of iouringProgress are edits of
// netpoll.go.
const iouringArms = true

// iouringEdgeAfter is how many waits without progress turn a direction of a
// descriptor to a multishot poll.
//
// A one-shot poll of a file that is ready ends at once, so a goroutine that is
// told so and finds nothing to do would go round for ever: an error queue that
// nobody reads makes a socket that ready. A multishot poll reports that once and
// then is silent until something happens, which is what epoll does, edge-
// triggered. It also is right for those who wait often in one operation, as a
// large write does.
const iouringEdgeAfter = 64

// iouringMaxEnds is how often such a multishot poll may end by itself, without
// an overflow to explain it. A driver whose poll method registers no wait queue
// ends every poll at once; epoll would report such a file ready once and be
// silent, so after this many rounds we are silent too.
const iouringMaxEnds = 1024

// iouringWaits counts the waits of a direction since the last progress, in the
// field of pollDesc that is there for the pollers. The goroutine that reads, or
// writes, is the only one to touch its half.
func iouringWaits(pd *pollDesc, mode int) *uint16 {
	return &(*[2]uint16)(unsafe.Pointer(&pd.user))[iouringDir(mode)]
}

// iouringDir is the index of a direction: 0 to read, 1 to write.
func iouringDir(mode int) int {
	if mode == 'w' {
		return 1
	}
	return 0
}

// iouringProgress is called when a new operation begins, so that the one before
// it has come to an end.
func iouringProgress(pd *pollDesc, mode int) {
	*iouringWaits(pd, mode) = 0
}

// netpollarm is called by a goroutine that is about to wait. It leaves the poll
// to the next netpoll, and hands it to the kernel itself only if another M
// sleeps in the ring, which then is the one to see the event.
//
// Either we see that M in iouringBlocked, or it sees our entry in the queue:
// each of us first stores, then looks.
func netpollarm(pd *pollDesc, mode int) {
	waits := iouringWaits(pd, mode)
	if *waits < iouringEdgeAfter {
		*waits++
	}
	edge := *waits == iouringEdgeAfter
	systemstack(func() {
		lock(&iouringSQ.lock)
		iouringWant(pd, iouringDir(mode), edge)
		if iouringBlocked.Load() > 0 {
			iouringFlush()
		}
		unlock(&iouringSQ.lock)
	})
}

// iouringWant queues a poll of pd's descriptor unless there is one already.
// iouringSQ.lock must be held.
func iouringWant(pd *pollDesc, dir int, edge bool) {
	fd := pd.fd
	if fd >= iouringFds.len {
		return
	}
	slot := iouringSlot(fd)
	if slot.pd != uint64(taggedPointerPack(unsafe.Pointer(pd), pd.fdseq.Load())) {
		return // replaced by iouringRegister
	}
	if edge {
		slot.edge[dir] = true
	}
	iouringQueue(fd, slot, dir)
}

// iouringQueue queues a poll. iouringSQ.lock must be held.
//
//go:nowritebarrierrec
func iouringQueue(fd uintptr, slot *iouringFd, dir int) {
	if slot.armed[dir] || slot.want[dir] || slot.closing || slot.ends[dir] >= iouringMaxEnds {
		return
	}
	slot.want[dir] = true
	if !slot.queued {
		slot.queued = true
		slot.next = iouringFds.queue.Load()
		iouringFds.queue.Store(uint32(fd) + 1)
	}
}

// iouringFlushQueue hands the queued polls to the kernel, if there are any.
//
//go:nowritebarrierrec
func iouringFlushQueue() {
	if iouringFds.queue.Load() != 0 {
		lock(&iouringSQ.lock)
		iouringFlush()
		unlock(&iouringSQ.lock)
	}
}

// iouringFlush is iouringFlushQueue under iouringSQ.lock.
//
//go:nowritebarrierrec
func iouringFlush() {
	for iouringFds.queue.Load() != 0 {
		fd := uintptr(iouringFds.queue.Load() - 1)
		slot := iouringSlot(fd)
		for dir := range 2 {
			if slot.want[dir] {
				slot.want[dir] = false
				slot.armed[dir] = true
				iouringPut(iouringArm(fd, slot, dir))
			}
		}
		slot.queued = false
		iouringFds.queue.Store(slot.next)
	}
	iouringSubmit()
}

// iouringArm is the request that polls fd.
//
//go:nowritebarrierrec
func iouringArm(fd uintptr, slot *iouringFd, dir int) iouringSQE {
	sqe := iouringSQE{
		opcode:   iouringOpPollAdd,
		fd:       int32(fd),
		opFlags:  linux.EPOLLIN | linux.EPOLLRDHUP,
		userData: iouringUserData(fd, slot.seq, dir),
	}
	if dir == 1 {
		sqe.opFlags = linux.EPOLLOUT
	}
	if slot.edge[dir] {
		sqe.len = iouringPollMultishot
		sqe.opFlags |= linux.EPOLLET
	}
	return sqe
}

// iouringCompleted notes the completion of a poll. It returns the registration,
// 0 if there is none any more or nothing to tell it, whether netpollclose
// waits for the end of its polls, and the events or, negative, an errno.
//
//go:nowritebarrierrec
func iouringCompleted(cqe *iouringCQE) (pd uint64, closing bool, res int32) {
	lock(&iouringSQ.lock)
	pd, closing = iouringCompletedLocked(cqe)
	res = cqe.res
	if pd != 0 && !closing && res == linux.EPOLLERR {
		// Under the lock the descriptor is not closed meanwhile.
		fd, _, _ := iouringUnpack(cqe.userData)
		res = iouringEventsNow(fd)
	}
	unlock(&iouringSQ.lock)
	return pd, closing, res
}

// iouringEventsNow is for a poll that ended with an error alone. That a poll of
// all events, as epoll's, tells an error alone means that the file cannot be
// polled. One that asked for less does not tell, say, that a socket with an
// error can be written to.
//
//go:nowritebarrierrec
func iouringEventsNow(fd uintptr) int32 {
	p := iouringPollfd{fd: int32(fd), events: linux.EPOLLIN | linux.EPOLLOUT | linux.EPOLLRDHUP}
	var none [2]int64 // timespec: does not wait
	n, _, errno := linux.Syscall6(iouringSysPpoll, uintptr(unsafe.Pointer(&p)), 1, uintptr(unsafe.Pointer(&none)), 0, 0, 0)
	if errno != 0 {
		return linux.EPOLLERR
	}
	if n == 0 {
		p.revents = linux.EPOLLIN | linux.EPOLLOUT // somebody has taken the error
	}
	return int32(p.revents) | linux.EPOLLERR // whoever waits tries again, as with epoll
}

// iouringServes tells whether a goroutine that waits in a direction is made ready by what a poll
// ended with. The kernel adds the peer's half close to every poll.
//
//go:nowritebarrierrec
func iouringServes(dir int, res int32) bool {
	if dir == 0 || res < 0 {
		return true
	}
	return uint32(res)&(linux.EPOLLOUT|linux.EPOLLHUP|linux.EPOLLERR) != 0
}

//go:nowritebarrierrec
func iouringCompletedLocked(cqe *iouringCQE) (pd uint64, closing bool) {
	fd, seq, dir := iouringUnpack(cqe.userData)
	slot := iouringSlot(fd)
	if slot.pd == 0 || slot.seq != seq {
		return 0, false // replaced by iouringRegister
	}
	if cqe.flags&iouringCQEMore != 0 {
		if slot.closing {
			return 0, false
		}
		return slot.pd, false
	}
	slot.armed[dir] = false
	if slot.closing {
		return slot.pd, true
	}
	c := &iouringCounters
	if cqe.res == -iouringECANCELED {
		// The thread that had armed it exited. No event; the new poll reports
		// what is ready, so nothing that happened in between is lost.
		c.rearmedCanceled.Add(1)
		iouringQueue(fd, slot, dir)
		iouringFlush()
		return 0, false
	}
	if slot.edge[dir] {
		if c.overflows.Load() != 0 {
			c.rearmedOverflow.Add(1)
		} else if slot.ends[dir]++; slot.ends[dir] == iouringMaxEnds {
			c.silenced.Add(1)
		}
	}
	if !iouringServes(dir, cqe.res) {
		// The writer goes on waiting. Edge-triggered, since what ended this poll
		// lasts and would end the next one at once.
		slot.edge[dir] = true
		iouringQueue(fd, slot, dir)
		iouringFlush()
	}
	return slot.pd, false
}

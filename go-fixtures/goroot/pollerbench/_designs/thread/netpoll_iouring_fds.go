// The registered descriptors of the io_uring netpoller and the life of their
// polls. See netpoll_iouring.go.

//go:build linux && goexperiment.io_uring && (amd64 || arm64)

package runtime

import (
	"internal/goarch"
	"internal/runtime/sys"
	"internal/runtime/syscall/linux"
	"unsafe"
)

// Kernel ABI, from include/uapi/linux/stat.h and the system call tables.
const (
	iouringSysStatx = goarch.IsAmd64*332 + goarch.IsArm64*291

	iouringAtEmptyPath = 0x1000
	iouringStatxBasic  = 0x7ff
	iouringTypeMask    = 0xf000
	iouringTypeFIFO    = 0x1000
	iouringTypeDir     = 0x4000
	iouringTypeRegular = 0x8000
	iouringTypeSocket  = 0xc000

	iouringEEXIST = 17
)

// iouringMaxRearms bounds the re-arms of one registration that are not
// explained by an overflow. A driver whose poll method registers no wait
// queue ends every request at once; epoll would report such a file ready
// once and be silent, so after this many rounds we are silent too.
const iouringMaxRearms = 1024

// iouringStatx is struct statx, restricted to the fields used here. Unlike that
// of struct stat its layout is the same on every architecture.
type iouringStatx struct {
	_        [28]byte
	mode     uint16
	_        uint16
	ino      uint64
	_        [96]byte
	devMajor uint32
	devMinor uint32
	_        [112]byte
}

// iouringFd says what is registered for one descriptor number.
type iouringFd struct {
	_        sys.NotInHeap
	userData uint64 // 0: nothing
	dev, ino uint64 // identity of the file that was registered
	stale    uint64 // user_data of a poll to be canceled before the new one is armed; 0: none
	state    uint32
	rearms   uint32
	next     uint32 // in the queue: descriptor + 1 of the next one; 0: last
	queued   bool
}

// States of an iouringFd whose userData is not 0.
const (
	iouringQueued  = iota // to be armed by the poller thread
	iouringArmed          // its request is in the kernel
	iouringClosing        // to be canceled by the poller thread, or canceled; netpollclose waits
	iouringDone           // its request has ended for good
)

// iouringFds is indexed by descriptor. It lies outside the heap because the
// poller thread reads it where no write barrier is allowed. It only grows.
//
// Entries that the poller thread has to see to are queued, in no order: it
// finds in the entry what to do.
var iouringFds struct {
	lock  mutex
	ptr   *iouringFd
	len   uintptr
	queue uint32 // descriptor + 1 of the first queued entry; 0: none
}

// iouringIdentify fills st and reports whether the kernel can poll fd.
//
// POLL_ADD takes a file that cannot be polled for one that always is ready;
// epoll_ctl says EPERM, and os.File depends on that. Sockets and pipes can
// always be polled. Regular files and directories cannot. For the remaining
// few (devices, event descriptors) only the kernel knows; a short-lived epoll
// instance, never waited on, gives its answer.
func iouringIdentify(fd uintptr, st *iouringStatx) uintptr {
	var path byte // "": the descriptor itself
	_, _, errno := linux.Syscall6(iouringSysStatx, fd, uintptr(unsafe.Pointer(&path)), iouringAtEmptyPath, iouringStatxBasic, uintptr(unsafe.Pointer(st)), 0)
	if errno != 0 {
		return errno
	}
	switch st.mode & iouringTypeMask {
	case iouringTypeSocket, iouringTypeFIFO:
		return 0
	case iouringTypeRegular, iouringTypeDir:
		return iouringEPERM
	}
	epfd, errno := linux.EpollCreate1(linux.EPOLL_CLOEXEC)
	if errno != 0 {
		return errno
	}
	var ev linux.EpollEvent
	errno = linux.EpollCtl(epfd, linux.EPOLL_CTL_ADD, int32(fd), &ev)
	linux.Close(int(epfd))
	return errno
}

// iouringRegister enters fd, which is the file st, and queues it to be armed.
// It reports whether the poller thread must be called.
// iouringFds.lock must be held.
func iouringRegister(fd uintptr, userData uint64, st *iouringStatx) (errno uintptr, call bool) {
	if fd >= iouringFds.len && !iouringGrow(fd) {
		return _ENOMEM, false
	}
	slot := iouringSlot(fd)
	dev := uint64(st.devMajor)<<32 | uint64(st.devMinor)
	if slot.userData != 0 {
		if slot.dev == dev && slot.ino == st.ino {
			return iouringEEXIST, false
		}
		// The number now means another file: the registered one was closed
		// without netpollclose, by a system call behind the runtime's back.
		// epoll would have dropped it by itself; here its request has kept it
		// open until now.
		iouringCounters.replacedStale.Add(1)
		if slot.state == iouringArmed {
			slot.stale = slot.userData
		}
	}
	slot.userData = userData
	slot.dev = dev
	slot.ino = st.ino
	slot.state = iouringQueued
	slot.rearms = 0
	return 0, iouringQueue(fd, slot)
}

// iouringUnregister marks fd as closing and queues its poll to be canceled. It
// returns its user_data, or 0 if there is none; whether its poll has to end
// first; and whether the poller thread must be called.
// iouringFds.lock must be held.
func iouringUnregister(fd uintptr) (userData uint64, wait, call bool) {
	if fd >= iouringFds.len {
		return 0, false, false
	}
	slot := iouringSlot(fd)
	userData = slot.userData
	if userData == 0 || slot.state == iouringClosing {
		return 0, false, false
	}
	if slot.state != iouringArmed {
		slot.userData = 0 // nothing is in the kernel
		return userData, false, false
	}
	slot.state = iouringClosing
	return userData, true, iouringQueue(fd, slot)
}

// iouringRelease frees the entry of fd if its poll has ended.
func iouringRelease(fd uintptr, userData uint64) (ended bool) {
	systemstack(func() {
		lock(&iouringFds.lock)
		slot := iouringSlot(fd)
		ended = slot.userData != userData
		if !ended && slot.state == iouringDone {
			slot.userData = 0
			ended = true
		}
		unlock(&iouringFds.lock)
	})
	return ended
}

// iouringQueue queues the entry of fd for the poller thread and reports whether
// that must be called. iouringFds.lock must be held.
//
//go:nowritebarrierrec
func iouringQueue(fd uintptr, slot *iouringFd) (call bool) {
	if !slot.queued {
		slot.queued = true
		slot.next = iouringFds.queue
		iouringFds.queue = uint32(fd) + 1
	}
	call = iouringThread.waits
	iouringThread.waits = false
	return call
}

// iouringSubmitAll makes requests of the queued entries and reports whether all
// found room. If so, the poller thread may wait. It runs in that thread.
//
//go:nowritebarrierrec
func iouringSubmitAll() bool {
	lock(&iouringFds.lock)
	for iouringFds.queue != 0 {
		fd := uintptr(iouringFds.queue - 1)
		slot := iouringSlot(fd)
		if slot.stale != 0 {
			if !iouringPut(iouringCancel(slot.stale)) {
				break
			}
			slot.stale = 0
		}
		if slot.state == iouringQueued && slot.userData != 0 {
			if !iouringPut(iouringArm(fd, slot.userData)) {
				break
			}
			slot.state = iouringArmed
		} else if slot.state == iouringClosing && slot.userData != 0 {
			if !iouringPut(iouringCancel(slot.userData)) {
				break
			}
		}
		slot.queued = false
		iouringFds.queue = slot.next
	}
	all := iouringFds.queue == 0
	iouringThread.waits = all
	unlock(&iouringFds.lock)
	return all
}

// iouringLast handles the last completion of a poll, and reports whether its
// descriptor is being closed. If it is not, the poll ended by itself (the CQ
// was full) and is renewed. The new poll reports at once what is ready, so
// nothing that happened in between is lost.
//
// fd was read without the lock: if the pollDesc has been freed and taken again
// since, fd is any number and the entry, if there is one, another's. "Closing"
// then makes the wrong goroutine look once for nothing, which every waiter
// expects.
//
//go:nowritebarrierrec
func iouringLast(fd uintptr, cqe *iouringCQE) (closing bool) {
	lock(&iouringFds.lock)
	closing = true
	if fd < iouringFds.len {
		slot := iouringSlot(fd)
		switch {
		case slot.userData != cqe.userData:
			// Freed, or replaced by iouringRegister.
		case slot.state == iouringClosing:
			slot.state = iouringDone
		default:
			closing = false
			iouringRearm(fd, slot, cqe.res)
		}
	}
	unlock(&iouringFds.lock)
	return closing
}

// iouringRearm renews the poll of fd, which ended with res.
// iouringFds.lock must be held.
//
//go:nowritebarrierrec
func iouringRearm(fd uintptr, slot *iouringFd, res int32) {
	c := &iouringCounters
	slot.state = iouringDone
	switch {
	case res == -iouringECANCELED:
		c.rearmedCanceled.Add(1)
	case res < 0: // would fail again
		return
	case slot.rearms >= iouringMaxRearms && c.overflows.Load() == 0:
		c.silenced.Add(1)
		return
	default:
		c.rearmedOverflow.Add(1)
		slot.rearms++
	}
	slot.state = iouringQueued
	iouringQueue(fd, slot)
}

// iouringArm is the request that polls fd.
//
//go:nowritebarrierrec
func iouringArm(fd uintptr, userData uint64) iouringSQE {
	return iouringSQE{
		opcode:   iouringOpPollAdd,
		fd:       int32(fd),
		len:      iouringPollMultishot,
		opFlags:  linux.EPOLLIN | linux.EPOLLOUT | linux.EPOLLRDHUP | linux.EPOLLET,
		userData: userData,
	}
}

// iouringCancel is the request that cancels the poll with the given user_data.
//
// ASYNC_CANCEL and not POLL_REMOVE: the latter fails with EALREADY when the
// poll is just firing, and a multishot poll then lives on. By user_data and not
// by descriptor: that is one hash look-up instead of a walk over all polls.
// The canceled poll ends with a last completion, which netpollclose waits for.
//
//go:nowritebarrierrec
func iouringCancel(userData uint64) iouringSQE {
	return iouringSQE{
		opcode:   iouringOpAsyncCancel,
		flags:    iouringSQESkipSuccess,
		fd:       -1,
		addr:     userData,
		userData: iouringIgnore,
	}
}

func iouringSlot(fd uintptr) *iouringFd {
	return (*iouringFd)(add(unsafe.Pointer(iouringFds.ptr), fd*unsafe.Sizeof(iouringFd{})))
}

// iouringGrow makes room for fd in iouringFds; false if there is no memory.
// iouringFds.lock must be held: all access is under it, so the old table can go.
func iouringGrow(fd uintptr) bool {
	n := max(iouringFds.len, 1024)
	for n <= fd {
		n *= 2
	}
	const size = unsafe.Sizeof(iouringFd{})
	p := sysAlloc(n*size, &memstats.other_sys, "netpoll descriptors")
	if p == nil {
		return false
	}
	if old := iouringFds.ptr; old != nil {
		memmove(p, unsafe.Pointer(old), iouringFds.len*size)
		sysFree(unsafe.Pointer(old), iouringFds.len*size, &memstats.other_sys)
	}
	iouringFds.ptr = (*iouringFd)(p)
	iouringFds.len = n
	return true
}

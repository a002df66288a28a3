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
	state    uint32
	rearms   uint32 // not explained by an exited thread
}

// States of an iouringFd whose userData is not 0.
const (
	iouringArmed   = iota // its request is in the kernel
	iouringClosing        // its request has been canceled, netpollclose waits
	iouringDone           // its request has ended for good
)

// iouringFds is indexed by descriptor. It lies outside the heap because netpoll
// reads it where no write barrier is allowed. It only grows.
var iouringFds struct {
	ptr *iouringFd
	len uintptr
}

// iouringIdentify fills st and reports whether the kernel can poll fd.
//
// POLL_ADD takes a file that cannot be polled for one that always is ready;
// epoll_ctl says EPERM, and os.File depends on that. Sockets and pipes can
// always be polled. Directories cannot, nor regular files on a block device. For
// the remaining few (devices, event descriptors, files without a device such
// as those of /proc, /sys and cgroups) only the kernel knows; a short-lived
// epoll instance, never waited on, gives its answer.
func iouringIdentify(fd uintptr, st *iouringStatx) uintptr {
	var path byte // "": the descriptor itself
	_, _, errno := linux.Syscall6(iouringSysStatx, fd, uintptr(unsafe.Pointer(&path)), iouringAtEmptyPath, iouringStatxBasic, uintptr(unsafe.Pointer(st)), 0)
	if errno != 0 {
		return errno
	}
	switch st.mode & iouringTypeMask {
	case iouringTypeSocket, iouringTypeFIFO:
		return 0
	case iouringTypeDir:
		return iouringEPERM
	case iouringTypeRegular:
		if st.devMajor != 0 {
			return iouringEPERM
		}
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

// iouringRegister enters fd, which is the file st, and arms its poll.
// iouringSQ.lock must be held.
func iouringRegister(fd uintptr, userData uint64, st *iouringStatx) uintptr {
	if fd >= iouringFds.len && !iouringGrow(fd) {
		return _ENOMEM
	}
	slot := iouringSlot(fd)
	dev := uint64(st.devMajor)<<32 | uint64(st.devMinor)
	if slot.userData != 0 {
		if slot.dev == dev && slot.ino == st.ino {
			return iouringEEXIST
		}
		// The number now means another file: the registered one was closed
		// without netpollclose, by a system call behind the runtime's back.
		// epoll would have dropped it by itself; here its request has kept it
		// open until now.
		iouringCounters.replacedStale.Add(1)
		if slot.state == iouringArmed {
			iouringCancel(slot.userData)
		}
	}
	if errno := iouringArm(fd, userData); errno != 0 {
		slot.userData = 0
		return errno
	}
	slot.userData = userData
	slot.dev = dev
	slot.ino = st.ino
	slot.state = iouringArmed
	slot.rearms = 0
	return 0
}

// iouringUnregister cancels the poll of fd and marks it as closing. It returns
// its user_data, or 0 if there is none. iouringSQ.lock must be held.
func iouringUnregister(fd uintptr) uint64 {
	if fd >= iouringFds.len {
		return 0
	}
	slot := iouringSlot(fd)
	if slot.userData == 0 || slot.state == iouringClosing {
		return 0
	}
	if slot.state == iouringArmed {
		iouringCancel(slot.userData)
		slot.state = iouringClosing
	}
	return slot.userData
}

// iouringEnded reports whether the last completion for userData has been seen.
func iouringEnded(fd uintptr, userData uint64) (ended bool) {
	systemstack(func() {
		lock(&iouringSQ.lock)
		slot := iouringSlot(fd)
		ended = slot.userData != userData || slot.state == iouringDone
		unlock(&iouringSQ.lock)
	})
	return ended
}

// iouringRelease frees the entry of fd. The kernel publishes a completion
// shortly before it drops the request's reference to the file, both under the
// ring's own lock; entering with an empty queue takes that lock, so afterwards
// the reference is gone. iouringSQ.lock must be held.
func iouringRelease(fd uintptr, userData uint64) {
	linux.Syscall6(iouringSysEnter, uintptr(iouringRingFd), 1, 0, 0, 0, 0)
	if slot := iouringSlot(fd); slot.userData == userData {
		slot.userData = 0
	}
}

// iouringLast handles the last completion of a poll, and reports whether its
// descriptor is being closed. If it is not, the poll ended by itself (the
// thread that had submitted it exited, which cancels its requests, or the CQ
// was full) and is renewed. The new poll reports at once what is ready, so
// nothing that happened in between is lost.
//
//go:nowritebarrierrec
func iouringLast(fd uintptr, cqe *iouringCQE) (closing bool) {
	systemstack(func() {
		lock(&iouringSQ.lock)
		closing = iouringLastLocked(fd, cqe)
		unlock(&iouringSQ.lock)
	})
	return closing
}

// iouringLastLocked is iouringLast under iouringSQ.lock. fd was read without
// it: if the pollDesc has been freed and taken again since, fd is any number
// and the entry, if there is one, another's. "Closing" then makes the wrong
// goroutine look once for nothing, which every waiter expects.
//
//go:nowritebarrierrec
func iouringLastLocked(fd uintptr, cqe *iouringCQE) (closing bool) {
	if fd >= iouringFds.len {
		return true
	}
	slot := iouringSlot(fd)
	if slot.userData != cqe.userData {
		return true // freed, or replaced by iouringRegister
	}
	if slot.state == iouringClosing {
		slot.state = iouringDone
		return true
	}
	iouringRearm(fd, slot, cqe.res)
	return false
}

// iouringRearm renews the poll of fd, which ended with res.
// iouringSQ.lock must be held.
//
//go:nowritebarrierrec
func iouringRearm(fd uintptr, slot *iouringFd, res int32) {
	c := &iouringCounters
	switch {
	case res == -iouringECANCELED:
		c.rearmedCanceled.Add(1)
	case res < 0: // would fail again
		slot.state = iouringDone
		return
	case slot.rearms >= iouringMaxRearms && c.overflows.Load() == 0:
		c.silenced.Add(1)
		slot.state = iouringDone
		return
	default:
		c.rearmedOverflow.Add(1)
		slot.rearms++
	}
	if errno := iouringArm(fd, slot.userData); errno != 0 {
		print("runtime: io_uring netpoller: re-arm failed with errno ", errno, "\n")
		throw("runtime: netpoll failed")
	}
}

// iouringArm submits the poll of fd. iouringSQ.lock must be held.
func iouringArm(fd uintptr, userData uint64) uintptr {
	return iouringSubmit(iouringSQE{
		opcode:   iouringOpPollAdd,
		fd:       int32(fd),
		len:      iouringPollMultishot,
		opFlags:  linux.EPOLLIN | linux.EPOLLOUT | linux.EPOLLRDHUP | linux.EPOLLET,
		userData: userData,
	})
}

// iouringCancel cancels the request with the given user_data.
// iouringSQ.lock must be held.
//
// ASYNC_CANCEL and not POLL_REMOVE: the latter fails with EALREADY when the
// poll is just firing, and a multishot poll then lives on. By user_data and not
// by descriptor: that is one hash look-up instead of a walk over all polls.
// The canceled poll ends with a last completion, which netpollclose waits for.
func iouringCancel(userData uint64) {
	errno := iouringSubmit(iouringSQE{
		opcode:   iouringOpAsyncCancel,
		flags:    iouringSQESkipSuccess,
		fd:       -1,
		addr:     userData,
		userData: iouringIgnore,
	})
	if errno != 0 {
		print("runtime: io_uring netpoller: cancel failed with errno ", errno, "\n")
		throw("runtime: netpollclose failed")
	}
}

func iouringSlot(fd uintptr) *iouringFd {
	return (*iouringFd)(add(unsafe.Pointer(iouringFds.ptr), fd*unsafe.Sizeof(iouringFd{})))
}

// iouringGrow makes room for fd in iouringFds; false if there is no memory.
// iouringSQ.lock must be held: all access is under it, so the old table can go.
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

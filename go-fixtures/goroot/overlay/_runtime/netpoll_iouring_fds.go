// The registered descriptors of the io_uring netpoller. See netpoll_iouring.go.

//go:build linux && goexperiment.io_uring && (amd64 || arm64)

package runtime

import (
	"internal/goarch"
	"internal/runtime/atomic"
	"internal/runtime/sys"
	"internal/runtime/syscall/linux"
	"unsafe"
)

// Kernel ABI, from include/uapi/linux/stat.h and the system call tables.
const (
	iouringSysStatx = goarch.IsAmd64*332 + goarch.IsArm64*291
	iouringSysPpoll = goarch.IsAmd64*271 + goarch.IsArm64*73

	iouringAtEmptyPath = 0x1000
	iouringAtDontSync  = 0x4000
	iouringStatxWanted = 0x1 | 0x100 // type and inode
	iouringTypeMask    = 0xf000
	iouringTypeFIFO    = 0x1000
	iouringTypeDir     = 0x4000
	iouringTypeRegular = 0x8000
	iouringTypeSocket  = 0xc000

	iouringEEXIST = 17
)

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

// iouringPollfd is struct pollfd.
type iouringPollfd struct {
	fd              int32
	events, revents int16
}

// iouringFd says what is registered for one descriptor number.
type iouringFd struct {
	_        sys.NotInHeap
	pd       uint64 // tagged pointer (pollDesc, fdseq); 0: nothing is registered
	dev, ino uint64 // identity of the file that was registered
	seq      uint32 // of user_data; changes with every registration
	next     uint32 // in the queue: descriptor + 1 of the next one; 0: last
	queued   bool
	closing  bool

	// By direction, to read and to write. See netpoll_iouring_arming.go.
	want  [2]bool   // a poll is to be armed
	armed [2]bool   // one is in the kernel
	edge  [2]bool   // it is, or will be, multishot
	ends  [2]uint16 // how often a multishot poll has ended by itself
}

// iouringSeqMask bounds iouringFd.seq.
const iouringSeqMask = 1<<31 - 1

// iouringUserData packs what the completion of a poll must tell.
//
//go:nowritebarrierrec
func iouringUserData(fd uintptr, seq uint32, dir int) uint64 {
	return 1<<63 | uint64(seq)<<32 | uint64(dir)<<31 | uint64(fd)
}

//go:nowritebarrierrec
func iouringUnpack(userData uint64) (fd uintptr, seq uint32, dir int) {
	return uintptr(userData & (1<<31 - 1)), uint32(userData>>32) & iouringSeqMask, int(userData >> 31 & 1)
}

// iouringFds is indexed by descriptor. It lies outside the heap because netpoll
// reads it where no write barrier is allowed. It only grows.
var iouringFds struct {
	ptr   *iouringFd
	len   uintptr
	queue atomic.Uint32 // descriptor + 1 of the first entry that wants to be armed
}

// iouringIdentify fills st and reports whether the kernel can poll fd.
//
// POLL_ADD takes a file that cannot be polled for one that always is ready;
// epoll_ctl says EPERM, and os.File depends on that. Sockets and pipes can
// always be polled. Directories cannot, nor regular files on a block device. For
// the remaining few (devices, event descriptors, files without a device such
// as those of /proc, /sys and cgroups) only the kernel knows; a short-lived
// epoll instance, never waited on, gives its answer.
//
// What the kernel knows suffices: to ask the server of a network file system would
// stop a thread that the garbage collector waits for.
func iouringIdentify(fd uintptr, st *iouringStatx) uintptr {
	var path byte // "": the descriptor itself
	_, _, errno := linux.Syscall6(iouringSysStatx, fd, uintptr(unsafe.Pointer(&path)), iouringAtEmptyPath|iouringAtDontSync, iouringStatxWanted, uintptr(unsafe.Pointer(st)), 0)
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

// iouringRegister enters fd, which is the file st. iouringSQ.lock must be held.
func iouringRegister(fd uintptr, pd uint64, st *iouringStatx) uintptr {
	if fd >= iouringFds.len && !iouringGrow(fd) {
		return _ENOMEM
	}
	slot := iouringSlot(fd)
	dev := uint64(st.devMajor)<<32 | uint64(st.devMinor)
	if slot.pd != 0 {
		if slot.dev == dev && slot.ino == st.ino {
			return iouringEEXIST
		}
		// The number now means another file: the registered one was closed
		// without netpollclose, by a system call behind the runtime's back.
		iouringCounters.replacedStale.Add(1)
		iouringCancelBoth(fd, slot)
	}
	slot.pd = pd
	slot.dev = dev
	slot.ino = st.ino
	slot.seq = (slot.seq + 1) & iouringSeqMask
	slot.closing = false
	slot.want = [2]bool{}
	slot.armed = [2]bool{}
	slot.edge = [2]bool{}
	slot.ends = [2]uint16{}
	return 0
}

// iouringCancelBoth cancels the polls of fd. iouringSQ.lock must be held.
func iouringCancelBoth(fd uintptr, slot *iouringFd) {
	for dir, armed := range slot.armed {
		if armed {
			iouringCancel(iouringUserData(fd, slot.seq, dir))
		}
	}
	iouringSubmit()
}

// iouringUnregister cancels the polls of fd. It returns its pd, or 0 if there
// is none, and whether polls have to end first. iouringSQ.lock must be held.
func iouringUnregister(fd uintptr) (pd uint64, wait bool) {
	if fd >= iouringFds.len {
		return 0, false
	}
	slot := iouringSlot(fd)
	if slot.pd == 0 || slot.closing {
		return 0, false
	}
	pd = slot.pd
	slot.want = [2]bool{}
	if !slot.armed[0] && !slot.armed[1] {
		slot.pd = 0
		return pd, false
	}
	slot.closing = true
	iouringCancelBoth(fd, slot)
	return pd, true
}

// iouringEnded reports whether the last completion of the polls of fd has been
// seen, and then frees the entry.
//
// The kernel publishes a completion shortly before it drops the request's
// reference to the file, both under the ring's own lock; entering with an empty
// queue takes that lock, so afterwards the reference is gone.
func iouringEnded(fd uintptr, pd uint64) (ended bool) {
	systemstack(func() {
		lock(&iouringSQ.lock)
		slot := iouringSlot(fd)
		if slot.pd != pd {
			ended = true
		} else if !slot.armed[0] && !slot.armed[1] {
			linux.Syscall6(iouringSysEnter, uintptr(iouringRingFd), 1, 0, 0, 0, 0)
			slot.pd = 0
			ended = true
		}
		unlock(&iouringSQ.lock)
	})
	return ended
}

// iouringCancel cancels the request with the given user_data.
// iouringSQ.lock must be held.
//
// ASYNC_CANCEL and not POLL_REMOVE: the latter fails with EALREADY when the
// poll is just firing, and a multishot poll then lives on. By user_data and not
// by descriptor: that is one hash look-up instead of a walk over all polls.
// The canceled poll ends with a last completion, which netpollclose waits for.
func iouringCancel(userData uint64) {
	iouringPut(iouringSQE{
		opcode:   iouringOpAsyncCancel,
		flags:    iouringSQESkipSuccess,
		fd:       -1,
		addr:     userData,
		userData: iouringIgnore,
	})
}

//go:nowritebarrierrec
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

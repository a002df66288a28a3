// A trial, not a poller over io_uring: epoll keeps the readiness, and a ring
// only does the waiting, by IORING_OP_EPOLL_WAIT (Linux 6.15).
//
// The servers of this repository refuse to run with two kinds of pollers, so the
// ring is set up when the connections of a measurement are there.

//go:build linux && goexperiment.io_uring && (amd64 || arm64)

package runtime

import (
	"internal/runtime/atomic"
	"internal/runtime/syscall/linux"
	"unsafe"
)

const (
	iouringArms     = false
	epollWaitBatch  = 128
	epollWaitOpcode = 59
	epollWaitOpens  = 40 // the ring is set up with the descriptor of that number
)

func iouringProgress(pd *pollDesc, mode int) {}

var (
	epfd           int32 = -1
	epollWaitFd    int32
	epollWaitCount atomic.Int32
	netpollWakeSig atomic.Uint32
)

// epollWaitRing is used by the one M that waits, except for ring itself.
var epollWaitRing struct {
	fd             atomic.Int32 // 0: not set up
	sqTail         *uint32
	cqHead, cqTail *uint32
	sqe            *[8]uint64
	cqes           *[2]uint64
	sqMask, cqMask uint32
	armed          bool
	events         [epollWaitBatch]linux.EpollEvent
}

func netpollinit() {
	var errno uintptr
	epfd, errno = linux.EpollCreate1(linux.EPOLL_CLOEXEC)
	if errno == 0 {
		epollWaitFd, errno = linux.Eventfd(0, linux.EFD_CLOEXEC|linux.EFD_NONBLOCK)
	}
	ev := linux.EpollEvent{Events: linux.EPOLLIN}
	if errno == 0 {
		errno = linux.EpollCtl(epfd, linux.EPOLL_CTL_ADD, epollWaitFd, &ev)
	}
	if errno != 0 {
		throw("runtime: netpollinit failed")
	}
}

func netpollIsPollDescriptor(fd uintptr) bool {
	return fd == uintptr(epfd) || fd == uintptr(epollWaitFd) || fd == uintptr(epollWaitRing.fd.Load())
}

func netpollopen(fd uintptr, pd *pollDesc) uintptr {
	ev := linux.EpollEvent{Events: linux.EPOLLIN | linux.EPOLLOUT | linux.EPOLLRDHUP | linux.EPOLLET}
	*(*taggedPointer)(unsafe.Pointer(&ev.Data)) = taggedPointerPack(unsafe.Pointer(pd), pd.fdseq.Load())
	if epollWaitCount.Add(1) == epollWaitOpens {
		epollWaitSetup()
	}
	return linux.EpollCtl(epfd, linux.EPOLL_CTL_ADD, int32(fd), &ev)
}

func netpollclose(fd uintptr) uintptr {
	var ev linux.EpollEvent
	return linux.EpollCtl(epfd, linux.EPOLL_CTL_DEL, int32(fd), &ev)
}

func netpollarm(pd *pollDesc, mode int) { throw("runtime: unused") }

func netpollBreak() {
	one := uint64(1)
	if netpollWakeSig.CompareAndSwap(0, 1) {
		write(uintptr(epollWaitFd), noescape(unsafe.Pointer(&one)), 8)
	}
}

//go:nowritebarrierrec
func netpoll(delay int64) (gList, int32) {
	if epfd == -1 {
		return gList{}, 0
	}
	var own [epollWaitBatch]linux.EpollEvent
	events, n := &own, int32(0)
	if delay != 0 && epollWaitRing.fd.Load() != 0 {
		events = &epollWaitRing.events
		n = epollWaitInRing(delay)
	} else {
		ms := int32(delay)
		if delay > 0 {
			ms = int32(min(max(delay/1e6, 1), 1e9))
		}
		n, _ = linux.EpollWait(epfd, own[:], epollWaitBatch, ms)
	}
	var toRun gList
	delta := int32(0)
	for i := int32(0); i < n; i++ {
		ev := events[i]
		tp := *(*taggedPointer)(unsafe.Pointer(&ev.Data))
		if tp == 0 {
			if delay != 0 {
				var one uint64
				read(epollWaitFd, noescape(unsafe.Pointer(&one)), 8)
				netpollWakeSig.Store(0)
			}
			continue
		}
		var mode int32
		if ev.Events&(linux.EPOLLIN|linux.EPOLLRDHUP|linux.EPOLLHUP|linux.EPOLLERR) != 0 {
			mode += 'r'
		}
		if ev.Events&(linux.EPOLLOUT|linux.EPOLLHUP|linux.EPOLLERR) != 0 {
			mode += 'w'
		}
		pd := (*pollDesc)(tp.pointer())
		if mode != 0 && pd.fdseq.Load() == tp.tag() {
			pd.setEventErr(ev.Events == linux.EPOLLERR, tp.tag())
			delta += netpollready(&toRun, pd, mode)
		}
	}
	return toRun, delta
}

// epollWaitInRing leaves events in epollWaitRing.events and returns how many.
//
//go:nowritebarrierrec
func epollWaitInRing(delay int64) int32 {
	r := &epollWaitRing
	submit := uintptr(0)
	if !r.armed {
		tail := *r.sqTail
		sqe := (*[8]uint64)(add(unsafe.Pointer(r.sqe), uintptr(tail&r.sqMask)*64))
		*sqe = [8]uint64{
			epollWaitOpcode | uint64(uint32(epfd))<<32, 0,
			uint64(uintptr(unsafe.Pointer(&r.events))), epollWaitBatch,
		}
		atomic.StoreRel(r.sqTail, tail+1)
		r.armed, submit = true, 1
	}
	var w struct {
		arg [3]uint64 // struct io_uring_getevents_arg
		ts  timespec
	}
	if delay > 0 {
		w.ts.setNsec(min(delay, 1e15))
		w.arg[2] = uint64(uintptr(unsafe.Pointer(&w.ts)))
	}
	const getEvents, extArg = 1, 8
	linux.Syscall6(426, uintptr(r.fd.Load()), submit, 1, getEvents|extArg, uintptr(unsafe.Pointer(&w)), 24)
	head := *r.cqHead
	if head == atomic.LoadAcq(r.cqTail) {
		return 0
	}
	res := int32((*[2]uint64)(add(unsafe.Pointer(r.cqes), uintptr(head&r.cqMask)*16))[1])
	atomic.StoreRel(r.cqHead, head+1)
	r.armed = false
	if res < 0 {
		print("runtime: IORING_OP_EPOLL_WAIT failed with ", res, "\n")
		throw("runtime: netpoll failed")
	}
	return res
}

func epollWaitSetup() {
	r := &epollWaitRing
	var p [30]uint32 // struct io_uring_params
	fd, _, errno := linux.Syscall6(425, 8, uintptr(unsafe.Pointer(&p)), 0, 0, 0, 0)
	if errno != 0 {
		throw("runtime: io_uring_setup failed")
	}
	size := max(uintptr(p[16])+uintptr(p[0])*4, uintptr(p[25])+uintptr(p[1])*16)
	rings, e1 := mmap(nil, size, _PROT_READ|_PROT_WRITE, 0x8001, int32(fd), 0)
	sqes, e2 := mmap(nil, uintptr(p[0])*64, _PROT_READ|_PROT_WRITE, 0x8001, int32(fd), 0x10000000)
	if e1 != 0 || e2 != 0 {
		throw("runtime: mmap of the ring failed")
	}
	for i := range p[0] {
		*(*uint32)(add(rings, uintptr(p[16])+uintptr(i)*4)) = i
	}
	r.sqTail = (*uint32)(add(rings, uintptr(p[11])))
	r.sqMask = p[0] - 1
	r.sqe = (*[8]uint64)(sqes)
	r.cqHead = (*uint32)(add(rings, uintptr(p[20])))
	r.cqTail = (*uint32)(add(rings, uintptr(p[21])))
	r.cqMask = p[1] - 1
	r.cqes = (*[2]uint64)(add(rings, uintptr(p[25])))
	r.fd.Store(int32(fd))
}

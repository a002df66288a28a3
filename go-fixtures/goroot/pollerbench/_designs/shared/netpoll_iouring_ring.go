// The ring of the io_uring netpoller: the kernel interface, its set-up, and how
// requests go in and completions come out. See netpoll_iouring.go.

//go:build linux && goexperiment.io_uring && (amd64 || arm64)

package runtime

import (
	"internal/runtime/atomic"
	"internal/runtime/syscall/linux"
	"unsafe"
)

// Kernel ABI, from include/uapi/linux/io_uring.h. The system calls have the
// same number on every architecture.
const (
	iouringSysSetup = 425
	iouringSysEnter = 426

	iouringSetupCQSize = 1 << 3
	iouringSetupClamp  = 1 << 4

	iouringFeatSingleMmap = 1 << 0
	iouringFeatNoDrop     = 1 << 1
	iouringFeatExtArg     = 1 << 8
	iouringFeatCQESkip    = 1 << 11

	iouringOffRings = 0
	iouringOffSQEs  = 0x10000000

	iouringEnterGetEvents = 1 << 0
	iouringEnterExtArg    = 1 << 3

	iouringSQOverflow = 1 << 1 // in the SQ flags word: completions wait in the kernel
	iouringCQEMore    = 1 << 1 // in a completion: the request stays armed

	iouringOpNop         = 0
	iouringOpPollAdd     = 6
	iouringOpAsyncCancel = 14

	iouringPollMultishot  = 1 << 0 // in sqe.len of POLL_ADD
	iouringSQESkipSuccess = 1 << 6 // no completion if the request succeeds

	iouringMapShared    = 0x1
	iouringMapPopulate  = 0x8000
	iouringMadvDontFork = 10

	iouringEPERM     = 1
	iouringEBUSY     = 16
	iouringEINVAL    = 22
	iouringENFILE    = 23
	iouringEMFILE    = 24
	iouringEBADR     = 53
	iouringETIME     = 62
	iouringECANCELED = 125
)

// Choices of this poller.
const (
	// iouringSQEntries is small because every request is submitted at once,
	// under a lock: the submission queue never holds more than one.
	iouringSQEntries = 8

	// iouringCQEntries holds six completions for each of 10,000 connections.
	// Running over is not fatal (see iouringFlushOverflow) but costs a re-arm
	// for each descriptor concerned.
	iouringCQEntries = 65536

	// iouringBatch equals the event buffer of the epoll port, so that a poll
	// hands the scheduler bursts of the same size.
	iouringBatch = 128

	// iouringExitCode is the exit status when the kernel refuses the ring.
	iouringExitCode = 71
)

// iouringSQE is struct io_uring_sqe, restricted to the fields used here.
type iouringSQE struct {
	opcode   uint8
	flags    uint8
	ioprio   uint16
	fd       int32
	off      uint64
	addr     uint64
	len      uint32
	opFlags  uint32 // poll32_events for POLL_ADD, in host order on little endian
	userData uint64
	rest     [3]uint64
}

// iouringCQE is struct io_uring_cqe.
type iouringCQE struct {
	userData uint64
	res      int32
	flags    uint32
}

// iouringParams is struct io_uring_params.
type iouringParams struct {
	sqEntries, cqEntries       uint32
	flags                      uint32
	sqThreadCPU, sqThreadIdle  uint32
	features                   uint32
	wqFd                       uint32
	resv                       [3]uint32
	sqHead, sqTail, sqMask     uint32
	sqRingEntries, sqFlags     uint32
	sqDropped, sqArray, sqResv uint32
	sqUserAddr                 uint64
	cqHead, cqTail, cqMask     uint32
	cqRingEntries, cqOverflow  uint32
	cqCQEs, cqFlags, cqResv    uint32
	cqUserAddr                 uint64
}

// iouringWaitArg is struct io_uring_getevents_arg.
type iouringWaitArg struct {
	sigmask   uint64
	sigmaskSz uint32
	pad       uint32
	ts        uint64 // address of a timespec, relative; 0 waits for ever
}

// iouringRingFd is the ring. It is written once, by netpollinit.
var iouringRingFd int32 = -1

// iouringSQ is the submission side. lock also guards iouringFds.
var iouringSQ struct {
	lock mutex
	tail *uint32
	mask uint32
	sqes *iouringSQE
}

// iouringCQ is the completion side. lock guards head.
var iouringCQ struct {
	lock    mutex
	head    *uint32
	tail    *uint32
	mask    uint32
	cqes    *iouringCQE
	sqFlags *uint32
}

// iouringCounters count what a healthy process hardly ever does.
var iouringCounters struct {
	rearmedCanceled atomic.Uint64 // the thread that had armed the poll exited
	rearmedOverflow atomic.Uint64 // the CQ was full
	overflows       atomic.Uint64 // times completions had to be fetched from the kernel's backlog
	breaksReposted  atomic.Uint64 // a break met the wrong poller
	replacedStale   atomic.Uint64 // descriptors closed behind the runtime's back
	silenced        atomic.Uint64 // registrations given up, see iouringMaxRearms
	failed          atomic.Uint64 // polls that the kernel ended with an error
}

// runtime_iouringStats returns the counters in the order of iouringCounters.
// A program declares it without body and links to it by name:
//
//	//go:linkname iouringStats runtime.runtime_iouringStats
//	func iouringStats() [7]uint64
//
//go:linkname runtime_iouringStats
func runtime_iouringStats() [7]uint64 {
	c := &iouringCounters
	return [7]uint64{
		c.rearmedCanceled.Load(),
		c.rearmedOverflow.Load(),
		c.overflows.Load(),
		c.breaksReposted.Load(),
		c.replacedStale.Load(),
		c.silenced.Load(),
		c.failed.Load(),
	}
}

// iouringSetup makes the ring, or ends the process if the kernel refuses.
func iouringSetup() {
	lockInit(&iouringSQ.lock, lockRankLeafRank)
	lockInit(&iouringCQ.lock, lockRankLeafRank)

	// Not COOP_TASKRUN. It saves an interrupt per event, which was 15 to 50 %
	// of the CPU time per request of a saturated server. But then a thread
	// that computes without a system call posts the events of the descriptors
	// it registered only at the next timer tick: with 250 Hz, 1.8 ms later at
	// the median and 3.8 ms at the 99th percentile, instead of 0.02 ms.
	var p iouringParams
	p.flags = iouringSetupCQSize | iouringSetupClamp
	p.cqEntries = iouringCQEntries
	// The descriptor is close-on-exec without being asked.
	r1, _, errno := linux.Syscall6(iouringSysSetup, iouringSQEntries, uintptr(unsafe.Pointer(&p)), 0, 0, 0, 0)
	if errno != 0 {
		iouringRefused("io_uring_setup", errno)
	}
	fd := int32(r1)
	const need = iouringFeatSingleMmap | iouringFeatNoDrop | iouringFeatExtArg | iouringFeatCQESkip
	if p.features&need != need {
		print("runtime: io_uring netpoller: kernel features ", hex(p.features), ", needed ", hex(need), " (Linux 5.17 or newer)\n")
		exit(iouringExitCode)
	}
	iouringMap(fd, &p)
	iouringRingFd = fd
}

// iouringMap maps the rings of fd and sets up iouringSQ and iouringCQ.
func iouringMap(fd int32, p *iouringParams) {
	size := max(uintptr(p.sqArray)+uintptr(p.sqEntries)*4,
		uintptr(p.cqCQEs)+uintptr(p.cqEntries)*unsafe.Sizeof(iouringCQE{}))
	rings := iouringMmap(fd, size, iouringOffRings)
	sqes := iouringMmap(fd, uintptr(p.sqEntries)*unsafe.Sizeof(iouringSQE{}), iouringOffSQEs)

	// Slot i of the submission queue always is entry i.
	for i := uint32(0); i < p.sqEntries; i++ {
		*(*uint32)(add(rings, uintptr(p.sqArray)+uintptr(i)*4)) = i
	}

	iouringSQ.tail = (*uint32)(add(rings, uintptr(p.sqTail)))
	iouringSQ.mask = p.sqEntries - 1
	iouringSQ.sqes = (*iouringSQE)(sqes)

	iouringCQ.head = (*uint32)(add(rings, uintptr(p.cqHead)))
	iouringCQ.tail = (*uint32)(add(rings, uintptr(p.cqTail)))
	iouringCQ.mask = p.cqEntries - 1
	iouringCQ.cqes = (*iouringCQE)(add(rings, uintptr(p.cqCQEs)))
	iouringCQ.sqFlags = (*uint32)(add(rings, uintptr(p.sqFlags)))
}

func iouringMmap(fd int32, size uintptr, off uint32) unsafe.Pointer {
	p, errno := mmap(nil, size, _PROT_READ|_PROT_WRITE, iouringMapShared|iouringMapPopulate, fd, off)
	if errno != 0 {
		iouringRefused("mmap of the ring", uintptr(errno))
	}
	// A child made by a plain fork (from C) must not move the indices of its
	// parent's ring; without the mapping it cannot.
	madvise(p, size, iouringMadvDontFork)
	return p
}

// iouringRefused ends the process, naming errno and remedy.
func iouringRefused(what string, errno uintptr) {
	name, remedy := "?", "see io_uring_setup(2)"
	switch errno {
	case iouringEPERM:
		name = "EPERM"
		remedy = "io_uring is forbidden here: set sysctl kernel.io_uring_disabled to 0, " +
			"and in a container use a seccomp profile that allows io_uring_setup and io_uring_enter"
	case _ENOSYS:
		name = "ENOSYS"
		remedy = "the kernel, or a seccomp profile, has no io_uring: use Linux 5.17 or newer, " +
			"and in a container a seccomp profile that allows io_uring_setup and io_uring_enter"
	case _ENOMEM:
		name = "ENOMEM"
		remedy = "the ring needs 1.1 MiB of kernel memory: raise the memory limit of the cgroup, or ulimit -l before Linux 5.12"
	case iouringEINVAL:
		name = "EINVAL"
		remedy = "the kernel does not know the set-up flags: use Linux 5.17 or newer"
	case iouringEMFILE, iouringENFILE:
		name = "EMFILE or ENFILE"
		remedy = "no file descriptor is left: raise ulimit -n or sysctl fs.file-max"
	}
	print("runtime: io_uring netpoller: ", what, " failed with errno ", errno, " (", name, ")\n")
	print("runtime: ", remedy, "\n")
	print("runtime: this program was built with -tags goexperiment.io_uring and does not fall back to epoll\n")
	exit(iouringExitCode)
}

// iouringSubmit hands one request to the kernel and returns once it has been
// accepted. Errors of the request itself arrive as its completion.
// iouringSQ.lock must be held.
//
//go:nowritebarrierrec
func iouringSubmit(sqe iouringSQE) uintptr {
	tail := *iouringSQ.tail
	*(*iouringSQE)(add(unsafe.Pointer(iouringSQ.sqes), uintptr(tail&iouringSQ.mask)*unsafe.Sizeof(sqe))) = sqe
	atomic.StoreRel(iouringSQ.tail, tail+1)
	for try := 0; ; try++ {
		n, _, errno := linux.Syscall6(iouringSysEnter, uintptr(iouringRingFd), 1, 0, 0, 0, 0)
		if errno == 0 && n == 1 {
			return 0
		}
		// Short of memory, or the kernel wants its backlog of completions
		// fetched first. Both pass.
		if (errno == _EAGAIN || errno == iouringEBUSY || errno == _EINTR) && try < 1000 {
			iouringFlushOverflow()
			osyield()
			continue
		}
		// Take the entry back: nobody else submits while we hold the lock.
		atomic.StoreRel(iouringSQ.tail, tail)
		if errno == 0 {
			errno = _EAGAIN
		}
		return errno
	}
}

// iouringReap moves completions from the ring into buf and returns their
// number. They are copied out so that goroutines are made ready, and polls
// re-armed, without the lock.
//
//go:nowritebarrierrec
func iouringReap(buf *[iouringBatch]iouringCQE) uint32 {
	cq := &iouringCQ
	if atomic.Load(cq.sqFlags)&iouringSQOverflow != 0 {
		iouringCounters.overflows.Add(1)
		iouringFlushOverflow()
	}
	if atomic.Load(cq.head) == atomic.LoadAcq(cq.tail) {
		return 0
	}
	lock(&cq.lock)
	head := *cq.head
	n := min(atomic.LoadAcq(cq.tail)-head, iouringBatch)
	for i := uint32(0); i < n; i++ {
		buf[i] = *(*iouringCQE)(add(unsafe.Pointer(cq.cqes), uintptr((head+i)&cq.mask)*unsafe.Sizeof(iouringCQE{})))
	}
	atomic.StoreRel(cq.head, head+n)
	unlock(&cq.lock)
	return n
}

// iouringFlushOverflow has the kernel move completions for which the CQ had no
// room from its backlog into the CQ, as far as they fit now.
//
//go:nowritebarrierrec
func iouringFlushOverflow() {
	_, _, errno := linux.Syscall6(iouringSysEnter, uintptr(iouringRingFd), 0, 0, iouringEnterGetEvents, 0, 0)
	if errno == iouringEBADR {
		iouringDropped()
	}
}

// iouringDropped ends the process: the kernel found no memory even for its
// backlog, so events are lost and goroutines would sleep for ever.
//
//go:nowritebarrierrec
func iouringDropped() {
	throw("runtime: io_uring netpoller: the kernel is out of memory and dropped completions")
}

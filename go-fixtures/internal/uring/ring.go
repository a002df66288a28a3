package uring

import (
	"fmt"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Ring is one io_uring. All its methods belong to the thread that made it
// (IORING_SETUP_SINGLE_ISSUER), which must be locked to its goroutine.
type Ring struct {
	fd int
	// enterFD and enterFlags name the ring to io_uring_enter: registered, which spares a look-up.
	enterFD    uintptr
	enterFlags uintptr
	rings      []byte
	requests   []byte

	sqHead, sqTail  *uint32
	sqMask, sqCount uint32
	tail            uint32 // of the requests queued here
	published       uint32 // of those that the kernel has been told of

	cqHead, cqTail *uint32
	cqMask         uint32
	completions    unsafe.Pointer

	// wait is mapped, because the kernel reads it during a call.
	wait       *waitArguments
	waitMemory []byte
	minTimeout bool
	// Enters counts calls of io_uring_enter.
	Enters uint64
}

// New makes a ring with room for so many requests not yet submitted and completions not yet read;
// the kernel rounds both up to powers of two. The error is a *Refusal where the kernel does not
// allow rings, or not this kind.
func New(requests, completions uint32) (*Ring, error) {
	p := setupParams{
		cqEntries: completions,
		flags: setupCQSize | setupClamp | setupSubmitAll |
			setupSingleIssuer | setupDeferTaskrun,
	}
	fd, _, errno := unix.Syscall(unix.SYS_IO_URING_SETUP, uintptr(requests), uintptr(unsafe.Pointer(&p)), 0)
	if errno != 0 {
		return nil, refusal(errno)
	}
	r := &Ring{fd: int(fd), enterFD: fd, minTimeout: p.features&featMinTimeout != 0}
	const needed = featSingleMmap | featNoDrop | featExtArg | featCQESkip
	if p.features&needed != needed {
		r.Close()
		return nil, refusal(unix.EINVAL)
	}
	if err := r.mapRings(&p); err != nil {
		r.Close()
		return nil, fmt.Errorf("map the rings: %w", err)
	}
	r.registerSelf()
	return r, nil
}

func (r *Ring) mapRings(p *setupParams) (err error) {
	const protection, shared = unix.PROT_READ | unix.PROT_WRITE, unix.MAP_SHARED | unix.MAP_POPULATE
	size := max(p.sq.array+p.sqEntries*4, p.cq.cqes+p.cqEntries*uint32(unsafe.Sizeof(Completion{})))
	if r.rings, err = unix.Mmap(r.fd, offsetRings, int(size), protection, shared); err != nil {
		return err
	}
	requestBytes := int(p.sqEntries) * int(unsafe.Sizeof(request{}))
	if r.requests, err = unix.Mmap(r.fd, offsetSQEs, requestBytes, protection, shared); err != nil {
		return err
	}
	if r.waitMemory, err = Map(unix.Getpagesize()); err != nil {
		return err
	}
	r.wait = (*waitArguments)(unsafe.Pointer(&r.waitMemory[0]))
	r.sqHead, r.sqTail = r.word(p.sq.head), r.word(p.sq.tail)
	r.sqMask, r.sqCount = *r.word(p.sq.ringMask), p.sqEntries
	r.cqHead, r.cqTail, r.cqMask = r.word(p.cq.head), r.word(p.cq.tail), *r.word(p.cq.ringMask)
	r.completions = unsafe.Pointer(&r.rings[p.cq.cqes])
	// The indirection that the ring offers is not used: slot i is request i, for ever.
	for i := range p.sqEntries {
		*r.word(p.sq.array + 4*i) = i
	}
	return nil
}

func (r *Ring) word(offset uint32) *uint32 { return (*uint32)(unsafe.Pointer(&r.rings[offset])) }

// registerSelf makes the ring known to the thread by a number (Linux 5.18). Where that fails, the
// descriptor does as well.
func (r *Ring) registerSelf() {
	update := struct { // struct io_uring_rsrc_update
		offset, _ uint32
		data      uint64
	}{offset: ^uint32(0), data: uint64(r.fd)}
	if n, errno := r.register(registerRingFDs, unsafe.Pointer(&update), 1); errno == 0 && n == 1 {
		r.enterFD, r.enterFlags = uintptr(update.offset), enterRegisteredRing
	}
}

func (r *Ring) register(opcode uintptr, argument unsafe.Pointer, count int) (int, unix.Errno) {
	n, _, errno := unix.Syscall6(unix.SYS_IO_URING_REGISTER, uintptr(r.fd), opcode,
		uintptr(argument), uintptr(count), 0, 0)
	return int(n), errno
}

// RegisterFile makes fd the registered file 0: a request with FixedFile spares the look-up and the
// counting of references. To be called once.
func (r *Ring) RegisterFile(fd int) error {
	files := [1]int32{int32(fd)}
	if _, errno := r.register(registerFiles, unsafe.Pointer(&files), 1); errno != 0 {
		return fmt.Errorf("register the file with the ring: %w", errno)
	}
	return nil
}

// RegisterBuffer makes memory, which must be mapped, the registered buffer 0: its pages are looked
// up and pinned once and not in each request. To be called once. They count against ulimit -l.
func (r *Ring) RegisterBuffer(memory []byte) error {
	vector := unix.Iovec{Base: &memory[0]}
	vector.SetLen(len(memory))
	if _, errno := r.register(registerBuffers, unsafe.Pointer(&vector), 1); errno != 0 {
		return fmt.Errorf("pin %d bytes for the ring: %w (ENOMEM: `ulimit -l` is too low)", len(memory), errno)
	}
	return nil
}

// Space returns how many requests can be queued before a Submit.
func (r *Ring) Space() uint32 { return r.sqCount - (r.tail - atomic.LoadUint32(r.sqHead)) }

// queue returns the next free request, emptied. There must be Space.
func (r *Ring) queue() *request {
	r.tail++
	q := r.last()
	*q = request{}
	return q
}

// last returns the request that was queued last.
func (r *Ring) last() *request {
	return (*request)(unsafe.Pointer(&r.requests[uintptr((r.tail-1)&r.sqMask)*unsafe.Sizeof(request{})]))
}

// Submit hands what is queued to the kernel and does not wait. Completions that have not been
// fetched from the kernel stay there.
func (r *Ring) Submit() error {
	return r.enter(0, 0)
}

// Wait submits what is queued and returns when at least one completion can be read. It stays up to
// gatherUs microseconds longer for there to be gather of them, where the kernel can (Linux 6.12).
// It blocks the thread, but not the garbage collector.
func (r *Ring) Wait(gather, gatherUs uint32) error {
	if gather <= 1 || gatherUs == 0 || !r.minTimeout {
		gather, gatherUs = 1, 0
	}
	r.wait.minWaitUs = gatherUs
	if err := r.enter(gather, enterGetEvents); err != nil || r.Ready() > 0 || gather == 1 {
		return err
	}
	// The time was over before the first one.
	r.wait.minWaitUs = 0
	return r.enter(1, enterGetEvents)
}

func (r *Ring) enter(completions, flags uint32) error {
	for {
		count := r.tail - r.published
		atomic.StoreUint32(r.sqTail, r.tail)
		r.Enters++
		var n uintptr
		var errno unix.Errno
		if completions == 0 {
			n, _, errno = unix.RawSyscall6(unix.SYS_IO_URING_ENTER, r.enterFD, uintptr(count),
				0, uintptr(flags)|r.enterFlags, 0, 0)
		} else {
			n, _, errno = unix.Syscall6(unix.SYS_IO_URING_ENTER, r.enterFD, uintptr(count),
				uintptr(completions), uintptr(flags)|r.enterFlags|enterExtArg,
				uintptr(unsafe.Pointer(r.wait)), unsafe.Sizeof(*r.wait))
		}
		switch errno {
		case 0:
			r.published += uint32(n)
			if r.published == r.tail {
				return nil
			}
		case unix.ETIME: // The minimum time is over; nothing was to be submitted.
			return nil
		case unix.EINTR, unix.EAGAIN, unix.EBUSY:
			// Interrupted, short of memory, or the completions that did not fit must be read first.
			if completions == 0 {
				flags |= enterGetEvents
			}
			if r.Ready() > 0 && errno != unix.EINTR {
				return nil
			}
		default:
			return fmt.Errorf("io_uring_enter: %w", errno)
		}
	}
}

// Ready returns how many completions can be read.
func (r *Ring) Ready() uint32 { return atomic.LoadUint32(r.cqTail) - *r.cqHead }

// At returns the ith of the Ready completions; it is valid until it is Released.
func (r *Ring) At(i uint32) *Completion {
	index := uintptr((*r.cqHead + i) & r.cqMask)
	return (*Completion)(unsafe.Add(r.completions, index*unsafe.Sizeof(Completion{})))
}

// Release gives the first n completions back to the kernel.
func (r *Ring) Release(n uint32) { atomic.StoreUint32(r.cqHead, *r.cqHead+n) }

// Close gives the ring back. Requests in flight are cancelled by the kernel, some time later.
func (r *Ring) Close() {
	for _, memory := range [][]byte{r.requests, r.rings, r.waitMemory} {
		if memory != nil {
			_ = unix.Munmap(memory) // Fails only for memory that is not mapped.
		}
	}
	unix.Close(r.fd)
}

// Map returns zeroed memory outside the Go heap, aligned to pages.
func Map(bytes int) ([]byte, error) {
	memory, err := unix.Mmap(-1, 0, bytes, unix.PROT_READ|unix.PROT_WRITE,
		unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_POPULATE)
	if err != nil {
		return nil, fmt.Errorf("map %d bytes: %w", bytes, err)
	}
	return memory, nil
}

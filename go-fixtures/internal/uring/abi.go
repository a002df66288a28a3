// Package uring speaks io_uring(7) to the kernel: one ring that one thread owns, without cgo and
// without a word of Go heap in the kernel's sight: the rings, the requests and the buffers are
// mapped memory, which no garbage collector moves or frees while a request is in flight.
//
// It is minimal: what a TCP server needs that answers out of a file. The numbers are those of
// include/uapi/linux/io_uring.h; the doc comments name the kernel that brought each feature.
package uring

// Flags of io_uring_setup(2).
const (
	setupCQSize       = 1 << 3  // Linux 5.5: the size of the completion ring is given.
	setupClamp        = 1 << 4  // Linux 5.6: sizes over the limit become the limit.
	setupSubmitAll    = 1 << 7  // Linux 5.18: a wrong request does not keep back those behind it.
	setupSingleIssuer = 1 << 12 // Linux 6.0: only one thread submits.
	setupDeferTaskrun = 1 << 13 // Linux 6.1: completions are worked on in io_uring_enter only.
)

// Features that io_uring_setup(2) reports.
const (
	featSingleMmap = 1 << 0  // Linux 5.4: one mapping for both rings.
	featNoDrop     = 1 << 1  // Linux 5.5: completions that do not fit are kept.
	featExtArg     = 1 << 8  // Linux 5.11: io_uring_enter takes a structure.
	featCQESkip    = 1 << 11 // Linux 5.17: SkipSuccess.
	featMinTimeout = 1 << 15 // Linux 6.12: the structure holds a minimum time to wait.
)

// Flags of io_uring_enter(2).
const (
	enterGetEvents      = 1 << 0 // Linux 5.1
	enterExtArg         = 1 << 3 // Linux 5.11
	enterRegisteredRing = 1 << 4 // Linux 5.18
)

// Opcodes of io_uring_register(2).
const (
	registerBuffers  = 0  // Linux 5.1
	registerFiles    = 2  // Linux 5.1
	registerRingFDs  = 20 // Linux 5.18
	registerPbufRing = 22 // Linux 5.19
)

// Where the rings are mapped from.
const (
	offsetRings = 0
	offsetSQEs  = 0x10000000
)

// Requests' opcodes.
const (
	opNop       = 0  // Linux 5.1
	opReadFixed = 4  // Linux 5.1
	opPollAdd   = 6  // Linux 5.1
	opAccept    = 13 // Linux 5.5
	opCancel    = 14 // Linux 5.5
	opSend      = 26 // Linux 5.6
	opRecv      = 27 // Linux 5.6
)

// Flags of a request (IOSQE_…).
const (
	// FixedFile: the descriptor is an index into the registered files (Linux 5.1).
	FixedFile = 1 << 0
	// Link: the next request begins when this one has succeeded in full, and is cancelled if not
	// (Linux 5.3).
	Link = 1 << 2
	// BufferSelect: the kernel takes a buffer out of the group when there is something to put into
	// it (Linux 5.7).
	BufferSelect = 1 << 5
	// SkipSuccess: no completion if the request succeeds (Linux 5.17). If it fails there is one, and
	// then none for the requests linked behind it.
	SkipSuccess = 1 << 6
)

// Flags of single operations, in a request's ioprio.
const (
	acceptMultishot = 1 << 0 // Linux 5.19
	recvMultishot   = 1 << 1 // Linux 6.0
)

// pollMultishot stands in a poll's len (Linux 5.13).
const pollMultishot = 1 << 0

// Flags of a completion.
const (
	// HasBuffer: the upper half of the flags names the buffer (Linux 5.7).
	HasBuffer = 1 << 0
	// More: the request lives on and will complete again (Linux 5.13).
	More = 1 << 1
)

// bufferShift is where in a completion's flags the number of the buffer begins.
const bufferShift = 16

// setupParams is struct io_uring_params.
type setupParams struct {
	sqEntries, cqEntries, flags, sqThreadCPU, sqThreadIdle, features, wqFD uint32

	_  [3]uint32
	sq struct {
		head, tail, ringMask, ringEntries, flags, dropped, array, _ uint32
		_                                                           uint64
	}
	cq struct {
		head, tail, ringMask, ringEntries, overflow, cqes, flags, _ uint32
		_                                                           uint64
	}
}

// request is struct io_uring_sqe.
type request struct {
	opcode, flags uint8
	ioprio        uint16
	fd            int32
	off           uint64
	addr          uint64
	len           uint32
	opFlags       uint32
	userData      uint64
	bufIndex      uint16 // or the buffer group
	personality   uint16
	spliceFD      int32
	addr3         uint64
	_             uint64
}

// Completion is struct io_uring_cqe: what became of a request.
type Completion struct {
	// UserData is the request's.
	UserData uint64
	// Result is what the system call would have returned; negative: an errno.
	Result int32
	Flags  uint32
}

// Buffer returns the number of the provided buffer that the data is in; only with HasBuffer.
func (c *Completion) Buffer() uint16 { return uint16(c.Flags >> bufferShift) }

// Errno returns the errno of a failed request, 0 of one that succeeded.
func (c *Completion) Errno() int { return int(max(-c.Result, 0)) }

// waitArguments is struct io_uring_getevents_arg.
type waitArguments struct {
	sigmask     uint64
	sigmaskSize uint32
	minWaitUs   uint32
	timespec    uint64
}

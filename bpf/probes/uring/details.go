package uring

import "pollgate/bpf/internal/goruntime"

// Details is what uring tells beside its histograms. All counts are of the window.
type Details struct {
	// Operations are those with a request or a completion, by number of requests.
	Operations []Operation `json:"operations"`
	// Rings are those with a request, by number of requests.
	Rings []Ring `json:"rings"`
	// Alarms tell when a completion queue was too full, at most 8; AlarmsLeftOut are those beyond.
	Alarms        []Alarm `json:"alarms"`
	AlarmsLeftOut uint64  `json:"alarmsLeftOut"`
	// GoroutinesUnavailable is why there are none in slices and alarms; else empty.
	GoroutinesUnavailable string `json:"goroutinesUnavailable"`
	// DriftRequests is what the balance over all operations is short of: submitted − quiet −
	// completed − endedUnseen − inFlight. Not 0 only beside a loss.
	DriftRequests int64 `json:"driftRequests"`
	// Unknown are completions of requests from before the window.
	Unknown uint64 `json:"unknown"`
	// Messages are completions that another ring has posted.
	Messages uint64 `json:"messages"`
	// Notifications tell that the buffer of a zero-copy send is free.
	Notifications uint64 `json:"notifications"`
	// CqOverflows are completions that found the queue full and were kept aside; for
	// CqOverflowsDropped of them there was no memory, they are gone. Null: see Missing.
	CqOverflows        *uint64 `json:"cqOverflows"`
	CqOverflowsDropped *uint64 `json:"cqOverflowsDropped"`
	// TaskWork is null where the kernel does not tell it.
	TaskWork *TaskWork `json:"taskWork"`
	// Missing has a reason for each figure that this kernel does not offer: refused,
	// cqOverflows, punted, taskWork.
	Missing map[string]string `json:"missing"`
}

// Operation is the balance of one kind of request.
type Operation struct {
	// Name is as in the kernel's enum io_uring_op, without IORING_OP_.
	Name      string `json:"name"`
	Submitted uint64 `json:"submitted"`
	// Completed have ended with a completion: Cancelled with ECANCELED, Failed with another
	// error. A completion that promises more (More) does not end its request.
	Completed uint64 `json:"completed"`
	Failed    uint64 `json:"failed"`
	Cancelled uint64 `json:"cancelled"`
	// Refused requests were invalid when the kernel read them: they fail with a completion.
	Refused *uint64 `json:"refused"`
	// Quiet requests (IOSQE_CQE_SKIP_SUCCESS) give no completion when they succeed, so they are
	// neither completed nor in flight; QuietFailed gave one.
	Quiet       uint64 `json:"quiet"`
	QuietFailed uint64 `json:"quietFailed"`
	// EndedUnseen: the kernel used their memory for another request before a completion was seen.
	EndedUnseen uint64 `json:"endedUnseen"`
	// InFlight at the end of the window.
	InFlight uint64 `json:"inFlight"`
	// Multishots are requests, ended or in flight, with More. Their time is in no latency.
	Multishots uint64 `json:"multishots"`
	More       uint64 `json:"more"`
	// Punted requests were handed to a worker thread of the kernel (io-wq), each time counted.
	Punted *uint64 `json:"punted"`
	// Latency is from the submission to the completion of requests that gave one completion.
	Latency Latency `json:"latency"`
}

// Latency sums up times; MinNs and MaxNs are 0 without any.
type Latency struct {
	Count uint64 `json:"count"`
	SumNs uint64 `json:"sumNs"`
	MinNs uint64 `json:"minNs"`
	MaxNs uint64 `json:"maxNs"`
}

// Ring is one io_uring instance.
type Ring struct {
	// CqEntries is the size of its completion queue when it was first seen.
	CqEntries uint32 `json:"cqEntries"`
	Submitted uint64 `json:"submitted"`
	Completed uint64 `json:"completed"`
	// CqOverflows is 0 where Details.CqOverflows is null.
	CqOverflows uint64 `json:"cqOverflows"`
	// InFlight at the end, counted up and down; requests of before the window are not in it.
	InFlight int64 `json:"inFlight"`
	// DepthMax is the most requests in flight, CqBacklogMax the most completions that the
	// process had not yet taken.
	DepthMax     uint32 `json:"depthMax"`
	CqBacklogMax uint32 `json:"cqBacklogMax"`
	// Slices are those of the last ten tenths of a second, up to the last event, that had an
	// event; the earliest first.
	Slices []Slice `json:"slices"`
}

// Slice is a tenth of a second of a ring.
type Slice struct {
	// FromNs is its begin, after that of the window; the first begins before it (negative).
	FromNs       int64  `json:"fromNs"`
	Submitted    uint64 `json:"submitted"`
	Completed    uint64 `json:"completed"`
	CqOverflows  uint64 `json:"cqOverflows"`
	DepthMax     uint32 `json:"depthMax"`
	CqBacklogMax uint32 `json:"cqBacklogMax"`
	// Goroutines of the process by state at a moment of the slice, those of the runtime left out; null
	// where they were not counted: there are so many that it is done less often.
	Goroutines map[string]uint64 `json:"goroutines"`
}

// Alarm is a moment at which a completion queue was fuller than --uring-alarm allows, or overflowed. It
// stands for the second behind it.
type Alarm struct {
	// AtNs is after the begin of the window.
	AtNs        int64  `json:"atNs"`
	CqEntries   uint32 `json:"cqEntries"`
	CqBacklog   uint32 `json:"cqBacklog"`
	CqOverflows uint64 `json:"cqOverflows"`
	InFlight    int64  `json:"inFlight"`
	// Goroutines are where they stood then, the most frequent place first; at most 32.
	Goroutines []goruntime.Place `json:"goroutines"`
}

// TaskWork is work that the kernel left to a thread of the process: how often it was run, and how
// many requests that was together.
type TaskWork struct {
	Runs  uint64 `json:"runs"`
	Items uint64 `json:"items"`
}

// operations is in the order of enum io_uring_op (include/uapi/linux/io_uring.h), which only grows.
var operations = []string{"NOP", "READV", "WRITEV", "FSYNC", "READ_FIXED", "WRITE_FIXED", "POLL_ADD",
	"POLL_REMOVE", "SYNC_FILE_RANGE", "SENDMSG", "RECVMSG", "TIMEOUT", "TIMEOUT_REMOVE", "ACCEPT",
	"ASYNC_CANCEL", "LINK_TIMEOUT", "CONNECT", "FALLOCATE", "OPENAT", "CLOSE", "FILES_UPDATE",
	"STATX", "READ", "WRITE", "FADVISE", "MADVISE", "SEND", "RECV", "OPENAT2", "EPOLL_CTL",
	"SPLICE", "PROVIDE_BUFFERS", "REMOVE_BUFFERS", "TEE", "SHUTDOWN", "RENAMEAT", "UNLINKAT",
	"MKDIRAT", "SYMLINKAT", "LINKAT", "MSG_RING", "FSETXATTR", "SETXATTR", "FGETXATTR", "GETXATTR",
	"SOCKET", "URING_CMD", "SEND_ZC", "SENDMSG_ZC", "READ_MULTISHOT", "WAITID", "FUTEX_WAIT",
	"FUTEX_WAKE", "FUTEX_WAITV", "FIXED_FD_INSTALL", "FTRUNCATE", "BIND", "LISTEN", "RECV_ZC",
	"EPOLL_WAIT", "READV_FIXED", "WRITEV_FIXED", "PIPE"}

package syscalls

import "pollgate/bpf/internal/gosym"

// Details is what the probe tells beside its histograms. Calls are named by the row of the table
// that they belong to, such as "openat" for every way to open a file.
type Details struct {
	// SlowCallThresholdNs is from how long on a call is slow.
	SlowCallThresholdNs uint64 `json:"slowCallThresholdNs"`
	// SlowCalls are counted by call and by what the descriptor stands for, the longest in sum first.
	SlowCalls []SlowCall `json:"slowCalls"`
	// Waits are the calls as long as slow ones that wait by design: sleeping in a futex, in an
	// io_uring for completions, in nanosleep, in accept on a blocking socket. Polls of epoll are
	// not timed here.
	Waits []Wait `json:"waits"`
	// Stacks are the places that made slow calls, the longest in sum first; at most 256.
	Stacks        []Stack `json:"stacks"`
	StacksLeftOut uint64  `json:"stacksLeftOut"`
	// Examples are the slowest calls, at most 200, the slowest first.
	Examples        []Example `json:"examples"`
	ExamplesLeftOut uint64    `json:"examplesLeftOut"`
	// BlockIO has the calls, slow or not, in which their thread issued requests to a block device;
	// nil without the probe blockio.
	BlockIO []BlockIO `json:"blockIo"`
}

// SlowCall counts slow calls of one kind. The kind of a file is "regular", "socket", "pipe" (a FIFO
// too), "directory", "character", "block", "other" (epoll, eventfd, io_uring), or "none" where the
// call takes no descriptor or has closed it.
type SlowCall struct {
	Call     string `json:"call"`
	FileKind string `json:"fileKind"`
	Calls    uint64 `json:"calls"`
	TotalNs  uint64 `json:"totalNs"`
	MaxNs    uint64 `json:"maxNs"`
	// BlockNs is as in Example, summed up; nil without the probe blockio.
	BlockNs *uint64 `json:"blockNs"`
}

// Wait counts calls that waited by design.
type Wait struct {
	Call    string `json:"call"`
	Calls   uint64 `json:"calls"`
	TotalNs uint64 `json:"totalNs"`
	MaxNs   uint64 `json:"maxNs"`
}

// Stack is a place in the program that made slow calls.
type Stack struct {
	SlowCall
	// Frames begin with the innermost.
	Frames []gosym.Frame `json:"frames"`
}

// Example is one slow call.
type Example struct {
	Call string `json:"call"`
	// AtNs is when it began, of CLOCK_MONOTONIC.
	AtNs       uint64 `json:"atNs"`
	DurationNs uint64 `json:"durationNs"`
	ThreadID   uint32 `json:"threadId"`
	// Descriptor is nil where the call takes none. Its kind is that of the end of the call.
	Descriptor *int32 `json:"descriptor"`
	FileKind   string `json:"fileKind"`
	// NonBlocking tells that the descriptor has O_NONBLOCK.
	NonBlocking bool `json:"nonBlocking"`
	// Result is what the call returned: negative ones are errors.
	Result int64 `json:"result"`
	// BlockNs is the time in the call in which requests that its thread had issued in it were at a
	// block device; nil without the probe blockio. What a kernel thread issued for it is not in it.
	BlockNs *uint64 `json:"blockNs"`
	// Stack is an index into Stacks, -1 if that one was left out.
	Stack int `json:"stack"`
}

// BlockIO is what block devices had to do with one call.
type BlockIO struct {
	Call string `json:"call"`
	// Calls counts those in which their thread issued at least one request.
	Calls    uint64 `json:"calls"`
	Requests uint64 `json:"requests"`
	// BlockNs is as in Example, summed up.
	BlockNs uint64 `json:"blockNs"`
}

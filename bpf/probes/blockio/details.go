package blockio

// Details is what the probe tells beside its histogram.
type Details struct {
	// Requests that were completed inside the window, by operation: "read", "write", "flush",
	// "discard", "other"; those without any are left out.
	Requests map[string]Requests `json:"requests"`
	// InCalls counts requests issued by a thread in a system call that the probe syscalls times;
	// nil without that probe.
	InCalls *uint64 `json:"inCalls"`
	// OutsideCalls counts the others: page faults, calls that are not timed, workers of an io_uring;
	// nil as above.
	OutsideCalls *uint64 `json:"outsideCalls"`
	// Requeued counts requests that the device sent back. They are in no histogram until issued
	// again, by a thread of the process or as foreign ones.
	Requeued uint64  `json:"requeued"`
	Foreign  Foreign `json:"foreign"`
}

// Requests sums up those of one operation.
type Requests struct {
	Requests uint64 `json:"requests"`
	Bytes    uint64 `json:"bytes"`
	// TotalNs is the sum over the requests, which may have been at the device at the same time.
	TotalNs uint64 `json:"totalNs"`
}

// Foreign counts requests issued in the window by none of the targets, for the whole machine.
type Foreign struct {
	// KernelThreads may have issued them for a target: nothing tells.
	KernelThreads  uint64 `json:"kernelThreads"`
	OtherProcesses uint64 `json:"otherProcesses"`
}

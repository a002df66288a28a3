package engine

import "time"

// Outcome is how a request ended.
type Outcome uint8

const (
	// Pending requests have no end yet; none is left after Run.
	Pending Outcome = iota
	// Completed means that the whole reply came and was verified.
	Completed
	// Unsent means that no connection was free until the phase was over.
	Unsent
	// Reset means that the server closed or reset the connection.
	Reset
	// TimedOut means that the reply was not complete in time.
	TimedOut
	// BadStatus means a complete HTTP reply with another status.
	BadStatus
	// BadBody means other bytes than the reply should have.
	BadBody
)

// Request is one planned request (the first three fields, set by the caller) and
// what became of it. Times are CLOCK_MONOTONIC ns, 0 = did not happen.
type Request struct {
	IntendedNs int64  // when it should be sent
	Key        uint32 // what the protocol makes of it: a page number, a draw of a service time
	Arm        uint16

	Outcome Outcome
	// Queued: all connections of the arm were busy when the request was due.
	Queued bool
	next   int32 // in the arm's queue; -1 = last

	// PickedNs is when the generator came to the request: PickedNs − IntendedNs
	// is the generator's own lateness. Of a request that was not queued it is SentNs.
	PickedNs int64
	SentNs   int64 // before the write
	// ArrivedNs is the kernel's stamp of the reply's last bytes, 0 = unknown:
	// DoneNs − ArrivedNs is how late the generator came to read them.
	ArrivedNs int64
	DoneNs    int64 // after the last read, or when the request was given up
}

// Phase is what Run does.
type Phase struct {
	Requests []Request // by IntendedNs, ascending
	// Stamps has room for what servers say of each request, in the same order;
	// nil where they say nothing.
	Stamps   []ServerStamps
	StartNs  int64
	Duration time.Duration
}

// ServerStamps are a server's own times of one request, CLOCK_MONOTONIC ns; 0 =
// not given.
type ServerStamps struct {
	ReadNs, WriteNs int64
	FreedNs         int64 // when it was done with the request before
}

// ArmResult counts what belongs to no request.
type ArmResult struct {
	ConnectErrors int64 // connection attempts that failed
	Reconnects    int64 // connections made again
	// InflightAreaNs is the number of requests under way, integrated over time by
	// the loop with readings of the clock of its own; Little's law holds the stamps
	// of the requests against it.
	InflightAreaNs float64
}

// Result of a phase.
type Result struct {
	EndNs int64 // last reply, or when the last request was given up
	Arms  []ArmResult
	Usage Usage
}

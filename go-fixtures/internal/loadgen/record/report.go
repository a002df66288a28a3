// Package record turns what became of each request into load.json and load.hlog.
package record

import (
	"pollgate/go-fixtures/internal/loadgen/oracle"
	"pollgate/go-fixtures/internal/loadgen/search"
	"pollgate/go-fixtures/internal/loadgen/validity"
)

// Report is load.json. All times are CLOCK_MONOTONIC nanoseconds.
type Report struct {
	// Schema is 2.
	Schema int `json:"schema"`
	// Protocol: "http1", "block-4k" or "truth".
	Protocol string `json:"protocol"`
	// Mode: "open" (requests at planned times) or "closed" (the next request when
	// the reply is there).
	Mode string `json:"mode"`
	// Arrivals: the kind of schedule; absent in a closed loop.
	Arrivals string `json:"arrivals,omitempty"`
	// Interleave says how the arms share the time: "slice", "request" or "run".
	Interleave string `json:"interleave"`
	// Seed as given in the spec, a decimal uint64.
	Seed string `json:"seed"`
	// ScheduleHash is "sha256:<hex>" over the schedules of all phases, recorded
	// or not: equal hashes mean that the same requests were planned for the same
	// times.
	ScheduleHash string `json:"scheduleHash"`
	// StartedNs is when the generator was ready for the first phase; the hlog
	// counts from it.
	StartedNs int64 `json:"startedNs"`
	// Interrupted is true (else absent) when the run was stopped early. Only
	// phases that had ended are in the report, and the hash covers only them.
	Interrupted bool `json:"interrupted,omitempty"`
	// Connect is how long connections of each arm took to come up, reconnects
	// included.
	Connect map[string]Connect `json:"connect"`
	// Phases with record: true, in order.
	Phases []Phase `json:"phases"`
	// Search is what a search for the highest rate has found; each of its probes
	// is a phase.
	Search *Search `json:"search,omitempty"`
}

// Connect is the time from connect() until the connection was up.
type Connect struct {
	Distribution
	Histogram string `json:"histogram"` // as those of Arm
}

// Phase is one recorded phase.
type Phase struct {
	Name string `json:"name"`
	// StartNs is time zero of the phase's schedule.
	StartNs int64 `json:"startNs"`
	// EndNs is the later of the schedule's end and the last reply or timeout.
	EndNs int64 `json:"endNs"`
	// RatePerSec is the planned rate over all arms; absent in a closed loop and in
	// a replay.
	RatePerSec float64 `json:"ratePerSec,omitempty"`
	// OfferedRatePerSec is the number of scheduled requests of all arms divided
	// by the phase's duration. It differs from the planned rate as a Poisson count
	// differs from its mean.
	OfferedRatePerSec float64 `json:"offeredRatePerSec"`
	// Interleave of this phase, absent where it is the report's.
	Interleave string         `json:"interleave,omitempty"`
	Arms       map[string]Arm `json:"arms"`
	Paired     Paired         `json:"paired"`
	Generator  Generator      `json:"generator"`
}

// Search is what a search for the highest rate with p99 ≤ SLOP99Ns has found.
type Search struct {
	SLOP99Ns int64 `json:"sloP99Ns"`
	// RatePerSec is null where no rate can be named; with LimitedBy "generator",
	// and "range" at the top of it, it is a lower bound.
	RatePerSec *float64 `json:"ratePerSec"`
	// Interval is meant to hold the true rate in 95 of 100 searches.
	Interval *[2]float64 `json:"interval"`
	// LimitedBy: "server", "generator", "range" or "unstable".
	LimitedBy search.Limit `json:"limitedBy"`
	Probes    []Probe      `json:"probes"`
}

// Probe is one stretch of load of a Search; its phase has the same name.
type Probe struct {
	Phase      string         `json:"phase"`
	RatePerSec float64        `json:"ratePerSec"`
	P99Ns      *int64         `json:"p99Ns"`
	Completed  int64          `json:"completed"`
	Grade      validity.Grade `json:"grade"`
	// LimitedByGenerator: no evidence about the server.
	LimitedByGenerator bool `json:"limitedByGenerator"`
}

// Paired says whether ratios between the arms may be judged: whether what
// disturbed the measurement was shared equally.
type Paired struct {
	Grade   *validity.Grade   `json:"grade"` // null with one arm
	Reasons []validity.Reason `json:"reasons"`
}

// Validity says whether an arm's figures may be quoted.
type Validity struct {
	Absolute validity.Grade    `json:"absolute"`
	Reasons  []validity.Reason `json:"reasons"`
	// WarmupCutNs is the least time from the phase's start after which the rest is
	// stationary; 0 when the whole is.
	WarmupCutNs int64 `json:"warmupCutNs"`
	// P99Interval is the 95 % confidence interval of the latency p99 by order
	// statistics; null with too few samples.
	P99Interval *[2]int64 `json:"p99Interval"`
}

// Arm is what one arm was asked and answered in a phase. These always hold:
// scheduled = sent + unsent, and
// sent = completed + errors.reset + errors.timeout + errors.status + errors.body.
type Arm struct {
	Scheduled int64 `json:"scheduled"`
	// Sent counts requests handed to a connection, however they ended.
	Sent int64 `json:"sent"`
	// Completed counts replies that came whole and were verified.
	Completed int64 `json:"completed"`
	// Unsent counts requests that found no free connection until the end of the
	// phase plus the timeout, or that the generator never came to.
	Unsent int64 `json:"unsent"`
	// Queued counts requests that had to wait for a free connection, sent or not.
	Queued int64  `json:"queued"`
	Errors Errors `json:"errors"`
	// Reconnects counts connections made again after one was lost.
	Reconnects int64 `json:"reconnects"`
	// AchievedRatePerSec is completed divided by the time from the phase's start
	// to the later of the schedule's end and this arm's last good reply. Its
	// counterpart is scheduled / duration: a server that keeps up has a ratio of
	// 1, one that falls behind less.
	AchievedRatePerSec float64 `json:"achievedRatePerSec"`

	// LatencyNs of completed requests, from the intended time to the last byte.
	LatencyNs Distribution `json:"latencyNs"`
	// ServiceNs of completed requests, from just before the write to the last
	// byte.
	ServiceNs Distribution `json:"serviceNs"`
	// SendLagNs of all requests that the generator came to: how late that was
	// after the intended time. This is the generator's own error. Waiting for a
	// free connection, the server's doing, is not in it, but is in LatencyNs.
	SendLagNs Distribution `json:"sendLagNs"`
	// ReceiveLagNs of completed requests: how late the generator read the reply
	// after the kernel had received it. Also the generator's own error. Empty
	// where the kernel gives no stamps.
	ReceiveLagNs Distribution `json:"receiveLagNs"`
	// RequestPathNs and ReplyPathNs, only where servers return their stamps: from
	// just before the write to the server's taking the request up, and from the
	// server's write to the last byte.
	RequestPathNs *Distribution `json:"requestPathNs,omitempty"`
	ReplyPathNs   *Distribution `json:"replyPathNs,omitempty"`

	// The histograms behind the distributions: HdrHistogram V2, compressed, in
	// base64; ns, 1 ns … 60 s (longer values are kept as 60 s), 3 significant
	// digits.
	LatencyHistogram    string `json:"latencyHistogram"`
	ServiceHistogram    string `json:"serviceHistogram"`
	SendLagHistogram    string `json:"sendLagHistogram"`
	ReceiveLagHistogram string `json:"receiveLagHistogram"`
	// Oracle is what the latencies should have been; protocol "truth" only.
	Oracle   *oracle.Report `json:"oracle,omitempty"`
	Validity Validity       `json:"validity"`
}

// Errors by kind. All but Connect count requests; such a request has no latency
// sample, so latency figures beside errors are too good.
type Errors struct {
	// Connect counts connection attempts that failed during the phase.
	Connect int64 `json:"connect"`
	// Reset: the server closed or reset the connection before the whole reply.
	Reset int64 `json:"reset"`
	// Timeout: no whole reply within the timeout.
	Timeout int64 `json:"timeout"`
	// Status: a whole HTTP reply with an unexpected status.
	Status int64 `json:"status"`
	// Body: other bytes than expected, or no reply of the protocol at all.
	Body int64 `json:"body"`
}

// Distribution sums up a histogram. Except for Count, the figures are null where
// there is no sample: an empty distribution has no p99, least of all 0. The
// quantiles are upper ends of histogram buckets, at most 0.1 % too high.
type Distribution struct {
	Count int64    `json:"count"`
	Mean  *float64 `json:"mean"`
	Min   *int64   `json:"min"`
	P50   *int64   `json:"p50"`
	P90   *int64   `json:"p90"`
	P99   *int64   `json:"p99"`
	P999  *int64   `json:"p999"`
	Max   *int64   `json:"max"`
}

// Generator is what the generator's own threads spent on a phase.
type Generator struct {
	// CPUNs includes polling.
	CPUNs int64 `json:"cpuNs"`
	// BusyRatio is the CPU time without polls that found nothing, divided by the
	// time that the threads were at it; 0 … 1.
	BusyRatio           float64 `json:"busyRatio"`
	VoluntarySwitches   int64   `json:"voluntarySwitches"`
	InvoluntarySwitches int64   `json:"involuntarySwitches"`
	// CPUs that the threads were pinned to, one each; empty = not pinned.
	CPUs    []int `json:"cpus"`
	Threads int   `json:"threads"`
	// Scheduling: "fifo" (real-time priority) or "other" (the kernel refused it, or
	// the thread shares its CPU).
	Scheduling string `json:"scheduling"`
	// RunQueueNs is how long threads were ready but did not run, StealNs what the
	// hypervisor took from their CPUs; null where this kernel does not tell.
	RunQueueNs *int64 `json:"runQueueNs"`
	StealNs    *int64 `json:"stealNs"`
	// LargestGapNs is the longest time in which a thread could neither send nor read.
	LargestGapNs int64 `json:"largestGapNs"`
	// ClockReadNs is what one reading of the clock cost.
	ClockReadNs int64 `json:"clockReadNs"`
	// KernelStamps: whether replies carried the kernel's receive stamp.
	KernelStamps bool `json:"kernelStamps"`
}

// Package record turns what became of each request into load.json and load.hlog.
package record

// Report is load.json. All times are CLOCK_MONOTONIC nanoseconds.
type Report struct {
	// Schema is 1.
	Schema int `json:"schema"`
	// Protocol: "http1" or "block-4k".
	Protocol string `json:"protocol"`
	// Seed as given in the spec, a decimal uint64.
	Seed string `json:"seed"`
	// ScheduleHash is "sha256:<hex>" over the schedules of all phases, recorded
	// or not: equal hashes mean that the same requests were planned for the same
	// times.
	ScheduleHash string `json:"scheduleHash"`
	// StartedNs is when all connections were up; the hlog counts from it.
	StartedNs int64 `json:"startedNs"`
	// Interrupted is true (else absent) when the run was stopped early. Only
	// phases that had ended are in the report, and the hash covers only them.
	Interrupted bool `json:"interrupted,omitempty"`
	// Phases with record: true, in order.
	Phases []Phase `json:"phases"`
}

// Phase is one recorded phase.
type Phase struct {
	Name string `json:"name"`
	// StartNs is time zero of the phase's schedule.
	StartNs int64 `json:"startNs"`
	// EndNs is the later of the schedule's end and the last reply or timeout.
	EndNs int64 `json:"endNs"`
	// OfferedRatePerSec is the number of scheduled requests of all arms divided
	// by the phase's duration. It differs from the spec's rate as a Poisson count
	// differs from its mean.
	OfferedRatePerSec float64        `json:"offeredRatePerSec"`
	Arms              map[string]Arm `json:"arms"`
	Generator         Generator      `json:"generator"`
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
	// phase plus the timeout.
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

	// The histograms behind the distributions: HdrHistogram V2, compressed, in
	// base64; ns, 1 ns … 60 s (longer values are kept as 60 s), 3 significant
	// digits.
	LatencyHistogram string `json:"latencyHistogram"`
	ServiceHistogram string `json:"serviceHistogram"`
	SendLagHistogram string `json:"sendLagHistogram"`
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

// Generator is what the generator's own thread spent on a phase.
type Generator struct {
	// CPUNs includes polling.
	CPUNs int64 `json:"cpuNs"`
	// BusyRatio is the CPU time without polls that found nothing, divided by the
	// time from StartNs to EndNs; 0 … 1.
	BusyRatio           float64 `json:"busyRatio"`
	VoluntarySwitches   int64   `json:"voluntarySwitches"`
	InvoluntarySwitches int64   `json:"involuntarySwitches"`
	// CPU that the generator was pinned to; -1 = not pinned.
	CPU int `json:"cpu"`
}

// Package validity judges a phase after it is over: may its figures be quoted
// (absolute), and may the ratio of its arms be judged (paired)?
//
// It is a pure function of what the engine recorded. Two rules run through it. A
// figure that the generator spoilt must not pass, whatever the length and the
// rate of the phase; and a server that stalls is measured, not blamed: what it
// does to its latency is the result. Which of the two was at fault is read from
// the stamps. PickedNs says when the generator came to a request, ArrivedNs, the
// kernel's, when the reply was there: a stopped generator picks late and reads
// late, a stalled server leaves requests without replies.
//
// Tests of shape need both significance at alpha and an effect of a size that
// matters: of 10⁵ requests any trifle is significant.
package validity

import (
	"time"

	"pollgate/go-fixtures/internal/loadgen/engine"
)

// alpha is the level of every test. A run makes some ten of them for each arm and
// phase; at 10⁻⁴ a false alarm comes about once in a thousand phases.
const alpha = 1e-4

// Input is a phase that has ended. All times are ns; instants are of
// CLOCK_MONOTONIC.
type Input struct {
	Arms     []string         // names; Request.Arm is the index
	Requests []engine.Request // by IntendedNs, ascending
	StartNs  int64            // time zero of the schedule
	EndNs    int64            // the later of the schedule's end and the last reply or timeout
	Duration time.Duration    // of the schedule, > 0
	// Varying: the load is meant to change during the phase, so that figures that
	// change with it are no fault.
	Varying bool
	Usage   Usage
	// InflightAreaNs is, by arm, the integral over time of the number of requests
	// under way, from the write to the last byte or the giving up. The loop sums it
	// up as it goes, so that records that are lost or changed later are found. Nil =
	// not kept.
	InflightAreaNs []float64
}

// Usage is what the generator spent on a phase, and what the host did to it.
// Sums are over all threads of the generator.
type Usage struct {
	CPUNs       int64
	EmptyPollNs int64 // part of CPUNs: polls that found nothing to do

	InvoluntarySwitches, VoluntarySwitches int64

	// RunQueueNs is how long the threads were ready to run and did not
	// (/proc/thread-self/schedstat, second figure); -1 = unknown.
	RunQueueNs int64
	// StealNs is what the hypervisor took from the generator's CPUs (or from the
	// mean CPU, times Threads, where it is not pinned); -1 = unknown.
	StealNs int64
	// StealResolutionNs is one step of StealNs, a clock tick.
	StealResolutionNs int64

	// LargestGapNs is the longest time that a loop was away: between two looks at
	// the clock without having asked to sleep, or beyond the sleep it had asked for.
	LargestGapNs int64
	// ClockReadNs is the median cost of reading the clock once.
	ClockReadNs int64
	// ClockStepNs is by how much CLOCK_REALTIME − CLOCK_MONOTONIC changed over the
	// phase. The kernel stamps replies in real time.
	ClockStepNs int64
	Threads     int // of the generator; 0 counts as 1
	// ThreadNs is how long the threads were at it, summed up over them; 0 = each from
	// StartNs to EndNs. Less where arms were connected in between.
	ThreadNs int64
	// KernelStamps: ArrivedNs is filled in.
	KernelStamps bool
}

// Verdict on a phase.
type Verdict struct {
	Arms []ArmVerdict // in the order of Input.Arms
	// Paired is Valid, Invalid, or empty where there is only one arm.
	Paired        Grade
	PairedReasons []Reason
}

// ArmVerdict is the judgement of one arm's figures by themselves.
type ArmVerdict struct {
	// Absolute is the worst grade of the reasons, Valid without any.
	Absolute Grade    `json:"absolute"`
	Reasons  []Reason `json:"reasons"`
	// WarmupCutNs is where, from the phase's start, the arm's figures begin to be
	// steady, if they do so within the first third; 0 = from the start, or never.
	// The arm's distributions hold what was before it.
	WarmupCutNs int64 `json:"warmupCutNs"`
	// P99Interval holds the p99 of the latency from the intended time with 95 %
	// confidence, if requests were independent; null where there are too few.
	P99Interval *[2]int64 `json:"p99Interval"`
}

// Judge applies all rules. It takes about 0.3 µs per request and does not change
// its input.
func Judge(in Input) Verdict {
	if in.Usage.Threads < 1 {
		in.Usage.Threads = 1
	}
	all := collect(&in)
	host := hostReasons(&in)
	shared := concat(gapReasons(&in, all), workReasons(&in), host, clockReasons(&in), arrivalReasons(&in))
	v := Verdict{Arms: make([]ArmVerdict, len(all))}
	for i, a := range all {
		v.Arms[i] = judgeArm(&in, a, shared, len(host) > 0)
	}
	if len(all) > 1 {
		v.PairedReasons = pairedReasons(&in, all, v.Arms)
		v.Paired = worst(v.PairedReasons)
	}
	return v
}

// judgeArm is told whether others took the generator's processors. They may have taken the server's as
// well, and who changed the pace cannot be told then.
func judgeArm(in *Input, a *arm, shared []Reason, othersTook bool) ArmVerdict {
	v := ArmVerdict{Reasons: concat(lossReasons(a), unsentReasons(a), sustainedReasons(in, a), lagReasons(in, a), shared, littleReasons(in, a))}
	if a.completed() > 0 {
		if !in.Varying {
			var unsteady []Reason
			unsteady, v.WarmupCutNs = steadinessReasons(in, a)
			for i := range unsteady {
				if othersTook {
					unsteady[i].Cause = ByHost
				}
			}
			v.Reasons = concat(v.Reasons, unsteady)
		}
		v.Reasons = concat(v.Reasons, tailReasons(a))
		v.P99Interval = p99Interval(a)
	}
	v.Absolute = worst(v.Reasons)
	return v
}

package engine

import (
	"bytes"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"pollgate/go-fixtures/internal/loadgen/monotime"
)

// longestEmptyPollNs bounds what one poll without events may be credited as
// idle. Such a poll takes under 1 µs; what lies beyond is an interruption, and
// must not make the generator look less busy than it was.
const longestEmptyPollNs = 5_000

// Unknown stands for a figure that this kernel does not tell.
const Unknown = int64(-1)

// StealResolutionNs is the grain of Usage.StealNs: the kernel shows stolen time
// in ticks of USER_HZ, which is 100 on every architecture that Go supports.
const StealResolutionNs = 10_000_000

// Usage is what the generator's thread spent on a phase and what was kept from it.
type Usage struct {
	CPUNs               int64
	EmptyPollNs         int64 // part of CPUNs: polls that found nothing to do
	VoluntarySwitches   int64
	InvoluntarySwitches int64
	// RunQueueNs is how long the thread was ready but did not run; Unknown
	// without CONFIG_SCHED_INFO.
	RunQueueNs int64
	// StealNs is what the hypervisor took from the thread's CPU, in steps of
	// StealResolutionNs; Unknown where the thread is not pinned.
	StealNs int64
	// LargestGapNs is the longest time in which the loop could neither send nor
	// read, sleeps that it asked for not counted.
	LargestGapNs int64
	// ClockReadNs is what one reading of the clock cost, the worse of before and
	// after the phase.
	ClockReadNs int64
	// ClockStepNs is by how much CLOCK_REALTIME was set during the phase: the
	// kernel's stamps of replies are in that clock.
	ClockStepNs int64
}

// Add takes in what another thread, or the same one at another time, has spent.
// A figure that one of them does not know is not known of both.
func (u *Usage) Add(other Usage) {
	first := *u == Usage{}
	u.CPUNs += other.CPUNs
	u.EmptyPollNs += other.EmptyPollNs
	u.VoluntarySwitches += other.VoluntarySwitches
	u.InvoluntarySwitches += other.InvoluntarySwitches
	u.LargestGapNs = max(u.LargestGapNs, other.LargestGapNs)
	u.ClockReadNs = max(u.ClockReadNs, other.ClockReadNs)
	if max(other.ClockStepNs, -other.ClockStepNs) > max(u.ClockStepNs, -u.ClockStepNs) {
		u.ClockStepNs = other.ClockStepNs
	}
	if first {
		u.RunQueueNs, u.StealNs = other.RunQueueNs, other.StealNs
		return
	}
	u.RunQueueNs = sum(u.RunQueueNs, other.RunQueueNs)
	u.StealNs = sum(u.StealNs, other.StealNs)
}

func sum(a, b int64) int64 {
	if a == Unknown || b == Unknown {
		return Unknown
	}
	return a + b
}

// usageMeter holds the readings at the begin of a phase.
type usageMeter struct {
	cpuNs, voluntary, involuntary int64
	runQueueNs, stealNs           int64
	clockReadNs                   int64
}

func (e *Engine) beginUsage() usageMeter {
	m := usageMeter{clockReadNs: monotime.ReadCost(), runQueueNs: readRunQueue(), stealNs: readSteal(e.config.CPU)}
	m.cpuNs = monotime.ThreadCPU()
	m.voluntary, m.involuntary = readSwitches()
	return m
}

// end is called when the loop is over.
func (m usageMeter) end(e *Engine) Usage {
	u := Usage{
		CPUNs:        monotime.ThreadCPU() - m.cpuNs,
		EmptyPollNs:  e.emptyPollNs,
		LargestGapNs: e.pacing.largestGap,
		RunQueueNs:   difference(m.runQueueNs, readRunQueue()),
		StealNs:      difference(m.stealNs, readSteal(e.config.CPU)),
		ClockReadNs:  max(m.clockReadNs, monotime.ReadCost()),
		ClockStepNs:  monotime.RealtimeOffset() - e.receiver.realtimeOffset,
	}
	voluntary, involuntary := readSwitches()
	u.VoluntarySwitches, u.InvoluntarySwitches = voluntary-m.voluntary, involuntary-m.involuntary
	return u
}

func difference(before, after int64) int64 {
	if before == Unknown || after == Unknown {
		return Unknown
	}
	return after - before
}

func readSwitches() (voluntary, involuntary int64) {
	var r unix.Rusage
	if unix.Getrusage(unix.RUSAGE_THREAD, &r) != nil { // cannot fail with a valid pointer
		return 0, 0
	}
	return r.Nvcsw, r.Nivcsw
}

// readRunQueue returns the second field of the thread's schedstat: ns spent
// waiting on a run queue (Documentation/scheduler/sched-stats.rst).
func readRunQueue() int64 {
	text, err := os.ReadFile("/proc/thread-self/schedstat")
	if err != nil {
		return Unknown
	}
	return field(text, 1)
}

// readSteal returns the stolen time of one CPU: the eighth figure of its line in
// /proc/stat (proc(5)).
func readSteal(cpu int) int64 {
	if cpu < 0 {
		return Unknown
	}
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return Unknown
	}
	prefix := fmt.Appendf(nil, "cpu%d ", cpu)
	for line := range bytes.Lines(text) {
		if bytes.HasPrefix(line, prefix) {
			if ticks := field(line, 8); ticks != Unknown {
				return ticks * StealResolutionNs
			}
		}
	}
	return Unknown
}

// field returns the i-th word of a line as a number.
func field(line []byte, i int) int64 {
	words := bytes.Fields(line)
	if i >= len(words) {
		return Unknown
	}
	n, err := strconv.ParseInt(string(words[i]), 10, 64)
	if err != nil {
		return Unknown
	}
	return n
}

package main

import (
	"errors"
	"math"
	"slices"

	"golang.org/x/exp/trace"
)

// unknownReason is the key in BlockedNs of goroutines that were blocked when the trace began, until
// they were woken: the trace does not say what they waited for. Goroutines that the runtime keeps
// idle are among them in every trace.
const unknownReason = "unknown"

// networkReason is the runtime's word for a goroutine parked by the netpoller.
const networkReason = "network"

// Summary is the output. All times are sums over goroutines, so they can exceed DurationNs; a state
// that lasts to the end of the trace counts up to there. The goroutines of the runtime and of
// whoever takes the trace are included. The trace clock ticks in steps of 64 ns on Linux.
type Summary struct {
	// Schema is the version of this format.
	Schema int `json:"schema"`
	// DurationNs is the time from the first to the last event.
	DurationNs int64 `json:"durationNs"`
	// Goroutines existed at some time during the trace, the runtime's own included.
	Goroutines int `json:"goroutines"`
	// ClockSnapshots is the number of readings of all clocks at one time, about one a second.
	// Without one (Go before 1.25) the trace cannot be aligned with other captures.
	ClockSnapshots int `json:"clockSnapshots"`
	// BlockedNs is the time blocked, by the reason that the runtime gives ("network", "sync",
	// "chan receive", "select", "sleep", …) and "unknown".
	BlockedNs map[string]int64 `json:"blockedNs"`
	// SyscallNs is the time in system calls that the scheduler is told of. Those of the runtime
	// itself, epoll_wait among them, are not in any goroutine's time. A call that lasts through the
	// whole trace is left out: os/signal's wait for signals looks like one.
	SyscallNs int64 `json:"syscallNs"`
	// RunnableNs is the time spent waiting for a processor.
	RunnableNs int64 `json:"runnableNs"`
	RunningNs  int64 `json:"runningNs"`
	// NetworkWakeupNs is the time from Runnable to Running of goroutines blocked on the network.
	NetworkWakeupNs Distribution `json:"networkWakeupNs"`
	// Stacks is there if it was asked for.
	Stacks *Stacks `json:"stacks,omitempty"`
	// Turns is there with Stacks, where the trace says what time it is.
	Turns *Turns `json:"turns,omitempty"`
}

// Distribution describes a set of durations in nanoseconds. With Count 0 the rest is 0 and means
// nothing. Quantiles are exact: the smallest value that is not below the given share of the values.
type Distribution struct {
	Count int   `json:"count"`
	P50   int64 `json:"p50"`
	P90   int64 `json:"p90"`
	P99   int64 `json:"p99"`
	Max   int64 `json:"max"`
	Sum   int64 `json:"sum"`
}

// summarizer gathers a Summary event by event.
type summarizer struct {
	started        bool
	first, last    trace.Time
	clockSnapshots int
	goroutines     map[trace.GoID]*goroutine
	blockedNs      map[string]int64
	stateNs        map[trace.GoState]int64
	wakeupsNs      []int64
	seen           int
	// stacks and turns are nil unless they are asked for.
	stacks *stackBook
	turns  *turnBook
}

// goroutine is what is known of a goroutine now.
type goroutine struct {
	state trace.GoState
	since trace.Time
	// reason is why it waits, if it does.
	reason string
	// wokenByNetwork says that it is runnable because what it waited for on the network is there.
	wokenByNetwork bool
	// thread is the system's number of the one that it runs on, if it does.
	thread int64
	// stack is where it waits, and tool whether it belongs to whoever takes the trace.
	stack int
	tool  bool
	// earlierNs is how long it waited when the trace began, until it was woken by the system, as long
	// as it is not known where.
	earlierNs int64
}

func (s *summarizer) add(event trace.Event) {
	if !s.started {
		s.started = true
		s.first = event.Time()
		s.goroutines = map[trace.GoID]*goroutine{}
		s.blockedNs = map[string]int64{}
		s.stateNs = map[trace.GoState]int64{}
	}
	s.last = event.Time()
	switch event.Kind() {
	case trace.EventSync:
		if clocks := event.Sync().ClockSnapshot; clocks != nil {
			s.clockSnapshots++
			if s.turns != nil {
				s.turns.offsets = append(s.turns.offsets, int64(clocks.Mono)-int64(clocks.Trace))
			}
		}
	case trace.EventStateTransition:
		if transition := event.StateTransition(); transition.Resource.Kind == trace.ResourceGoroutine {
			s.transit(transition, event.Time(), event.Goroutine() == trace.NoGoroutine, event.Thread())
		}
	}
}

// transit moves a goroutine to its next state. bySystem says that no goroutine made it do so: it was
// woken by the netpoller or a timer; thread is the one that tells.
func (s *summarizer) transit(
	transition trace.StateTransition, now trace.Time, bySystem bool, thread trace.ThreadID,
) {
	from, to := transition.Goroutine()
	id := transition.Resource.Goroutine()
	g := s.goroutines[id]
	if from == to {
		if s.stacks != nil && g != nil {
			s.stacks.repeat(g, transition.Stack)
		}
		return // The runtime repeats the state of each goroutine about once a second.
	}
	switch {
	case from == trace.GoUndetermined:
		// The first word on a goroutine that has been in this state since the trace began.
		g = &goroutine{state: to, since: s.first, reason: unknownReason}
		s.goroutines[id] = g
		s.seen++
		if s.stacks != nil {
			s.stacks.enter(g, transition.Stack)
		}
		return
	case g == nil:
		g = &goroutine{state: from, since: now}
		s.goroutines[id] = g
		s.seen++
	}
	s.account(g, now)
	if s.stacks != nil {
		s.stacks.leave(g, to, int64(now-g.since), g.since == s.first, bySystem)
	}
	if g.wokenByNetwork && to == trace.GoRunning {
		s.wakeupsNs = append(s.wakeupsNs, int64(now-g.since))
	}
	before := s.part(g, now)
	g.wokenByNetwork = from == trace.GoWaiting && to == trace.GoRunnable && g.reason == networkReason
	g.state, g.since, g.reason = to, now, transition.Reason
	if g.reason == "" {
		g.reason = unknownReason
	}
	g.thread = 0
	if (to == trace.GoRunning || to == trace.GoSyscall) && thread != trace.NoThread {
		g.thread = int64(thread)
	}
	if s.stacks != nil {
		s.stacks.enter(g, transition.Stack)
	}
	if s.turns != nil {
		s.turns.move(id, before, g, s.stacks, now)
	}
	if to == trace.GoNotExist {
		if s.stacks != nil {
			s.stacks.settle(g, nil)
		}
		delete(s.goroutines, id)
	}
}

// part is the time that g has spent in its state, as a part of a turn.
func (s *summarizer) part(g *goroutine, now trace.Time) Part {
	if s.turns == nil {
		return Part{}
	}
	part := Part{State: partStates[g.state], BeginNs: int64(g.since), EndNs: int64(now), Stack: []string{},
		Thread: g.thread, index: noStack}
	if g.state == trace.GoWaiting {
		part.Reason = g.reason
	}
	if g.state == trace.GoWaiting || g.state == trace.GoSyscall {
		part.Stack, part.index = clipped(s.stacks.names[g.stack]), g.stack
	}
	return part
}

// account adds the time that g has spent in its state.
func (s *summarizer) account(g *goroutine, now trace.Time) {
	if g.state == trace.GoWaiting {
		s.blockedNs[g.reason] += int64(now - g.since)
	} else {
		s.stateNs[g.state] += int64(now - g.since)
	}
}

// finish closes the states that last to the end of the trace, and returns the summary.
func (s *summarizer) finish() (Summary, error) {
	if s.seen == 0 {
		return Summary{}, errors.New("the trace holds no goroutine: it is empty or cut short; " +
			"fetch it again and wait for the whole body")
	}
	for _, g := range s.goroutines {
		if g.state != trace.GoSyscall || g.since != s.first {
			s.account(g, s.last)
			if s.stacks != nil {
				s.stacks.leave(g, trace.GoUndetermined, int64(s.last-g.since), true, false)
			}
		}
		if s.stacks != nil {
			s.stacks.settle(g, nil)
		}
	}
	summary := Summary{
		Schema:          1,
		DurationNs:      int64(s.last - s.first),
		Goroutines:      s.seen,
		ClockSnapshots:  s.clockSnapshots,
		BlockedNs:       s.blockedNs,
		SyscallNs:       s.stateNs[trace.GoSyscall],
		RunnableNs:      s.stateNs[trace.GoRunnable],
		RunningNs:       s.stateNs[trace.GoRunning],
		NetworkWakeupNs: distribution(s.wakeupsNs),
	}
	if s.stacks != nil {
		summary.Stacks = s.stacks.finish()
		summary.Turns = s.turns.finish(s.stacks, summary.Stacks)
	}
	return summary, nil
}

// distribution describes values, which it sorts.
func distribution(values []int64) Distribution {
	if len(values) == 0 {
		return Distribution{}
	}
	slices.Sort(values)
	d := Distribution{
		Count: len(values),
		P50:   quantile(values, 0.50),
		P90:   quantile(values, 0.90),
		P99:   quantile(values, 0.99),
		Max:   values[len(values)-1],
	}
	for _, v := range values {
		d.Sum += v
	}
	return d
}

// quantile returns the smallest of the sorted values that at least the share q of them do not
// exceed (0 < q <= 1).
func quantile(sorted []int64, q float64) int64 {
	return sorted[int(math.Ceil(q*float64(len(sorted))))-1]
}

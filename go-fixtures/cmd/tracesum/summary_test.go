package main

import (
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"golang.org/x/exp/trace"
)

// step is one transition of a goroutine in a made-up trace.
type step struct {
	atNs      int
	goroutine trace.GoID
	from, to  trace.GoState
	reason    string
}

const (
	undetermined = trace.GoUndetermined
	notExist     = trace.GoNotExist
	runnable     = trace.GoRunnable
	running      = trace.GoRunning
	waiting      = trace.GoWaiting
	inSyscall    = trace.GoSyscall
)

func TestTimesOfAGoroutineAreSumsOverItsStates(t *testing.T) {
	got := summarize(t, 1000, []step{
		{10, 7, notExist, runnable, ""},
		{12, 7, runnable, running, ""},
		{20, 7, running, waiting, "network"},
		{50, 7, waiting, runnable, ""},
		{54, 7, runnable, running, ""}, // network wake-up of 4 ns
		{60, 7, running, inSyscall, ""},
		{90, 7, inSyscall, running, ""},
		{91, 7, running, runnable, "preempted"},
		{99, 7, runnable, running, ""}, // no network wake-up
		{100, 7, running, waiting, "network"},
		{300, 7, waiting, runnable, ""},
		{306, 7, runnable, running, ""}, // network wake-up of 6 ns
		{310, 7, running, waiting, "sync"},
		{410, 7, waiting, runnable, ""},
		{420, 7, runnable, running, ""}, // no network wake-up
		{421, 7, running, notExist, ""},
	})
	want := Summary{
		Schema: 1, DurationNs: 1000, Goroutines: 1, ClockSnapshots: 1,
		BlockedNs:       map[string]int64{"network": 30 + 200, "sync": 100},
		SyscallNs:       30,
		RunnableNs:      2 + 4 + 8 + 6 + 10,
		RunningNs:       8 + 6 + 1 + 1 + 4 + 1,
		NetworkWakeupNs: Distribution{Count: 2, P50: 4, P90: 6, P99: 6, Max: 6, Sum: 10},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%+v, want\n%+v", got, want)
	}
}

func TestStatesReachFromTheBeginningToTheEndOfTheTrace(t *testing.T) {
	got := summarize(t, 1000, []step{
		{5, 1, undetermined, waiting, ""}, // waited since 0, for what is not known
		{6, 2, undetermined, running, ""},
		{7, 3, undetermined, waiting, ""},
		{9, 3, waiting, waiting, ""}, // the state repeated, no transition
		{30, 2, running, waiting, "network"},
		{40, 3, waiting, runnable, ""},
		{70, 3, runnable, running, ""},       // not known to be a network wake-up
		{80, 2, waiting, waiting, ""},        // the state repeated: the reason stays
		{90, 4, undetermined, inSyscall, ""}, // through the whole trace: left out
		{91, 5, undetermined, inSyscall, ""},
		{92, 5, inSyscall, running, ""},
		{93, 5, running, inSyscall, ""}, // to the end of the trace
	})
	want := Summary{
		Schema: 1, DurationNs: 1000, Goroutines: 5, ClockSnapshots: 1,
		BlockedNs:  map[string]int64{"unknown": 1000 + 40, "network": 970},
		SyscallNs:  92 + 907,
		RunnableNs: 30,
		RunningNs:  30 + 930 + 1,
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%+v, want\n%+v", got, want)
	}
}

func TestTraceWithoutGoroutinesIsAnError(t *testing.T) {
	var s summarizer
	if summary, err := s.finish(); err == nil {
		t.Errorf("got %+v, want an error", summary)
	}
}

func TestQuantilesAreTheSmallestValueNotBelowTheShare(t *testing.T) {
	hundred := make([]int64, 100)
	for i := range hundred {
		hundred[i] = int64(i + 1)
	}
	rand.New(rand.NewPCG(1, 2)).Shuffle(100, func(i, j int) { hundred[i], hundred[j] = hundred[j], hundred[i] })
	for _, test := range []struct {
		name   string
		values []int64
		want   Distribution
	}{
		{"none", nil, Distribution{}},
		{"one", []int64{9}, Distribution{1, 9, 9, 9, 9, 9}},
		{"two", []int64{9, 3}, Distribution{2, 3, 9, 9, 9, 12}},
		{"1 to 100 in any order", hundred, Distribution{100, 50, 90, 99, 100, 5050}},
	} {
		if got := distribution(test.values); got != test.want {
			t.Errorf("%s: got %+v, want %+v", test.name, got, test.want)
		}
	}
}

// summarize runs the steps as a trace from 0 to endNs.
func summarize(t *testing.T, endNs int, steps []step) Summary {
	t.Helper()
	var s summarizer
	s.add(syncEvent(t, 0, &trace.ClockSnapshot{Trace: 0, Mono: 1, Wall: time.Unix(1, 0)}))
	for _, step := range steps {
		transition := trace.MakeGoStateTransition(step.goroutine, step.from, step.to)
		transition.Reason = step.reason
		event, err := trace.MakeEvent(trace.EventConfig[trace.StateTransition]{
			Kind: trace.EventStateTransition, Time: trace.Time(step.atNs), Goroutine: step.goroutine, Details: transition,
		})
		if err != nil {
			t.Fatal(err)
		}
		s.add(event)
	}
	s.add(syncEvent(t, trace.Time(endNs), nil))
	summary, err := s.finish()
	if err != nil {
		t.Fatal(err)
	}
	return summary
}

func syncEvent(t *testing.T, at trace.Time, clocks *trace.ClockSnapshot) trace.Event {
	t.Helper()
	event, err := trace.MakeEvent(trace.EventConfig[trace.Sync]{
		Kind: trace.EventSync, Time: at, Details: trace.Sync{N: 1, ClockSnapshot: clocks},
	})
	if err != nil {
		t.Fatal(err)
	}
	return event
}

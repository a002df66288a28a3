package fault

import (
	"context"
	"runtime"
	"time"
)

// gomaxprocs-too-low, the first form of scheduler starvation: the process sets GOMAXPROCS to 1 and
// computes for 3 ms per request. Goroutines queue for the one P while other CPUs are idle.
// The twin keeps the runtime's default.
//
// Kernel: at most one CPU's worth of running time; its threads wait little for a CPU (schedstat run
// delay is small): the queue is in the runtime, which the kernel does not see.
// Runtime: /sched/gomaxprocs:threads is 1; /sched/latencies:seconds high; execution trace: goroutines
// runnable; goroutine profile: nothing waits.
// At this load: 3/4 of one CPU. Two CPUs that were busy with other things show no difference in
// latency.
var gomaxprocsTooLow = Fault{
	Name: "gomaxprocs-too-low", Expect: "gomaxprocs-too-low",
	RatePerSec: 250, Connections: 16, VisibleAfterSeconds: 5, Needs: []Need{TwoCPUs},
	LookAt: "GOMAXPROCS below the CPUs allowed, near 1 CPU used, /sched/latencies:seconds high, run delay of the threads low",
	sets:   "GOMAXPROCS",
	begin:  beginGOMAXPROCSTooLow,
}

// computeTime is how long a request computes.
const computeTime = 3 * time.Millisecond

func beginGOMAXPROCSTooLow(s *setting) (*part, error) {
	if !s.correct {
		runtime.GOMAXPROCS(1) // The mistake.
	}
	steps := stepsIn(computeTime)
	return &part{request: func(context.Context) error {
		mix(1, steps)
		return nil
	}}, nil
}

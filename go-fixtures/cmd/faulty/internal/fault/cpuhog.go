package fault

import (
	"crypto/sha256"
	"runtime"
	"sync/atomic"
	"time"
)

// cpu-hog, the third form of scheduler starvation: a job in the background of the server checks a
// table of 1 MiB on every P, again and again without a pause. Requests get a P only when the runtime
// takes one away from the job, after up to 10 ms. The twin's job does the check once a second.
//
// Kernel: all CPUs that the process may use are busy with it, whether requests come or not; long
// slices, few voluntary switches, other threads wait for a CPU.
// Runtime: CPU profile, most of it below one function that is no handler; /sched/latencies:seconds
// up to 10 ms and more; execution trace: requests runnable, not waiting.
// At this load: 1.5 of 2 CPUs, the twin 5 % of one; p50 28 ms, the twin's 0.3 ms.
var cpuHog = Fault{
	Name: "cpu-hog", Expect: "cpu-hog",
	RatePerSec: 200, Connections: 16, VisibleAfterSeconds: 2,
	LookAt: "CPU used without requests; CPU profile below a function that is no handler; /sched/latencies:seconds",
	begin:  beginCPUHog,
}

func beginCPUHog(s *setting) (*part, error) {
	table := make([]byte, 1<<20)
	var checks atomic.Int64
	check := func() {
		digest := sha256.Sum256(table)
		computed.Store(uint64(digest[0]))
		checks.Add(1)
	}
	if s.correct {
		go func() {
			for range time.Tick(time.Second) {
				check()
			}
		}()
	} else {
		for range runtime.GOMAXPROCS(0) {
			go checkForever(check)
		}
	}
	return &part{counts: func() map[string]int64 { return map[string]int64{"checks": checks.Load()} }}, nil
}

func checkForever(check func()) {
	for { // The mistake: no pause.
		check()
	}
}

package fault

import (
	"context"
	"runtime"
	"sync"
	"time"
)

// gomaxprocs-above-quota, the second form of scheduler starvation: the process sets GOMAXPROCS to the
// number of CPUs, as every Go before 1.25 did by itself, while its cgroup has a smaller CPU quota, which is set
// from outside. Each request computes on all Ps at once; they spend the quota of a period (mostly
// 100 ms) in its beginning and the kernel stops all of them until the next. The twin leaves GOMAXPROCS
// to the runtime, which takes it from the quota (rounded up, at least 2: on two CPUs the twin is the same).
//
// A quota of 2 CPUs: cgroup v2, `echo "200000 100000" > cpu.max`; v1, `echo 200000 > cpu.cfs_quota_us`;
// before the process starts: Go reads it then. Without one, fault and twin are the same.
//
// Kernel: nr_throttled and throttled time in the cgroup's cpu.stat; threads off the CPU though runnable.
// Runtime: latencies in steps up to the period; goroutines in state running that do not run. No profile
// shows it: the CPU profile counts CPU time only.
// At this load: 1.6 CPUs on average, more than the quota of 2 in one period of eight
// (computed: 16 requests per period, arriving at random).
var gomaxprocsAboveQuota = Fault{
	Name: "gomaxprocs-above-quota", Expect: "gomaxprocs-above-quota",
	RatePerSec: 160, Connections: 16, VisibleAfterSeconds: 5, Needs: []Need{CPUQuota, ThreeCPUs},
	LookAt: "nr_throttled in the cgroup's cpu.stat; GOMAXPROCS above the quota; p99 near the period of the quota",
	sets:   "GOMAXPROCS",
	begin:  beginGOMAXPROCSAboveQuota,
}

// workPerRequest is CPU time, on all Ps together.
const workPerRequest = 10 * time.Millisecond

func beginGOMAXPROCSAboveQuota(s *setting) (*part, error) {
	if !s.correct {
		runtime.GOMAXPROCS(runtime.NumCPU()) // The mistake: the CPUs of the machine, not of the quota.
	}
	const parts = 8
	steps := stepsIn(workPerRequest) / parts
	return &part{request: func(context.Context) error {
		var computing sync.WaitGroup
		for i := range parts {
			computing.Go(func() { mix(uint64(i), steps) })
		}
		computing.Wait()
		return nil
	}}, nil
}

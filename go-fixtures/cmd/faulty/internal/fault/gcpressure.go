package fault

import (
	"context"
	"runtime/debug"
	"sync"
)

// gc-pressure: each request allocates 256 KiB in 512 objects that are garbage at once, in a process
// with a live heap of 32 MiB full of pointers, and GOGC is 10: the whole heap is marked for every
// 3 MiB allocated. The twin takes the objects from a pool and leaves GOGC alone.
//
// Kernel: CPU of the process's other threads; short bursts of madvise and page faults.
// Runtime: gcCycles and gcPauseNs of the counters; CPU profile below runtime.gcBgMarkWorker and
// gcAssistAlloc; heap profile (alloc_space) names the place; goroutines in [GC assist wait].
// At this load: 17 collections in each second, 40 % of one CPU; the twin 0.2 and 6 %.
var gcPressure = Fault{
	Name: "gc-pressure", Expect: "gc-pressure",
	RatePerSec: 200, Connections: 8, VisibleAfterSeconds: 2,
	LookAt: "gcCycles per second; CPU profile below runtime.gcBgMarkWorker and gcAssistAlloc; allocated bytes per request",
	sets:   "GOGC",
	begin:  beginGCPressure,
}

// node is one of the objects that the collector has to visit.
type node struct {
	next *node
	_    [56]byte
}

func beginGCPressure(s *setting) (*part, error) {
	const liveBytes, objects, objectBytes, gogc = 32 << 20, 512, 512, 10
	if !s.correct {
		debug.SetGCPercent(gogc) // The mistake, with the one below.
	}
	var live *node
	for range liveBytes / 64 {
		live = &node{next: live}
	}
	allocate := func() any { return new([objectBytes]byte) }
	pool := sync.Pool{New: allocate}
	return &part{
		request: func(context.Context) error {
			var taken [objects]*[objectBytes]byte
			for i := range taken {
				if s.correct {
					taken[i] = pool.Get().(*[objectBytes]byte)
				} else {
					taken[i] = allocate().(*[objectBytes]byte)
				}
				taken[i][i%objectBytes]++
			}
			if s.correct {
				for _, object := range taken {
					pool.Put(object)
				}
			}
			return nil
		},
		// Reading it keeps the heap alive.
		counts: func() map[string]int64 {
			if live.next == nil {
				return nil
			}
			return map[string]int64{"liveBytes": liveBytes}
		},
	}, nil
}

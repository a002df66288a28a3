package fault

import (
	"context"
	"runtime"
	"sync/atomic"
	"time"
)

// spin: a request waits 4 ms for a result by looking at a flag again and again, with Gosched in
// between, instead of blocking.
//
// Kernel: the threads are on a CPU for as long as requests wait, with few system calls or none
// (Gosched makes none as long as there is something to run).
// Runtime: CPU profile, runtime.Gosched and runtime.schedule below one function of the program;
// goroutine profile: runnable, never waiting.
// At this load: 21 % of one CPU, 2 % in the twin.
var spin = Fault{
	Name: "spin", Expect: "spin",
	RatePerSec: 50, Connections: 4, VisibleAfterSeconds: 2,
	LookAt: "CPU per request near the time that a request takes; CPU profile below one function that calls runtime.Gosched",
	begin:  beginSpin,
}

// resultAfter is how long a request waits for its result.
const resultAfter = 4 * time.Millisecond

func beginSpin(s *setting) (*part, error) {
	if s.correct {
		return &part{request: func(context.Context) error {
			result := make(chan struct{})
			time.AfterFunc(resultAfter, func() { close(result) })
			<-result
			return nil
		}}, nil
	}
	return &part{request: func(context.Context) error {
		var result atomic.Bool
		time.AfterFunc(resultAfter, func() { result.Store(true) })
		pollUntil(&result) // The mistake.
		return nil
	}}, nil
}

func pollUntil(done *atomic.Bool) {
	for !done.Load() {
		runtime.Gosched()
	}
}

package fault

import (
	"sync/atomic"
	"time"
)

// timer-storm: each of 300 sessions is checked every millisecond, and each has its own ticker and
// goroutine for it. The twin makes the same checks from one ticker.
//
// Kernel: epoll_wait calls with timeouts of a millisecond and less, futex calls that wake threads,
// context switches: thousands per second without a request.
// Runtime: CPU profile below runtime.(*timers).run and schedule; 300 goroutines in [chan receive];
// each of them wakes a thousand times a second (execution trace).
var timerStorm = Fault{
	Name: "timer-storm", Expect: "timer-storm",
	RatePerSec: 100, Connections: 4, VisibleAfterSeconds: 5,
	LookAt: "CPU without requests, below runtime.(*timers).run; goroutine wake-ups per second without ready descriptors",
	begin:  beginTimerStorm,
}

func beginTimerStorm(s *setting) (*part, error) {
	const sessions, interval = 300, time.Millisecond
	var checks atomic.Int64
	if s.correct {
		go checkSessions(interval, sessions, &checks)
	} else {
		for range sessions {
			go checkSessions(interval, 1, &checks) // The mistake.
		}
	}
	return &part{counts: func() map[string]int64 { return map[string]int64{"checks": checks.Load()} }}, nil
}

// checkSessions checks so many sessions at every tick.
func checkSessions(interval time.Duration, sessions int, checks *atomic.Int64) {
	for range time.Tick(interval) {
		for range sessions {
			checks.Add(1)
		}
	}
}

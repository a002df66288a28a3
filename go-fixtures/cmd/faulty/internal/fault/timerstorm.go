package fault

import (
	"sync/atomic"
	"time"
)

// timer-storm: each of 4,000 sessions is checked every 10 ms, and each has its own goroutine and ticker,
// which began when the session did. The twin makes the same checks from one ticker.
//
// Kernel: epoll_wait calls with timeouts of a millisecond and less, futex calls that wake threads,
// context switches: thousands per second without a request.
// Runtime: CPU profile below runtime.(*timers).run and schedule; 4,000 goroutines in [chan receive];
// each of them wakes a hundred times a second (execution trace).
// At this load: 20 to 60 % of one CPU, 5 to 10 % in the twin.
var timerStorm = Fault{
	Name: "timer-storm", Expect: "timer-storm",
	RatePerSec: 100, Connections: 4, VisibleAfterSeconds: 2,
	LookAt: "CPU without requests, below runtime.(*timers).run; goroutine wake-ups per second without ready descriptors",
	begin:  beginTimerStorm,
}

func beginTimerStorm(s *setting) (*part, error) {
	const sessions, interval = 4000, 10 * time.Millisecond
	var checks atomic.Int64
	if s.correct {
		go checkSessions(interval, sessions, &checks)
	} else {
		for i := range sessions {
			// The mistake. The sessions begin one after the other.
			time.AfterFunc(interval*time.Duration(i)/sessions, func() { checkSessions(interval, 1, &checks) })
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

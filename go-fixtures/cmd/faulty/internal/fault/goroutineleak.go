package fault

import "context"

// goroutine-leak: a request asks two replicas at once and takes the first answer. Both send theirs
// into a channel without a buffer, so that the second sends for ever.
//
// Kernel: nothing; no descriptor, no thread. Resident memory grows by a stack (2 KB and more) per request.
// Runtime: goroutine profile, one goroutine in [chan send] per request; the goroutineleak profile
// (Go 1.27) names them. The block profile never: it counts waits that have ended.
// At this load: 200 goroutines more in each second; latency as the twin's.
var goroutineLeak = Fault{
	Name: "goroutine-leak", Expect: "goroutine-leak",
	RatePerSec: 200, Connections: 4, VisibleAfterSeconds: 5,
	LookAt: "goroutines in chan send at one place, one more per request; goroutineleak profile",
	begin:  beginGoroutineLeak,
}

func beginGoroutineLeak(s *setting) (*part, error) {
	const replicas = 2
	buffer := 0 // The mistake.
	if s.correct {
		buffer = replicas
	}
	return &part{request: func(context.Context) error {
		answers := make(chan uint64, buffer)
		for replica := range replicas {
			go askReplica(answers, uint64(replica))
		}
		<-answers
		return nil
	}}, nil
}

// askReplica sends what a replica answers.
func askReplica(answers chan<- uint64, replica uint64) {
	answers <- mix(replica, 100)
}

package main

import (
	"testing"
	"time"
)

var goroutineEvidence = map[string]func(t *testing.T, name string){
	"goroutine-leak": expectGoroutinesLeft("fault.askReplica"),
	"context-leak":   expectGoroutinesLeft("context.(*cancelCtx).propagateCancel"),
	"channel-wait": func(t *testing.T, name string) {
		const requests, work = 41, 5 * time.Millisecond
		fault, twin := faultAndTwin(t, name, func(s *server) time.Duration { return s.drive(t, requests, requests) })
		t.Logf("%d requests at once: fault %v, twin %v", requests, fault, twin)
		if fault < requests*work || twin > fault/2 {
			t.Errorf("%d requests at once took %v, the twin %v; want %v and more, and less than half",
				requests, fault, twin, requests*work)
		}
	},
	"lock-convoy": func(t *testing.T, name string) {
		fault, twin := faultAndTwin(t, name, func(s *server) int64 {
			s.drive(t, 16, 53)
			return s.peerSeen(t).PeakInFlight
		})
		t.Logf("requests at a time with the upstream: fault %d, twin %d", fault, twin)
		if fault != 1 || twin < 2 {
			t.Errorf("requests at a time with the upstream: fault %d, twin %d; want 1, and 2 or more", fault, twin)
		}
	},
}

// expectGoroutinesLeft is for faults that leave a goroutine in the function for each request.
func expectGoroutinesLeft(function string) func(t *testing.T, name string) {
	return func(t *testing.T, name string) {
		const requests = 23
		for correct, want := range map[bool]int{false: requests, true: 0} {
			s := start(t, name, correct)
			s.drive(t, 1, requests)
			s.expectGoroutines(t, function, want)
			s.stop(t)
		}
	}
}

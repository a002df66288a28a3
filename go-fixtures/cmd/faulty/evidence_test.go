package main

import (
	"maps"
	"testing"
)

// evidence has for each fault a test that starts it and its twin, sends both the same requests, and
// looks from outside at what the fault must have caused, and the twin not. Numbers of requests are
// primes, so that no other way of counting gives the same.
//
// Most of it is counted. Where a fault is nothing but time or CPU (slow-peer, channel-wait,
// nagle-delayed-ack; spin, cpu-hog, timer-storm), fault and twin are compared with each other in one
// run, with a wide margin: the delay that the fault is made of is a floor that no machine can go below.
var evidence = map[string]func(t *testing.T, name string){}

func init() {
	for _, area := range []map[string]func(*testing.T, string){
		connectionEvidence, goroutineEvidence, cpuEvidence, ioEvidence,
	} {
		maps.Copy(evidence, area)
	}
}

func TestFaultsShowTheirEvidenceAndTwinsDoNot(t *testing.T) {
	for name, show := range evidence {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			show(t, name)
		})
	}
}

// faultAndTwin measures the fault and its twin.
func faultAndTwin[T any](t *testing.T, name string, measure func(s *server) T, further ...string) (fault, twin T) {
	t.Helper()
	one := func(correct bool) T {
		s := start(t, name, correct, further...)
		defer s.stop(t)
		return measure(s)
	}
	return one(false), one(true)
}

// expect fails the test unless fault and twin are exactly that.
func expect[T comparable](t *testing.T, what string, fault, twin, wantFault, wantTwin T) {
	t.Helper()
	t.Logf("%s: fault %v, twin %v", what, fault, twin)
	if fault != wantFault || twin != wantTwin {
		t.Errorf("%s: fault %v, twin %v; want %v and %v", what, fault, twin, wantFault, wantTwin)
	}
}

// expectBounds fails the test unless the fault has that much or more, and the twin that much or less.
func expectBounds[T int | int64](t *testing.T, what string, fault, twin, least, most T) {
	t.Helper()
	t.Logf("%s: fault %v, twin %v", what, fault, twin)
	if fault < least || twin > most {
		t.Errorf("%s: fault %v, twin %v; want at least %v and at most %v", what, fault, twin, least, most)
	}
}

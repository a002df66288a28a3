package main

import (
	"runtime"
	"testing"
	"time"
)

var cpuEvidence = map[string]func(t *testing.T, name string){
	"spin": func(t *testing.T, name string) {
		const requests = 101
		fault, twin := faultAndTwin(t, name, func(s *server) int64 {
			before := s.cpu(t)
			s.drive(t, 1, requests)
			return s.cpu(t) - before
		})
		// Nearly 4 ms per request, less where other processes have the CPU; one tick is nothing seen.
		expectBounds(t, "CPU in ticks", fault, twin, 2*twin+2, fault/2)
	},
	"cpu-hog": func(t *testing.T, name string) {
		const requests, checks = 53, 499
		fault, twin := faultAndTwin(t, name, func(s *server) [2]int64 {
			before := s.cpu(t)
			s.drive(t, 4, requests)
			goroutines := s.goroutines(t, "fault.checkForever")
			if goroutines > 0 {
				s.waitForCount(t, name+".checks", checks)
			}
			return [2]int64{int64(goroutines), s.cpu(t) - before}
		})
		expect(t, "goroutines that check without a pause", fault[0], twin[0], int64(runtime.GOMAXPROCS(0)), 0)
		expectBounds(t, "CPU in ticks", fault[1], twin[1], 2*twin[1]+2, fault[1]/2)
	},
	"timer-storm": func(t *testing.T, name string) {
		const sessions = 4000
		fault, twin := faultAndTwin(t, name, func(s *server) [2]int64 {
			before, first := s.cpu(t), s.Counters(t).Experimental[name+".checks"]
			s.waitForCount(t, name+".checks", first+sessions*53)
			return [2]int64{int64(s.goroutines(t, "fault.checkSessions")), s.cpu(t) - before}
		})
		expect(t, "goroutines with a ticker", fault[0], twin[0], sessions, 1)
		expectBounds(t, "CPU in ticks for the same checks", fault[1], twin[1], 2*twin[1]+1, fault[1]/2)
	},
	"gc-pressure": func(t *testing.T, name string) {
		const requests = 211
		fault, twin := faultAndTwin(t, name, func(s *server) int64 {
			before := s.Counters(t).GCCycles
			s.drive(t, 4, requests)
			return int64(s.Counters(t).GCCycles - before)
		})
		// 211 × 256 KiB, and a collection for each tenth of 32 MiB and more.
		expectBounds(t, "collections", fault, twin, 8, 3)
	},
	"gomaxprocs-too-low": func(t *testing.T, name string) {
		if runtime.GOMAXPROCS(0) < 2 {
			t.Skip("missing capability: two CPUs")
		}
		fault, twin := faultAndTwin(t, name, func(s *server) int {
			s.drive(t, 4, 23)
			return s.Ready.GoMaxProcs
		})
		expect(t, "GOMAXPROCS", fault, twin, 1, runtime.GOMAXPROCS(0))
	},
	"gomaxprocs-above-quota": expectThrottled,
}

// waitForCount waits until one of the fixture's own counts has come so far.
func (s *server) waitForCount(t *testing.T, name string, want int64) {
	t.Helper()
	for deadline := time.Now().Add(patience); s.Counters(t).Experimental[name] < want; {
		if time.Now().After(deadline) {
			t.Fatalf("%s stays below %d", name, want)
		}
		time.Sleep(20 * time.Millisecond) // Asking costs the server CPU, too.
	}
}

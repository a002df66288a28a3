package session

import (
	"fmt"
	"slices"

	"pollgate/go-fixtures/internal/loadgen/record"
	"pollgate/go-fixtures/internal/loadgen/search"
	"pollgate/go-fixtures/internal/loadgen/spec"
	"pollgate/go-fixtures/internal/loadgen/validity"
)

// search finds the highest rate of its only arm. One command lets all of its
// probes run; each is recorded as a phase.
func (s *session) search() error {
	wanted := s.spec.Search
	if err := s.waitForNext(); err != nil {
		return err
	}
	s.next = nil
	finder := search.New(search.Config{
		SLOP99Ns:       wanted.SLOP99Ns,
		FromRatePerSec: wanted.FromRatePerSec,
		ToRatePerSec:   wanted.ToRatePerSec,
		MaxProbes:      wanted.MaxProbes,
		Probe:          wanted.Probe(),
	})
	found := record.Search{SLOP99Ns: wanted.SLOP99Ns, Probes: []record.Probe{}}
	for index := 0; ; index++ {
		rate, duration, more := finder.Next()
		if !more {
			break
		}
		phase := spec.Phase{
			Name:       fmt.Sprintf("probe-%d", index+1),
			DurationMs: duration.Milliseconds(),
			RatePerSec: rate,
			Record:     true,
		}
		report, err := s.runPhase(index, phase)
		if err != nil {
			return err
		}
		arm := report.Arms[s.spec.Arms[0].Name]
		seen := probeOf(rate, &arm)
		finder.Add(seen)
		found.Probes = append(found.Probes, record.Probe{
			Phase:              phase.Name,
			RatePerSec:         rate,
			P99Ns:              arm.LatencyNs.P99,
			Completed:          arm.Completed,
			Grade:              arm.Validity.Absolute,
			LimitedByGenerator: seen.LimitedByGenerator,
		})
	}
	result := finder.Result()
	found.RatePerSec, found.Interval, found.LimitedBy = result.RatePerSec, result.Interval, result.LimitedBy
	s.recorder.AddSearch(found)
	return nil
}

func probeOf(rate float64, arm *record.Arm) search.Probe {
	probe := search.Probe{
		RatePerSec: rate,
		Completed:  arm.Completed,
		Grade:      search.Grade(arm.Validity.Absolute),
		LimitedByGenerator: slices.ContainsFunc(arm.Validity.Reasons, func(r validity.Reason) bool {
			return r.Cause == validity.ByGenerator || r.Cause == validity.ByHost
		}),
		// Latency that grows all along is a backlog that does.
		Overloaded: slices.ContainsFunc(arm.Validity.Reasons, func(r validity.Reason) bool {
			return r.Cause == validity.ByServer && r.Rule == "p50-trend"
		}),
	}
	if arm.LatencyNs.P99 != nil {
		probe.P99Ns = *arm.LatencyNs.P99
	}
	if interval := arm.Validity.P99Interval; interval != nil {
		probe.P99LowNs, probe.P99HighNs = interval[0], interval[1]
	}
	return probe
}

package session

import (
	"fmt"

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
	next := s.next
	s.next = nil // the probes need no further commands
	defer func() { s.next = next }()
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
			Interleave: s.spec.Interleave,
			Record:     true,
		}
		report, err := s.runPhase(index, phase)
		if err != nil {
			return err
		}
		arm := report.Arms[s.spec.Arms[0].Name]
		seen := probeOf(rate, wanted.SLOP99Ns, &arm)
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

// lagShare of the SLO is what the generator may add to p99 before a probe is no
// evidence about the server.
const lagShare = 0.05

// probeOf tells a search what a phase has shown. The grades of package validity
// are about quoting figures; here a lag matters as far as it moves p99 against the
// SLO.
func probeOf(rate float64, sloNs int64, arm *record.Arm) search.Probe {
	probe := search.Probe{RatePerSec: rate, Completed: arm.Completed, Grade: search.Valid}
	if arm.Validity.Absolute == validity.Invalid {
		probe.Grade = search.Invalid
	}
	trend := false
	for _, reason := range arm.Validity.Reasons {
		switch {
		case reason.Rule == "p50-trend":
			trend = true
		case reason.Rule == "loss" && reason.Cause == validity.ByServer:
			probe.Overloaded = true // it sheds load
		case reason.Rule == "busy" || reason.Rule == "unreached":
			probe.LimitedByGenerator = true
		}
	}
	if arm.LatencyNs.P99 == nil {
		return probe
	}
	probe.P99Ns = *arm.LatencyNs.P99
	// Latency that grows all along is a backlog that does. Within the SLO a change of
	// pace is none.
	probe.Overloaded = probe.Overloaded || trend && probe.P99Ns > sloNs
	lagNs := *arm.SendLagNs.P99
	if arm.ReceiveLagNs.P99 != nil {
		lagNs += *arm.ReceiveLagNs.P99
	}
	if float64(lagNs) > lagShare*float64(sloNs) {
		probe.Grade = search.Invalid // somebody disturbed it: the rate is asked again
	}
	if interval := arm.Validity.P99Interval; interval != nil {
		probe.P99LowNs, probe.P99HighNs = interval[0], interval[1]
	}
	return probe
}

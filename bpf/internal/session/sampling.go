package session

import (
	"fmt"
	"time"

	"pollgate/bpf/internal/probe"
	"pollgate/bpf/internal/report"
)

// Burst and pause of the set sampled: a burst holds thousands of wake-ups of a busy server, and nine
// tenths of the time cost it nothing.
const (
	burstTime = 200 * time.Millisecond
	pauseTime = 1800 * time.Millisecond
)

// sampling takes the dear probes off between bursts.
type sampling struct {
	// turn fires when a burst or a pause is over; nil without sampling.
	turn    *time.Timer
	sinceNs int64 // when they were put on, 0 in a pause
	report  report.Sampling
}

// startSampling begins with a burst, at the begin of the window: the probes are attached already.
func (s *session) startSampling() {
	if !s.config.Sampled {
		return
	}
	s.sampling.sinceNs = s.begin
	s.sampling.report.Bursts = 1
	s.sampling.turn.Reset(burstTime)
}

// nextTurn ends a burst or a pause.
func (s *session) nextTurn() error {
	if s.sampling.sinceNs != 0 {
		s.sampling.turn.Reset(pauseTime)
		return s.pauseProbes()
	}
	for _, a := range s.running {
		pausable, ok := s.pausable(a)
		if !ok {
			continue
		}
		cutOff, err := pausable.Resume()
		if err != nil {
			return fmt.Errorf("put probe %s on again: %w", a.Manifest.Name, err)
		}
		s.sampling.report.CutOff += cutOff
	}
	s.sampling.sinceNs = s.attach.Now()
	s.sampling.report.Bursts++
	s.sampling.turn.Reset(burstTime)
	return s.emit(event{"event": "burst", "atNs": s.sampling.sinceNs})
}

func (s *session) pauseProbes() error {
	for _, a := range s.running {
		if pausable, ok := s.pausable(a); ok {
			if err := pausable.Pause(); err != nil {
				return fmt.Errorf("take probe %s off: %w", a.Manifest.Name, err)
			}
		}
	}
	s.sampling.report.OnNs += s.attach.Now() - s.sampling.sinceNs
	s.sampling.sinceNs = 0
	return nil
}

func (s *session) pausable(a attached) (probe.Pausable, bool) {
	pausable, ok := a.Running.(probe.Pausable)
	return pausable, ok && a.Manifest.Sampled
}

// sampled is what the report says of it when the window has closed.
func (s *session) sampled(endNs int64) *report.Sampling {
	if !s.config.Sampled {
		return nil
	}
	said := s.sampling.report
	if s.sampling.sinceNs != 0 {
		said.OnNs += endNs - s.sampling.sinceNs
	}
	said.Probes = []string{}
	for _, a := range s.running {
		if a.Manifest.Sampled {
			said.Probes = append(said.Probes, a.Manifest.Name)
		}
	}
	return &said
}

package session

import (
	"fmt"
	"time"

	"pollgate/bpf/internal/probe"
	"pollgate/bpf/internal/report"
	"pollgate/bpf/internal/target"
)

const (
	// lookEvery is short beside a window and long beside what a look takes (under a millisecond).
	lookEvery = 250 * time.Millisecond
	// leastCPU is what the targets must have used between two looks: a share of less says nothing.
	leastCPU = 10 * time.Millisecond
)

// budget is how much of the targets' CPU time watching may take. What it takes is estimated from events,
// as in the report's cost. Where it is too much the dearest probe is taken off, until it is not.
type budget struct {
	permille int64 // 0: without limit
	last     consumption
	report   report.Budget
}

// consumption is what the targets used, and what happened in them, since the window was opened.
type consumption struct {
	cpuNs  int64
	events map[string]probe.Events // by probe
}

// look compares what was used since the last look with the budget, and sheds at most one probe.
func (s *session) look() error {
	now, err := s.consumed()
	if err != nil {
		return err
	}
	before := s.budget.last
	used := now.cpuNs - before.cpuNs
	if used < int64(leastCPU) {
		return nil // the next look sees both spans
	}
	s.budget.last = now
	var watching int64
	var dearest attached
	var dearestHits uint64
	for _, a := range s.running {
		events := now.events[a.Manifest.Name].Since(before.events[a.Manifest.Name])
		watching += int64(events.UprobeHits)*s.costs.event.UprobeNs +
			int64(events.SystemCalls)*int64(s.systemCallPrograms())*s.costs.event.TracepointNs
		// The dearer set goes first, whatever was hit: it is what a user can do without first.
		if a.Manifest.Set == probe.Sets[0] || events.UprobeHits == 0 {
			continue
		}
		if dearest.Running == nil || !dearest.Manifest.Set.Holds(a.Manifest.Set) ||
			dearest.Manifest.Set == a.Manifest.Set && events.UprobeHits > dearestHits {
			dearest, dearestHits = a, events.UprobeHits
		}
	}
	permille := watching * 1000 / used
	s.budget.report.HighestPermille = max(s.budget.report.HighestPermille, permille)
	if permille <= s.budget.permille {
		return nil
	}
	if dearest.Running == nil {
		s.budget.report.Exceeded = true
		return nil
	}
	return s.shed(dearest, permille)
}

// consumed reads the counts. A target that has ended counts no more.
func (s *session) consumed() (consumption, error) {
	now := consumption{events: map[string]probe.Events{}}
	for _, t := range s.attach.Targets {
		if used, err := t.CPUNs(); err == nil {
			now.cpuNs += used
		}
	}
	for _, a := range s.running {
		metered, ok := a.Running.(probe.Metered)
		if !ok {
			continue
		}
		var sum probe.Events
		for _, t := range s.attach.Targets {
			events, err := metered.Events(t)
			if err != nil {
				return consumption{}, fmt.Errorf("probe %s: %w", a.Manifest.Name, err)
			}
			sum = sum.Plus(events)
		}
		now.events[a.Manifest.Name] = sum
	}
	return now, nil
}

// shed takes a probe off, and with it those that read its maps. Half a window's figures would be taken
// for those of the whole: there are none.
func (s *session) shed(a attached, permille int64) error {
	atNs := s.attach.Now()
	begin, _ := s.attach.Window()
	reason := fmt.Errorf("probe %s taken off %.1f s after the begin: watching took %.1f %% of the CPU time, "+
		"allowed are %.1f %% (--budget)", a.Manifest.Name, time.Duration(atNs-begin).Seconds(),
		float64(permille)/10, float64(s.budget.permille)/10)
	var kept []attached
	for _, other := range s.running {
		if other.Manifest.Name != a.Manifest.Name && other.Manifest.Object != a.Manifest.Name {
			kept = append(kept, other)
			continue
		}
		if err := s.costs.keepHits(other, s.attach.Targets); err != nil {
			return err
		}
		if err := other.Close(); err != nil {
			return fmt.Errorf("take off probe %s: %w", other.Manifest.Name, err)
		}
		s.failed[other.Manifest.Name] = reason
		s.budget.report.Shed = append(s.budget.report.Shed,
			report.Shed{Probe: other.Manifest.Name, AtNs: atNs, Permille: permille})
	}
	s.running = kept
	return s.emit(event{"event": "shed", "atNs": atNs, "probe": a.Manifest.Name, "permille": permille})
}

// keepHits remembers what a probe that is taken off has cost so far.
func (c *costs) keepHits(a attached, targets []*target.Target) error {
	metered, ok := a.Running.(probe.Metered)
	if !ok {
		return nil
	}
	for _, t := range targets {
		events, err := metered.Events(t)
		if err != nil {
			return fmt.Errorf("probe %s: %w", a.Manifest.Name, err)
		}
		c.shedHits[t] += events.UprobeHits
	}
	return nil
}

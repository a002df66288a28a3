package session

import (
	"pollgate/bpf/internal/calibrate"
	"pollgate/bpf/internal/report"
	"pollgate/bpf/internal/target"
)

// costs knows what an event costs here, and how much CPU time each target used inside the window.
type costs struct {
	event calibrate.Cost
	used  map[*target.Target]int64
	// shedHits are those of probes that were taken off inside the window.
	shedHits map[*target.Target]uint64
}

// open begins to count the CPU time of each target.
func (c *costs) open(targets []*target.Target) {
	c.used, c.shedHits = map[*target.Target]int64{}, map[*target.Target]uint64{}
	for _, t := range targets {
		if used, err := t.CPUNs(); err == nil {
			c.used[t] = -used
		}
	}
}

// close ends the counting. A target that has ended meanwhile has no clock, and no cost.
func (c *costs) close(targets []*target.Target) {
	for _, t := range targets {
		used, err := t.CPUNs()
		if err != nil || t.Exited() {
			delete(c.used, t)
			continue
		}
		c.used[t] += used
	}
}

// of is what the closed window cost a target whose report is complete otherwise; nil where its
// CPU time is not known, as of one that has ended. programs is how many each system call passes, at
// both ends together.
func (c *costs) of(t *target.Target, seen *report.Target, programs int) *report.Cost {
	used, known := c.used[t]
	if !known {
		return nil
	}
	cost := &report.Cost{
		CPUNs:              used,
		TracepointPrograms: programs,
		TracepointNs:       c.event.TracepointNs,
		UprobeNs:           c.event.UprobeNs,
		UprobeClass:        string(c.event.Class),
		SampledNs:          seen.SampledNs,
		UprobeHits:         c.shedHits[t],
	}
	for _, site := range seen.Sites {
		cost.UprobeHits += site.Hits
	}
	if seen.Syscalls != nil {
		var calls uint64
		for _, n := range seen.Syscalls {
			calls += n
		}
		estimated := int64(calls)*int64(cost.TracepointPrograms)*cost.TracepointNs +
			int64(cost.UprobeHits)*cost.UprobeNs + cost.SampledNs
		cost.SystemCalls, cost.EstimatedNs = &calls, &estimated
	}
	return cost
}

// systemCallPrograms counts the programs at both ends of every system call: the joint ones, and those of
// the probe request, which has its own to see sockets open before it looks for those that are there.
func (s *session) systemCallPrograms() int {
	n := s.attach.SystemCallPrograms()
	for _, a := range s.running {
		if a.Manifest.Name == "request" {
			n += 2
		}
	}
	return n
}

package summary

import (
	"fmt"

	"pollgate/bpf/probes/uring"
)

// mostRings are told one by one.
const mostRings = 4

// rings is how full the completion queues were.
func (v view) rings() section {
	d, known := details[uring.Details](v, "uring")
	if !known {
		return nil
	}
	var lines section
	for i, ring := range d.Rings {
		if i == mostRings {
			lines = append(lines, fmt.Sprintf("  and %d more rings", len(d.Rings)-mostRings))
			break
		}
		lines = append(lines, fmt.Sprintf("io_uring: %s, up to %s in flight; up to %s of %s completions not taken, %s overflowed",
			counted(ring.Submitted, "request"), count(uint64(ring.DepthMax)), count(uint64(ring.CqBacklogMax)),
			count(uint64(ring.CqEntries)), count(ring.CqOverflows)))
	}
	for _, alarm := range d.Alarms {
		line := fmt.Sprintf("  alarm at %s: %s of %s not taken", duration(uint64(alarm.AtNs)), count(uint64(alarm.CqBacklog)),
			count(uint64(alarm.CqEntries)))
		if len(alarm.Goroutines) > 0 {
			most := alarm.Goroutines[0]
			line += fmt.Sprintf("; %s %s", counted(most.Count, "goroutine"), most.State)
			if len(most.Frames) > 0 {
				line += " in " + userFrame(most.Frames)
			}
		}
		lines = append(lines, line)
	}
	return lines
}

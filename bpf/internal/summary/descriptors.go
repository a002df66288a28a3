package summary

import (
	"fmt"

	"pollgate/bpf/probes/fdleak"
)

const mostOrigins = 4

// descriptors is what was opened and closed, and who opened what stays open.
func (v view) descriptors() section {
	d := v.Descriptors
	if d == nil {
		return nil
	}
	var opened, closed, open uint64
	for kind := range d.Opened {
		opened += d.Opened[kind]
		closed += d.Closed[kind]
		open += d.OpenAtEnd[kind]
	}
	lines := section{fmt.Sprintf("descriptors: %s opened, %s of them closed, %s open at the end; %s older ones closed",
		count(opened), count(closed), count(open), count(d.ClosedPreexisting))}
	for _, kind := range mostFirst(d.Opened) {
		lines = append(lines, fmt.Sprintf("  %-10s%9s opened%9s closed%9s open", kind, count(d.Opened[kind]),
			count(d.Closed[kind]), count(d.OpenAtEnd[kind])))
	}
	details, known := details[fdleak.Details](v, "fdleak")
	if !known {
		return lines
	}
	shown := 0
	for _, o := range details.Origins {
		if o.OpenAtEnd == 0 || shown == mostOrigins {
			break
		}
		shown++
		lines = append(lines, fmt.Sprintf("  open: %s %s, oldest %s, by %s", count(o.OpenAtEnd), o.Kind,
			duration(o.OldestAgeNs), userFrames(o.Stack)))
	}
	for _, m := range []struct {
		what string
		fdleak.Misuse
	}{{"closed twice", details.DoubleClose}, {"closed though an epoll still waits", details.EpollOutlivingClose}} {
		if m.Count > 0 && len(m.Stacks) > 0 {
			lines = append(lines, fmt.Sprintf("  %s: %s, most by %s", m.what, count(m.Count), userFrame(m.Stacks[0].Stack)))
		}
	}
	return lines
}

package summary

import (
	"fmt"

	"pollgate/bpf/probes/syscalls"
)

const (
	mostCalls     = 8
	mostSlowCalls = 5
)

// waiting are the calls of which those that wait by design have a histogram of their own.
var waiting = map[string]string{
	"futex": "syscallFutexWaitNs", "io_uring_enter": "syscallIoUringEnterWaitNs",
}

// calls are the most frequent system calls.
func (v view) calls() section {
	if v.Syscalls == nil {
		return nil
	}
	var total uint64
	counts := map[string]uint64{}
	metric := map[string]string{}
	for name, n := range v.Syscalls {
		total += n
		counts[name], metric[name] = n, syscalls.Metric(name)
		if waits := v.Histograms[waiting[name]]; waits != nil && waits.Count > 0 {
			apart := name + ", waiting"
			counts[apart], metric[apart] = waits.Count, waiting[name]
			counts[name] -= min(n, waits.Count)
		}
	}
	lines := section{fmt.Sprintf("%-38s%13s%11s%11s%11s",
		"system calls: "+count(total), "per second", "p50", "p99", "max")}
	names := mostFirst(counts)
	for _, name := range names[:min(mostCalls, len(names))] {
		timed := ""
		if m := metric[name]; m != "" {
			timed = times(v.Histograms[m])
		}
		lines = append(lines, fmt.Sprintf("  %-36s%13s%s", name, digits(v.perSecond(counts[name])), timed))
	}
	return lines
}

// slowCalls are the places that made them, those with the longest time in sum first.
func (v view) slowCalls() section {
	d, known := details[syscalls.Details](v, "syscalls")
	if !known {
		return nil
	}
	var slow uint64
	for _, c := range d.SlowCalls {
		slow += c.Calls
	}
	lines := section{fmt.Sprintf("slow calls, from %s on: %s", duration(d.SlowCallThresholdNs), count(slow))}
	for _, s := range d.Stacks[:min(mostSlowCalls, len(d.Stacks))] {
		kind := ""
		if s.FileKind != "none" {
			kind = " (" + s.FileKind + ")"
		}
		device := ""
		if s.BlockNs != nil && *s.BlockNs > 0 {
			device = ", " + duration(*s.BlockNs) + " at a block device"
		}
		lines = append(lines, fmt.Sprintf("  %s × %s%s: %s in all, up to %s%s: %s", count(s.Calls), s.Call, kind,
			duration(s.TotalNs), duration(s.MaxNs), device, userFrame(s.Frames)))
	}
	return lines
}

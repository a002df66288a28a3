package summary

import (
	"fmt"

	"pollgate/bpf/probes/goroutines"
	"pollgate/bpf/probes/wakeup"
)

const mostSites = 4

// netpoll is how Go waits for the network.
func (v view) netpoll() section {
	blocked, polls := v.Histograms["netpollBlockedNs"], v.Histograms["netpollPollNs"]
	if blocked == nil || polls == nil {
		return nil
	}
	lines := section{fmt.Sprintf("netpoll: blocked for %s of the window, in %s; %s without waiting",
		percent(float64(blocked.Sum)/1e9, v.seconds), counted(blocked.Count, "poll"), count(polls.Count))}
	ready := ""
	if h := v.Histograms["netpollReadyEvents"]; h != nil && h.Count > 0 {
		ready = fmt.Sprintf("  ready events a return: %.2f on average, p99 %s, max %s",
			float64(h.Sum)/float64(h.Count), count(h.Quantile(0.99)), count(h.Max))
	}
	if d, known := details[wakeup.Details](v, "wakeup"); known && v.Histograms["netpollLoopNs"] != nil {
		if ready != "" {
			ready += "; "
		}
		ready += fmt.Sprintf("loop alarms: %s of %s or more", count(d.NetpollLoops.Alarms),
			duration(d.NetpollLoops.AlarmThresholdNs))
	}
	if ready != "" {
		lines = append(lines, ready)
	}
	return lines
}

// wakeups is from ready to running, of goroutines.
func (v view) wakeups() section {
	var lines section
	for _, row := range []struct{ name, metric string }{
		{"by the network", "wakeupNs"}, {"  of it for a P or a thread", "wakeupWaitPNs"},
		{"  of it for a CPU", "wakeupWaitCpuNs"}, {"by other goroutines", "goroutineWakeupNs"},
		{"births", "goroutineBirthNs"},
	} {
		if h := v.Histograms[row.metric]; h != nil {
			lines = append(lines, fmt.Sprintf("  %-36s%13s%s", row.name, count(h.Count), times(h)))
		}
	}
	if lines == nil {
		return nil
	}
	return append(section{fmt.Sprintf("%-38s%13s%11s%11s%11s", "goroutines ready to running", "count", "p50",
		"p99", "max")}, lines...)
}

// goroutines is which there are, and which never end.
func (v view) goroutines() section {
	d, known := details[goroutines.Details](v, "goroutines")
	if !known {
		return nil
	}
	alive := ""
	if d.AtEnd != nil {
		alive = fmt.Sprintf(", %s alive at the end", count(d.AtEnd.Live))
	}
	lines := section{fmt.Sprintf("goroutines: %s, %s%s; candidates for a leak: %s", counted(d.Births, "birth"),
		counted(d.Deaths, "death"), alive, count(d.LeakCandidates))}
	if d.AtEnd != nil {
		states := map[string]uint64{}
		for reason, n := range d.AtEnd.ByWaitReason {
			states["in "+reason] = n
		}
		for state, n := range d.AtEnd.ByState {
			if state != "waiting" {
				states[state] = n
			}
		}
		if text := byCount(states); text != "" {
			lines = append(lines, "  alive: "+text)
		}
	} else if d.AtEndUnavailable != "" {
		lines = append(lines, "  what they wait for is not known: "+d.AtEndUnavailable)
	}
	shown := 0
	for _, s := range d.Sites { // those with candidates first, then those with the most alive
		if s.LiveAtEnd == 0 || shown == mostSites {
			break
		}
		shown++
		waits := ""
		if len(s.Waits) > 0 && s.Waits[0].Reason != "" {
			waits = " in " + s.Waits[0].Reason
		}
		if s.LeakCandidates > 0 {
			waits += fmt.Sprintf(" (%s)", counted(s.LeakCandidates, "candidate"))
		}
		lines = append(lines, fmt.Sprintf("  born and alive: %s%s, oldest %s, by %s", count(s.LiveAtEnd), waits,
			duration(s.OldestAgeNs), frame(s.GoStatement)))
	}
	return lines
}

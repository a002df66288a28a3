package validity

import "strings"

// lossLimit is the share of requests without a good reply above which latency
// figures say nothing: the missing ones would have been in the tail, and 0.1 % is
// a tenth of what p99 leaves out. Counted, not timed: a server that stalls until
// the end of the schedule still answers everything.
const lossLimit = 0.001

// lossReasons: something was completed, and completed/scheduled ≥ 0.999.
func lossReasons(a *arm) []Reason {
	lost := a.requests - a.completed()
	if a.completed() == 0 {
		return []Reason{{"nothing-completed", Invalid, lossCause(a), 0, 1, "count",
			"none of " + countText(a.requests) + " requests completed"}}
	}
	ratio := float64(lost) / float64(a.requests)
	if ratio <= lossLimit {
		return nil
	}
	return []Reason{{"loss", Invalid, lossCause(a), ratio, lossLimit, "ratio",
		percentText(ratio) + " of the requests have no good reply (" + lossText(a) + "), over " + percentText(lossLimit)}}
}

func lossText(a *arm) string {
	var parts []string
	for _, part := range []struct {
		count int
		what  string
	}{{a.failed, "failed"}, {a.unsent, "found no free connection"}, {a.unreached, "were not reached"}} {
		if part.count > 0 {
			parts = append(parts, countText(part.count)+" "+part.what)
		}
	}
	return strings.Join(parts, ", ")
}

func lossCause(a *arm) Cause {
	switch {
	case a.requests == 0:
		return ByLoad
	case a.unreached > a.failed+a.unsent:
		return ByGenerator
	default:
		return ByServer
	}
}

// unsentReasons: sent = scheduled. What was not sent has no sample, though its
// latency would be the longest of all.
func unsentReasons(a *arm) []Reason {
	var reasons []Reason
	if a.unreached > 0 {
		reasons = append(reasons, Reason{"unreached", Suspect, ByGenerator, float64(a.unreached), 0, "count",
			"the generator never came to " + countText(a.unreached) + " requests"})
	}
	if a.unsent > 0 {
		reasons = append(reasons, Reason{"unsent", Suspect, ByServer, float64(a.unsent), 0, "count",
			countText(a.unsent) + " requests found no free connection until the end"})
	}
	return reasons
}

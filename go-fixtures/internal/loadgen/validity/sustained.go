package validity

const (
	// Fewer requests than these more or less under way at the end are chance.
	sustainedFloor = 10
	// A backlog at the end that is so many times the usual one is no chance either,
	// however short it has lasted: the end of a ramp.
	sustainedFactor = 3
)

// sustainedReasons: achieved ÷ offered ≥ 0.999 as rates. Counts alone do not show
// a server that falls behind and is given time to catch up after the schedule's
// end: everything completes, though not at the rate that was offered. What is due
// and unanswered at the arm's last request is held against the most that was so in
// the first two thirds of its requests. It must have grown beyond what may be lost,
// and either never have been worked off in the last third or be out of all
// proportion: a busy server, or a load that comes and goes, has its ups and downs.
// A stall of the server that lasts until the end excuses it.
func sustainedReasons(in *Input, a *arm) []Reason {
	if a.completed() == 0 {
		return nil
	}
	t := timelineOf(a, in)
	b := t.backlogs()
	excess, limit := float64(b.left-b.usual), max(lossLimit*float64(a.requests), sustainedFloor)
	if excess <= limit || b.lowest <= sustainedFloor && b.left <= sustainedFactor*b.usual {
		return nil
	}
	end := t.intended[len(t.intended)-1]
	for _, s := range stalls(a, in) {
		if s.fromNs <= end && end <= s.toNs {
			return nil
		}
	}
	return []Reason{{"sustained", Suspect, ByServer, excess, limit, "count",
		countText(b.left) + " requests were unanswered at the end of the schedule, and at most " + countText(b.usual) +
			" in its first two thirds: the server did not keep up"}}
}

// backlogs are counts of requests that were due and had no outcome.
type backlogs struct {
	usual  int // the most in the first two thirds of the arrivals
	lowest int // the least in the last third
	left   int // at the last arrival
}

func (t *timeline) backlogs() backlogs {
	b := backlogs{lowest: len(t.intended)}
	replied, gaveUp := 0, 0
	for i, atNs := range t.intended {
		for replied < len(t.replied) && t.replied[replied] <= atNs {
			replied++
		}
		for gaveUp < len(t.gaveUp) && t.gaveUp[gaveUp] <= atNs {
			gaveUp++
		}
		b.left = i + 1 - replied - gaveUp
		if 3*i < 2*len(t.intended) {
			b.usual = max(b.usual, b.left)
		} else {
			b.lowest = min(b.lowest, b.left)
		}
	}
	return b
}

package validity

import (
	"slices"

	"pollgate/go-fixtures/internal/loadgen/engine"
)

const (
	// Fewer requests than these more or less under way at the end are chance.
	sustainedFloor = 10
	// A backlog at the end that is so many times the usual one is no chance either,
	// however short it has lasted: the end of a ramp.
	sustainedFactor = 3
)

// sustainedReasons: does the server keep up with the rate, or does it only get the
// rest done after the schedule's end? Counts alone do not show that. What was
// asked and is unanswered at the arm's last request is held against the most that
// was so in the first two thirds of its requests. It must have grown beyond what
// may be lost, and either never have been worked off in the last third or be out
// of all proportion: a busy server, or a load that comes and goes, has its ups and
// downs. Under a steady load it must have doubled as well, since a queue wanders;
// slower growth than that shows as a trend. A stall of the server that lasts until
// the end excuses it.
func sustainedReasons(in *Input, a *arm) []Reason {
	if a.completed() == 0 || a.unansweredAtEnd(in) <= sustainedFloor {
		return nil
	}
	b := backlogsOf(in, a)
	excess, limit := float64(b.left-b.usual), max(lossLimit*float64(a.requests), sustainedFloor)
	if !in.Varying {
		limit = max(limit, float64(b.usual))
	}
	if excess <= limit || b.lowest <= sustainedFloor && b.left <= sustainedFactor*b.usual {
		return nil
	}
	for _, s := range stalls(a, in) {
		if s.fromNs <= b.endNs && b.endNs <= s.toNs {
			return nil
		}
	}
	return []Reason{{"sustained", Suspect, ByServer, excess, limit, "count",
		countText(b.left) + " requests were unanswered at the end of the schedule, and at most " + countText(b.usual) +
			" in its first two thirds: the server did not keep up"}}
}

// promptNs: a request that the generator came to later than this says nothing of
// the server, nor does the burst in which late ones go out.
const promptNs = 1_000_000

func (a *arm) asked(r *engine.Request) bool {
	return int(r.Arm) == a.index && r.PickedNs != 0 && r.PickedNs-r.IntendedNs <= promptNs
}

// ended is when a request had an outcome; far in the future where it has none.
func ended(r *engine.Request) int64 {
	switch {
	case r.DoneNs == 0:
		return 1<<63 - 1
	case r.Outcome == engine.TimedOut:
		return r.DoneNs
	default:
		return arrivedNs(r)
	}
}

// unansweredAtEnd is a quick look: most arms have few.
func (a *arm) unansweredAtEnd(in *Input) int {
	endNs := int64(0)
	for i := range in.Requests {
		if r := &in.Requests[i]; a.asked(r) {
			endNs = max(endNs, r.PickedNs)
		}
	}
	left := 0
	for i := range in.Requests {
		if r := &in.Requests[i]; a.asked(r) && ended(r) > endNs {
			left++
		}
	}
	return left
}

// backlogs are counts of requests that were asked and had no outcome.
type backlogs struct {
	usual  int // the most in the first two thirds of the requests
	lowest int // the least in the last third
	left   int // at the last request
	endNs  int64
}

func backlogsOf(in *Input, a *arm) backlogs {
	var begins, ends []int64
	for i := range in.Requests {
		if r := &in.Requests[i]; a.asked(r) {
			begins, ends = append(begins, r.PickedNs), append(ends, ended(r))
		}
	}
	slices.Sort(begins)
	slices.Sort(ends)
	b := backlogs{lowest: len(begins)}
	over := 0
	for i, atNs := range begins {
		for over < len(ends) && ends[over] <= atNs {
			over++
		}
		b.left, b.endNs = i+1-over, atNs
		if 3*i < 2*len(begins) {
			b.usual = max(b.usual, b.left)
		} else {
			b.lowest = min(b.lowest, b.left)
		}
	}
	return b
}

package validity

import (
	"slices"
	"sort"

	"pollgate/go-fixtures/internal/loadgen/engine"
	"pollgate/go-fixtures/internal/statistics"
)

const (
	// A server that leaves requests without any reply for this long stalls, unless
	// it does so all the time: of its silences, the sixth longest is what it does
	// regularly, and a stall is twice that.
	stallNs       = 20_000_000
	stallFactor   = 2
	regularLonger = 5
	// After a stall the backlog is worked off. At a utilisation ρ this takes
	// ρ/(1−ρ) times the stall: nine times at 0.9. What lasts longer is overload, and
	// no stall excuses it.
	recoveryFactor = 10
)

// stretch of time, both ends included.
type stretch struct{ fromNs, toNs int64 }

// stalls finds where an arm's server was silent though requests were under way,
// each until the backlog was down to what it had been. It reads the kernel's
// stamps: a generator that is away makes no such stretch, because what was under
// way is answered meanwhile.
func stalls(a *arm, in *Input) []stretch {
	// Who is under way when a silence begins is so until it ends.
	if a.longestNs < stallNs {
		return nil
	}
	t := timelineOf(a, in)
	found := t.silences()
	for i := range found {
		found[i].toNs = t.recovery(found[i])
	}
	return found
}

// timeline holds an arm's instants, each series ascending.
type timeline struct {
	intended []int64
	sent     []int64
	replied  []int64
	gaveUp   []int64
}

func timelineOf(a *arm, in *Input) *timeline {
	t := &timeline{
		intended: make([]int64, 0, a.requests),
		sent:     make([]int64, 0, a.requests),
		replied:  make([]int64, 0, a.requests),
	}
	for i := range in.Requests {
		r := &in.Requests[i]
		if int(r.Arm) != a.index {
			continue
		}
		t.intended = append(t.intended, r.IntendedNs)
		if r.SentNs == 0 {
			continue
		}
		t.sent = append(t.sent, r.SentNs)
		if r.Outcome == engine.TimedOut {
			t.gaveUp = append(t.gaveUp, r.DoneNs)
		} else {
			t.replied = append(t.replied, arrivedNs(r))
		}
	}
	slices.Sort(t.sent)
	slices.Sort(t.replied)
	slices.Sort(t.gaveUp)
	return t
}

// silences are the stretches, long enough for a stall, in which requests were
// under way and no reply came.
func (t *timeline) silences() []stretch {
	var long []stretch
	all := make([]int64, 0, len(t.replied))
	underWay, sinceNs := 0, int64(0)
	end := func(atNs int64) {
		all = append(all, atNs-sinceNs)
		if atNs-sinceNs >= stallNs {
			long = append(long, stretch{sinceNs, atNs})
		}
		sinceNs = atNs
	}
	for s, r, g := 0, 0, 0; r < len(t.replied) || g < len(t.gaveUp); {
		next := soonest(t.replied, r)
		if giveUp := soonest(t.gaveUp, g); giveUp < next {
			next = giveUp
		}
		switch {
		case s < len(t.sent) && t.sent[s] <= next:
			if underWay == 0 {
				sinceNs = t.sent[s]
			}
			underWay++
			s++
		case r < len(t.replied) && t.replied[r] == next:
			end(next)
			underWay--
			r++
		default:
			underWay--
			g++
			if underWay == 0 {
				end(next)
			}
		}
	}
	if len(long) == 0 {
		return nil
	}
	regular := int64(0)
	if n := len(all); n > regularLonger {
		regular = statistics.Select(all, n-1-regularLonger)
	}
	limit := stallFactor * regular
	return slices.DeleteFunc(long, func(s stretch) bool { return s.toNs-s.fromNs < limit })
}

// soonest is far in the future where there is no more.
func soonest(instants []int64, i int) int64 {
	if i < len(instants) {
		return instants[i]
	}
	return 1<<63 - 1
}

// recovery is when the backlog, of requests that were due and have no reply, was
// down to what it had been before the stall, within bounds.
func (t *timeline) recovery(s stretch) int64 {
	before := max(until(t.intended, s.fromNs-1)-t.ended(s.fromNs), 1)
	lastNs := s.toNs + recoveryFactor*(s.toNs-s.fromNs)
	due := until(t.intended, s.toNs)
	for r := until(t.replied, s.toNs); r < len(t.replied); r++ {
		atNs := t.replied[r]
		if atNs > lastNs {
			return lastNs
		}
		for due < len(t.intended) && t.intended[due] <= atNs {
			due++
		}
		if due-(r+1)-until(t.gaveUp, atNs) <= before {
			return atNs
		}
	}
	return lastNs
}

func (t *timeline) ended(atNs int64) int { return until(t.replied, atNs) + until(t.gaveUp, atNs) }

// until counts the instants that are not later.
func until(instants []int64, atNs int64) int {
	return sort.Search(len(instants), func(i int) bool { return instants[i] > atNs })
}

// touched says whether a request lived in any of the stretches, which are sorted
// by their beginning.
func touched(r *engine.Request, stretches []stretch) bool {
	for _, s := range stretches {
		if s.fromNs > arrivedNs(r) {
			return false
		}
		if r.PickedNs <= s.toNs {
			return true
		}
	}
	return false
}

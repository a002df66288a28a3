package validity

import (
	"cmp"
	"slices"

	"pollgate/go-fixtures/internal/loadgen/engine"
	"pollgate/go-fixtures/internal/statistics"
)

// gapBalanceReasons compares each arm's quantiles with those that it has without
// the requests which a large absence of the generator touched. A single one can
// move p99 of the arm whose slice it fell into, and yet leave p99 of the lag alone.
// The shares touched must differ significantly too: a quantile within a shared
// absence is far from exact. Small absences come often, and even out or show in
// the lag.
func gapBalanceReasons(in *Input, all []*arm) []Reason {
	gaps := generatorGaps(in)
	if len(gaps) == 0 {
		return nil
	}
	moved := make([]movement, len(all))
	for i, a := range all {
		moved[i] = movedBy(a, gaps)
	}
	var reasons []Reason
	for _, q := range []struct {
		name    string
		share   float64
		floorNs int64
		by      func(movement) int64
		of      func(*arm) int64
	}{
		{"p50", pairedP50Share, pairedP50FloorNs, func(m movement) int64 { return m.p50 }, func(a *arm) int64 { return a.p50 }},
		{"p99", pairedP99Share, pairedP99FloorNs, func(m movement) int64 { return m.p99 }, func(a *arm) int64 { return a.p99 }},
	} {
		least, most := furthest(all, func(a *arm) float64 { return float64(q.by(moved[a.index])) })
		low, high := moved[least.index], moved[most.index]
		limit := max(int64(q.share*float64(min(q.of(least), q.of(most)))), q.floorNs)
		if q.by(high)-q.by(low) <= limit ||
			statistics.TwoProportions(low.touched, least.completed(), high.touched, most.completed()) >= alpha {
			continue
		}
		reasons = append(reasons, unpaired("unequal-gap-"+q.name, ByGenerator, float64(q.by(high)-q.by(low)), float64(limit), "ns",
			"absences of the generator moved "+q.name+" of "+most.name+" by "+nsText(q.by(high))+", of "+least.name+" by "+
				nsText(q.by(low))+", more than "+nsText(limit)+" apart")...)
	}
	return reasons
}

// generatorGaps are the stretches in which a due request was not sent, or a reply
// not read, for longer than the limit, each with as long again for what piled up.
func generatorGaps(in *Input) []stretch {
	var gaps []stretch
	stamps := stampsUsable(in.Usage)
	add := func(fromNs, toNs int64) {
		if toNs-fromNs <= gapLimitNs {
			return
		}
		toNs += toNs - fromNs
		if n := len(gaps); n > 0 && gaps[n-1].fromNs <= fromNs && fromNs <= gaps[n-1].toNs {
			gaps[n-1].toNs = max(gaps[n-1].toNs, toNs)
			return
		}
		gaps = append(gaps, stretch{fromNs, toNs})
	}
	for i := range in.Requests {
		r := &in.Requests[i]
		if r.PickedNs != 0 {
			add(r.IntendedNs, r.PickedNs)
		}
		if stamps && r.ArrivedNs != 0 {
			add(r.ArrivedNs, r.DoneNs)
		}
	}
	return merged(gaps)
}

func merged(gaps []stretch) []stretch {
	slices.SortFunc(gaps, func(a, b stretch) int { return cmp.Compare(a.fromNs, b.fromNs) })
	var all []stretch
	for _, g := range gaps {
		if n := len(all); n > 0 && g.fromNs <= all[n-1].toNs {
			all[n-1].toNs = max(all[n-1].toNs, g.toNs)
			continue
		}
		all = append(all, g)
	}
	return all
}

// movement is what the touched requests did to an arm's latency.
type movement struct {
	touched  int
	p50, p99 int64 // with them less without them, ≥ 0
}

func movedBy(a *arm, gaps []stretch) movement {
	rest := make([]int64, 0, len(a.latency))
	first := 0
	for i, r := range a.done {
		for first < len(gaps) && gaps[first].toNs < r.IntendedNs {
			first++
		}
		if !lived(r, gaps[first:]) {
			rest = append(rest, a.latency[i])
		}
	}
	m := movement{touched: len(a.latency) - len(rest)}
	if m.touched == 0 {
		return m
	}
	p50, p99, _ := summary(rest) // zeros where every request was touched
	m.p50, m.p99 = max(a.p50-p50, 0), max(a.p99-p99, 0)
	return m
}

// lived says whether a request was due or under way in the first of the
// stretches that are not over.
func lived(r *engine.Request, gaps []stretch) bool {
	return len(gaps) > 0 && gaps[0].fromNs <= r.DoneNs
}

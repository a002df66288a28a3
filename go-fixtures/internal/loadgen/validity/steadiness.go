package validity

import (
	"slices"
	"time"

	"pollgate/go-fixtures/internal/statistics"
)

const (
	// One window for each second, but not fewer than 20, nor more than 60: a trend is
	// seen in 60 as well as in 600. They hold equal numbers of samples, so that
	// slices, pauses and what is left out make no empty ones.
	fewestWindows = 20
	mostWindows   = 60
	// Where requests are few, windows get longer until each has enough for the
	// quantile in question, down to twelve; fewer decide nothing.
	leastWindows = 12
	windowForP50 = 100
	windowForP99 = 500
	// More samples than these, spread evenly over the phase, decide nothing that
	// they do not; and the cut of a warm-up takes twenty tests.
	samplesOfPhase = 120_000
	samplesOfShape = 20_000

	// shiftEffect is the distance of the distributions of the first and the last
	// third that matters.
	shiftEffect = 0.15
	// A change that a reader would see, of the quantile itself. Time below the
	// floors is the noise of the machine.
	p50ChangeShare, p50ChangeFloorNs = 0.10, 5_000
	p99ChangeShare, p99ChangeFloorNs = 0.20, 50_000

	// A warm-up is over when even at this level nothing of the change is left that
	// would matter. At alpha, a drift would pass for a warm-up as soon as what is
	// left of it is too short to be significant.
	cutAlpha = 0.01
)

// samplesOverTime are answer times in the order of the schedule.
type samplesOverTime struct {
	values     []int64
	intendedNs []int64
}

func (s samplesOverTime) from(index int) samplesOverTime {
	return samplesOverTime{s.values[index:], s.intendedNs[index:]}
}

func (s samplesOverTime) thinned() samplesOverTime {
	n := len(s.values)
	if n <= samplesOfPhase {
		return s
	}
	for i := range samplesOfPhase {
		from := i * n / samplesOfPhase
		s.values[i], s.intendedNs[i] = s.values[from], s.intendedNs[from]
	}
	return samplesOverTime{s.values[:samplesOfPhase], s.intendedNs[:samplesOfPhase]}
}

// steadinessReasons: does the arm have one latency throughout the phase? It looks
// at the time from the picking to the kernel's stamp, which is free of the
// generator's lateness, outside of the server's stalls. Where these leave too
// little, it decides nothing.
//
// A phase that is steady after a leading part of at most a third has a warm-up:
// cutNs is its length. Such an arm is suspect all the same, because its
// distributions hold the warm-up.
func steadinessReasons(in *Input, a *arm) (reasons []Reason, cutNs int64) {
	s := outside(a, stalls(a, in))
	reasons = unsteady(s, in.Duration, alpha)
	if len(reasons) == 0 {
		return nil, 0
	}
	windows := windowCount(len(s.values), windowForP50, in.Duration)
	for cut := 1; cut <= windows/3; cut++ {
		rest := s.from(cut * len(s.values) / windows)
		if len(unsteady(rest, in.Duration, cutAlpha)) > 0 {
			continue
		}
		cutNs = rest.intendedNs[0] - in.StartNs
		return []Reason{{"warm-up", Suspect, ByServer, float64(cutNs), 0, "ns",
			"latency is steady only " + nsText(cutNs) + " after the start (" + reasons[0].Text + ")"}}, cutNs
	}
	return reasons, 0
}

func outside(a *arm, stalls []stretch) samplesOverTime {
	s := samplesOverTime{make([]int64, 0, len(a.answer)), make([]int64, 0, len(a.answer))}
	first := 0 // stretch that may touch this request or a later one
	for i, r := range a.done {
		for first < len(stalls) && stalls[first].toNs < r.IntendedNs {
			first++
		}
		if !touched(r, stalls[first:]) {
			s.values = append(s.values, a.answer[i])
			s.intendedNs = append(s.intendedNs, r.IntendedNs)
		}
	}
	return s.thinned()
}

// trended is a quantile whose trend is looked for.
type trended struct {
	rule      string
	q         float64
	perWindow int
	share     float64
	floorNs   int64
}

var trends = [...]trended{
	{"p50-trend", 0.5, windowForP50, p50ChangeShare, p50ChangeFloorNs},
	{"p99-trend", 0.99, windowForP99, p99ChangeShare, p99ChangeFloorNs},
}

func unsteady(s samplesOverTime, duration time.Duration, level float64) []Reason {
	reasons := shiftReasons(s.values, level)
	for _, t := range trends {
		reasons = append(reasons, t.reasons(s.values, duration, level)...)
	}
	return reasons
}

// shiftReasons compares the first third of the samples with the last.
func shiftReasons(values []int64, level float64) []Reason {
	n := len(values) / 3
	if 3*n < leastWindows*windowForP50 {
		return nil
	}
	first, last := thinned(values[:n]), thinned(values[len(values)-n:])
	slices.Sort(first)
	slices.Sort(last)
	distance := statistics.Smirnov(first, last)
	if distance <= shiftEffect || !changed(at(first, 0.5), at(last, 0.5), p50ChangeShare, p50ChangeFloorNs) &&
		!changed(at(first, 0.99), at(last, 0.99), p99ChangeShare, p99ChangeFloorNs) {
		return nil
	}
	worth := min(float64(n)/inflation(values), float64(len(first)))
	if statistics.SmirnovProbability(distance, worth, worth) >= level {
		return nil
	}
	return []Reason{{"shift", Suspect, ByServer, distance, shiftEffect, "ratio",
		"latency of the first and the last third are " + threeDigits(distance) + " apart (Kolmogorov–Smirnov; p50 " +
			nsText(at(first, 0.5)) + " and " + nsText(at(last, 0.5)) + "), over " + threeDigits(shiftEffect)}}
}

// inflation says how many samples that meet in a queue are worth one independent
// sample. Neither how long a queue remembers nor where in the distribution is
// known: the worst of a few scales and quantiles counts.
func inflation(values []int64) float64 {
	scratch := slices.Clone(values)
	factor := 1.0
	for _, q := range []float64{0.25, 0.5, 0.75, 0.9} {
		threshold := statistics.Quantile(scratch, q)
		for _, batches := range []int{16, 32, 64} {
			factor = max(factor, statistics.ShareInflation(values, threshold, batches))
		}
	}
	return factor
}

// reasons looks for a trend of the quantile over the windows.
func (t trended) reasons(values []int64, duration time.Duration, level float64) []Reason {
	windows := windowCount(len(values), t.perWindow, duration)
	if windows < leastWindows {
		return nil
	}
	quantiles := make([]int64, windows)
	scratch := make([]int64, 0, len(values)/windows+1)
	for i := range quantiles {
		scratch = append(scratch[:0], values[i*len(values)/windows:(i+1)*len(values)/windows]...)
		quantiles[i] = statistics.Quantile(scratch, t.q)
	}
	first := statistics.Quantile(slices.Clone(quantiles[:windows/3]), 0.5)
	last := statistics.Quantile(slices.Clone(quantiles[windows-windows/3:]), 0.5)
	if !changed(first, last, t.share, t.floorNs) || statistics.Trend(quantiles) >= level {
		return nil
	}
	limit := max(int64(t.share*float64(min(first, last))), t.floorNs)
	verb := " rises from "
	if last < first {
		verb = " falls from "
	}
	return []Reason{{t.rule, Suspect, ByServer, float64(absolute(last - first)), float64(limit), "ns",
		percentileText(t.q) + verb + nsText(first) + " to " + nsText(last) + ", by more than " + nsText(limit)}}
}

// windowCount is how many windows the samples make; below leastWindows there are
// too few of them.
func windowCount(samples, perWindow int, duration time.Duration) int {
	windows := min(max(int(duration/time.Second), fewestWindows), mostWindows)
	return min(windows, samples/perWindow)
}

// changed says whether two values of a quantile differ by what matters.
func changed(first, last int64, share float64, floorNs int64) bool {
	return absolute(last-first) > max(int64(share*float64(min(first, last))), floorNs)
}

// thinned takes evenly spread samples, in a slice of its own.
func thinned(values []int64) []int64 {
	n := min(len(values), samplesOfShape)
	sample := make([]int64, n)
	for i := range sample {
		sample[i] = values[i*len(values)/n]
	}
	return sample
}

// at is a quantile of sorted values.
func at(sorted []int64, q float64) int64 { return sorted[statistics.Rank(len(sorted), q)] }

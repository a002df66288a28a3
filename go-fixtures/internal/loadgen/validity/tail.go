package validity

import (
	"slices"

	"pollgate/go-fixtures/internal/statistics"
)

const (
	// tailLimit values must lie beyond p99 for it to be a quantile rather than one
	// of the greatest values: the relative error of the rank is then 1/√10.
	tailLimit  = 10
	confidence = 0.95
)

// tailReasons: is p99 founded on enough?
func tailReasons(a *arm) []Reason {
	beyond := float64(a.completed()) / 100
	if beyond >= tailLimit {
		return nil
	}
	return []Reason{{"tail", Suspect, ByLoad, beyond, tailLimit, "count",
		"p99 rests on " + threeDigits(beyond) + " requests beyond it, under " + countText(tailLimit)}}
}

// p99Interval assumes independent requests. Those that meet in a queue are not:
// close to saturation the true interval is wider.
func p99Interval(a *arm) *[2]int64 {
	low, high, ok := statistics.QuantileInterval(a.completed(), 0.99, confidence)
	if !ok {
		return nil
	}
	scratch := slices.Clone(a.latency)
	return &[2]int64{statistics.Select(scratch, low), statistics.Select(scratch, high)}
}

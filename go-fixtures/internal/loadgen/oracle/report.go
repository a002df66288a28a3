package oracle

import (
	"cmp"
	"errors"
	"math"
	"slices"
)

// Summary describes a set of times in ns. Its quantiles are values of the set:
// the smallest that at least q of the set do not exceed.
type Summary struct {
	Count  int     `json:"count"`
	MeanNs float64 `json:"meanNs"`
	MinNs  int64   `json:"minNs"`
	P50Ns  int64   `json:"p50Ns"`
	P90Ns  int64   `json:"p90Ns"`
	P99Ns  int64   `json:"p99Ns"`
	P999Ns int64   `json:"p999Ns"`
	MaxNs  int64   `json:"maxNs"`
}

// Errors are differences between two Summaries.
type Errors struct {
	MeanNs float64 `json:"meanNs"`
	P50Ns  int64   `json:"p50Ns"`
	P90Ns  int64   `json:"p90Ns"`
	P99Ns  int64   `json:"p99Ns"`
	P999Ns int64   `json:"p999Ns"`
}

// Report sets what was measured against what the server must have made of it.
type Report struct {
	// Expected and Measured are latencies from the intended time.
	Expected Summary `json:"expected"`
	Measured Summary `json:"measured"`
	// QuantileErrors are Measured minus Expected.
	QuantileErrors Errors `json:"quantileErrors"`
	// RequestErrors are the differences request by request. Where latencies are
	// long, errors of both signs may hide in equal quantiles; not in these.
	RequestErrors Summary `json:"requestErrors"`
	// Utilisation is the part of the time between the first and the last intended
	// time that the requests kept the server, over 1 for more than it can do; 0
	// with less than two requests or all at one time.
	Utilisation float64 `json:"utilisation"`
	// PathNs and TurnaroundNs are those of the type occupation.
	PathNs       int64 `json:"pathNs"`
	TurnaroundNs int64 `json:"turnaroundNs"`
}

// Evaluate computes the report on all completed requests of one server, in any
// order. It fails when there are none, or when their times cannot be those of one
// truthd.
func Evaluate(requests []Request) (Report, error) {
	if len(requests) == 0 {
		return Report{}, errors.New("no completed request to compare")
	}
	inOrder := slices.Clone(requests)
	slices.SortFunc(inOrder, func(a, b Request) int { return cmp.Compare(a.BeganNs, b.BeganNs) })
	occupied, err := occupy(inOrder)
	if err != nil {
		return Report{}, err
	}
	expected := expect(inOrder, occupied.ns)
	measured, differences := make([]int64, len(inOrder)), make([]int64, len(inOrder))
	for i, r := range inOrder {
		measured[i] = r.DoneNs - r.IntendedNs
		differences[i] = measured[i] - expected[i]
	}
	report := Report{
		Expected:      Summarize(expected),
		Measured:      Summarize(measured),
		RequestErrors: Summarize(differences),
		Utilisation:   utilisation(inOrder, occupied.ns),
		PathNs:        occupied.pathNs,
		TurnaroundNs:  occupied.turnaroundNs,
	}
	e, m := &report.Expected, &report.Measured
	report.QuantileErrors = Errors{m.MeanNs - e.MeanNs, m.P50Ns - e.P50Ns, m.P90Ns - e.P90Ns, m.P99Ns - e.P99Ns, m.P999Ns - e.P999Ns}
	return report, nil
}

// expect returns the latencies of requests in the order of their service: from
// the intended time until the server, begun as by Lindley and then as fast as it
// was, would have written the reply.
func expect(requests []Request, occupancy []int64) []int64 {
	intended := make([]int64, len(requests))
	for i, r := range requests {
		intended[i] = r.IntendedNs
	}
	latencies := Lindley(intended, occupancy)
	for i, r := range requests {
		latencies[i] += r.WroteNs - r.BeganNs - r.IntendedNs
	}
	return latencies
}

func utilisation(requests []Request, occupancy []int64) float64 {
	first, last, busy := int64(math.MaxInt64), int64(math.MinInt64), int64(0)
	for i, r := range requests {
		first, last = min(first, r.IntendedNs), max(last, r.IntendedNs)
		if i+1 < len(requests) { // n requests have n-1 gaps between them
			busy += occupancy[i]
		}
	}
	if first == last {
		return 0
	}
	return float64(busy) / float64(last-first)
}

// Summarize sorts values, which are at least one.
func Summarize(values []int64) Summary {
	slices.Sort(values)
	sum := 0.0
	for _, v := range values {
		sum += float64(v)
	}
	return Summary{
		Count:  len(values),
		MeanNs: sum / float64(len(values)),
		MinNs:  values[0],
		P50Ns:  quantile(values, 0.5),
		P90Ns:  quantile(values, 0.9),
		P99Ns:  quantile(values, 0.99),
		P999Ns: quantile(values, 0.999),
		MaxNs:  values[len(values)-1],
	}
}

// quantile of values in ascending order, at least one: the one of rank ⌈q·n⌉.
func quantile(sorted []int64, q float64) int64 {
	// q·n in floating point may lie just above the whole number that it should be.
	rank := int(math.Ceil(q*float64(len(sorted)) - 1e-9))
	return sorted[min(max(rank, 1), len(sorted))-1]
}

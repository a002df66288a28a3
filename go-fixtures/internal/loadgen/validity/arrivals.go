package validity

import (
	"slices"

	"pollgate/go-fixtures/internal/statistics"
)

const (
	// Requests are counted in bins of four times the lag that is always granted, so
	// that such lag moves few of them into the next bin, and sends that a timer
	// bunches in milliseconds stand out even beside a latency that lets them pass
	// as lag.
	arrivalBinNs = 4 * lagGrantNs
	// With fewer than four a bin, the counts are hardly more than "some" or "none".
	arrivalsPerBin = 4
	// Fewer bins decide nothing.
	arrivalBins = 50
	// arrivalEffect: one bin in ten holds another number than was scheduled. With a
	// generator at 60,000 a second, busy for 8 µs with each send, so that sends push
	// each other by 26 µs at p99, it is one in a hundred.
	arrivalEffect = 0.1
)

// arrivalReasons: did the requests leave in the pattern that was scheduled? It
// compares how many were picked in a bin of time with how many were intended, as
// distributions over the bins. Even where each request is late by little, a burst
// instead of a stream is another load.
func arrivalReasons(in *Input) []Reason {
	n := int64(len(in.Requests))
	if n == 0 {
		return nil
	}
	// Longer than the schedule where arms were connected in between.
	length := max(int64(in.Duration), in.Requests[n-1].IntendedNs-in.StartNs)
	bin := max(arrivalBinNs, arrivalsPerBin*length/n)
	bins := length/bin + 1
	if bins < arrivalBins {
		return nil
	}
	intended, picked := make([]int64, bins), make([]int64, bins)
	for i := range in.Requests {
		r := &in.Requests[i]
		if r.PickedNs == 0 {
			continue
		}
		intended[min((r.IntendedNs-in.StartNs)/bin, bins-1)]++
		if at := (r.PickedNs - in.StartNs) / bin; at < bins {
			picked[at]++
		}
	}
	slices.Sort(intended)
	slices.Sort(picked)
	distance := statistics.Smirnov(intended, picked)
	if distance <= arrivalEffect || statistics.SmirnovProbability(distance, float64(bins), float64(bins)) >= alpha {
		return nil
	}
	return []Reason{{"arrivals", Suspect, ByGenerator, distance, arrivalEffect, "ratio",
		"requests per " + nsText(bin) + " as sent and as scheduled are " + threeDigits(distance) +
			" apart (Kolmogorov–Smirnov), over " + threeDigits(arrivalEffect)}}
}

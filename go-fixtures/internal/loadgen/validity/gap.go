package validity

import (
	"cmp"
	"slices"

	"pollgate/go-fixtures/internal/loadgen/engine"
)

// gapLimitNs is for how long the generator may be away. Preemption by the kernel
// or by a neighbour with equal rights lasts some ms; beyond that something
// stopped it. It is fixed: a stop of 100 ms is a fault in a run of any length,
// also where its share of the requests is too small for p99 to move.
const gapLimitNs = 20_000_000

// gapReasons: the largest gap. Requests show it only where one was due, or a
// reply waited, during it. The loop's own figure sees it in any case, provided that
// the loop never asks for a long sleep: of a stop that begins in a sleep, only what
// lies beyond the sleep's end is seen. With sleeps of at most 10 ms, a stop of
// 100 ms shows as 90 ms or more.
func gapReasons(in *Input, all []*arm) []Reason {
	what, seen := "the longest absence of the generator", in.Usage.LargestGapNs
	for _, a := range all {
		if a.longestSend > seen {
			what, seen = "the largest send lag", a.longestSend
		}
	}
	for _, a := range all {
		if a.longestRead > max(seen, gapLimitNs) {
			if neglect := longestNeglect(in); neglect > seen {
				what, seen = "the longest time for which a reply was left lying", neglect
			}
			break
		}
	}
	if seen <= gapLimitNs {
		return nil
	}
	return []Reason{over("largest-gap", ByGenerator, what, seen, gapLimitNs)}
}

// disorderNs: replies that came within this time may be read in any order.
const disorderNs = 1_000_000

// longestNeglect is the longest time in which a reply lay there, and the generator
// read none that had come before it. A server that answers thousands of requests
// at once after a stall makes the last reply wait for tens of ms while the
// generator reads the others: it is at work, not away.
func longestNeglect(in *Input) int64 {
	read := make([]*engine.Request, 0, len(in.Requests))
	for i := range in.Requests {
		if r := &in.Requests[i]; r.DoneNs != 0 && r.ArrivedNs != 0 {
			read = append(read, r)
		}
	}
	slices.SortFunc(read, func(a, b *engine.Request) int { return cmp.Compare(a.DoneNs, b.DoneNs) })
	longest := int64(0)
	for i, r := range read {
		sinceNs := r.ArrivedNs
		for before := i - 1; r.DoneNs-sinceNs > longest && before >= 0 && read[before].DoneNs > sinceNs; before-- {
			if read[before].ArrivedNs <= r.ArrivedNs+disorderNs {
				sinceNs = read[before].DoneNs
			}
		}
		longest = max(longest, r.DoneNs-sinceNs)
	}
	return longest
}

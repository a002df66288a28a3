package validity

// gapLimitNs is for how long the generator may be away. Preemption by the kernel
// or by a neighbour with equal rights lasts some ms; beyond that something
// stopped it. It is fixed: a stop of 100 ms is a fault in a run of any length,
// also where its share of the requests is too small for p99 to move.
const gapLimitNs = 20_000_000

// gapReasons: the largest gap. Requests show it only where one was due, or a
// reply came, during it. The loop's own figure sees it in any case, provided that
// the loop never asks for a long sleep: of a stop that begins in a sleep, only what
// lies beyond the sleep's end is seen. With sleeps of at most 10 ms, a stop of
// 100 ms shows as 90 ms or more.
func gapReasons(in *Input, all []*arm) []Reason {
	what, seen := "the longest absence of the generator", in.Usage.LargestGapNs
	for _, a := range all {
		if a.longestSend > seen {
			what, seen = "the largest send lag", a.longestSend
		}
		if a.longestRead > seen {
			what, seen = "the largest receive lag", a.longestRead
		}
	}
	if seen <= gapLimitNs {
		return nil
	}
	return []Reason{over("largest-gap", ByGenerator, what, seen, gapLimitNs)}
}

package validity

import "slices"

const (
	// lagGrantNs is lag that is always granted: below what a round trip on
	// loopback costs.
	lagGrantNs = 50_000
	// lagShare of the latency's median is granted as well: beside a latency of
	// 10 ms, a send that is 0.5 ms late distorts nothing that anyone reads.
	lagShare = 10
)

// lagReasons: the generator's own lateness, when sending and when reading.
// Waiting for a free connection is no lag: only the picking counts. Nor is it one
// to read, one after the other, the replies that a server gives all at once after a
// stall, as long as what they wait is little beside the stall.
func lagReasons(in *Input, a *arm) []Reason {
	limit := max(lagGrantNs, a.p50/lagShare)
	var reasons []Reason
	if a.sendP99 > limit {
		reasons = append(reasons, over("send-lag", ByGenerator, "send lag p99", a.sendP99, limit))
	}
	if a.receiveP99 > limit {
		if p99 := receiveLagP99(a, stalls(a, in)); p99 > limit {
			reasons = append(reasons, over("receive-lag", ByGenerator, "receive lag p99", p99, limit))
		}
	}
	return reasons
}

// receiveLagP99 leaves out what lived in a stall and waited for a small share of it.
func receiveLagP99(a *arm, stalls []stretch) int64 {
	if len(stalls) == 0 {
		return a.receiveP99
	}
	lags := make([]int64, 0, len(a.receiveLag))
	for _, r := range a.done {
		if r.ArrivedNs == 0 {
			continue
		}
		lag := r.DoneNs - r.ArrivedNs
		excused := slices.ContainsFunc(stalls, func(s stretch) bool {
			return lag*lagShare <= s.toNs-s.fromNs && touched(r, []stretch{s})
		})
		if !excused {
			lags = append(lags, lag)
		}
	}
	_, p99, _ := summary(lags)
	return p99
}

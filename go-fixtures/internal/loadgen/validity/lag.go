package validity

const (
	// lagGrantNs is lag that is always granted: below what a round trip on
	// loopback costs.
	lagGrantNs = 50_000
	// lagShare of the latency's median is granted as well: beside a latency of
	// 10 ms, a send that is 0.5 ms late distorts nothing that anyone reads.
	lagShare = 10
)

// lagReasons: the generator's own lateness, when sending and when reading.
// Waiting for a free connection is no lag: only the picking counts.
func lagReasons(a *arm) []Reason {
	limit := max(lagGrantNs, a.p50/lagShare)
	var reasons []Reason
	if a.sendP99 > limit {
		reasons = append(reasons, over("send-lag", ByGenerator, "send lag p99", a.sendP99, limit))
	}
	if a.receiveP99 > limit {
		reasons = append(reasons, over("receive-lag", ByGenerator, "receive lag p99", a.receiveP99, limit))
	}
	return reasons
}

package validity

const (
	// A read of the clock through the vDSO costs 20 to 60 ns; beyond 1 µs it is a
	// system call to a slow clock source, and every stamp holds it.
	clockReadLimitNs = 1_000
	// The kernel stamps replies in real time. If that was set or slewed against the
	// monotonic clock by more than 1 µs, receive lags are off by as much.
	clockStepLimitNs = 1_000
)

func clockReasons(in *Input) []Reason {
	var reasons []Reason
	if cost := in.Usage.ClockReadNs; cost > clockReadLimitNs {
		reasons = append(reasons, over("clock-read", ByHost, "the cost of reading the clock", cost, clockReadLimitNs))
	}
	if in.Usage.KernelStamps && !stampsUsable(in.Usage) {
		r := over("clock-step", ByHost, "the step of the real-time clock", absolute(in.Usage.ClockStepNs), clockStepLimitNs)
		r.Text += ": receive lag is unknown"
		reasons = append(reasons, r)
	}
	return reasons
}

// stampsUsable says whether DoneNs − ArrivedNs is the receive lag.
func stampsUsable(u Usage) bool {
	return u.KernelStamps && absolute(u.ClockStepNs) <= clockStepLimitNs
}

func absolute(x int64) int64 { return max(x, -x) }

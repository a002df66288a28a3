package truthproto

import "math"

// Kind names a distribution of service times.
type Kind string

const (
	// Fixed: every request takes Ns.
	Fixed Kind = "fixed"
	// Exponential: mean MeanNs, as in the queues whose quantiles are known in closed form.
	Exponential Kind = "exponential"
	// Bimodal: TailNs with probability TailShare, Ns otherwise.
	Bimodal Kind = "bimodal"
)

// Service is a distribution of service times. Fields that its Kind does not name are not read. All
// times are in ns, 0 … MaxServiceNs; of an exponential distribution that holds for the mean, and
// what exceeds MaxServiceNs is cut off there.
type Service struct {
	Kind      Kind
	Ns        int64
	MeanNs    int64
	TailNs    int64
	TailShare float64 // 0 … 1
}

// At returns the quantile of the distribution at (key + 1/2) / 2^32, in ns: keys drawn uniformly give
// service times of the distribution, and the same key always the same time. (The logarithm may
// differ in its last bit between architectures; a request carries its service time, so nothing
// depends on that.) The zero Service, and a Kind that is none of the above, give 0.
func (s Service) At(key uint32) int64 {
	switch s.Kind {
	case Fixed:
		return s.Ns
	case Exponential:
		// The upper tail comes from small numbers, where the logarithm is exact: 1 - u, not u.
		rest := (float64(math.MaxUint32-key) + 0.5) / (1 << 32)
		return min(int64(math.Round(-float64(s.MeanNs)*math.Log(rest))), MaxServiceNs)
	case Bimodal:
		if (float64(math.MaxUint32-key)+0.5)/(1<<32) < s.TailShare {
			return s.TailNs
		}
		return s.Ns
	}
	return 0
}

// Mean returns the mean of the distribution in ns, before it is cut off.
func (s Service) Mean() float64 {
	switch s.Kind {
	case Fixed:
		return float64(s.Ns)
	case Exponential:
		return float64(s.MeanNs)
	case Bimodal:
		return float64(s.Ns)*(1-s.TailShare) + float64(s.TailNs)*s.TailShare
	}
	return 0
}

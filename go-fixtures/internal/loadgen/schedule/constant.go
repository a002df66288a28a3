package schedule

import "time"

// constant spaces requests evenly: the first half a gap after the start, so that
// n gaps hold n requests and phases join without a doubled gap. Each time is
// computed from the number of the request, not from the one before: what is
// rounded off never adds up.
type constant struct {
	ratePerSec float64
	durationNs int64
	number     int64
}

func newConstant(c Config) *constant {
	return &constant{ratePerSec: c.RatePerSec, durationNs: int64(c.Duration)}
}

// at returns the time of request n ≥ 0, (2n+1)/2 gaps, rounded down to ns.
func (c *constant) at(n int64) int64 {
	return int64(float64(2*n+1) * float64(time.Second) / (2 * c.ratePerSec))
}

func (c *constant) next() (atNs int64, ok bool) {
	atNs = c.at(c.number)
	c.number++
	return atNs, atNs < c.durationNs
}

// count looks for the first request beyond the end next to where it must be.
func (c *constant) count() int64 {
	n := int64(c.ratePerSec * float64(c.durationNs) / float64(time.Second))
	for n > 0 && c.at(n-1) >= c.durationNs {
		n--
	}
	for c.at(n) < c.durationNs {
		n++
	}
	return n
}

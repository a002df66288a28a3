package schedule

import (
	"math"
	"time"
)

// countBits is the resolution in which ramp sums up its expected count: 2^-32 of
// a request.
const countBits = 32

// ramp is a Poisson process whose rate goes from one value to another. It is a
// process of rate 1 in the time Λ, the expected count so far, taken back to the
// clock by the inverse of Λ(t) = r₀t + (r₁−r₀)t²/2T (Çınlar, "Introduction to
// Stochastic Processes", 1975, chapter 4.7).
type ramp struct {
	draws      *generator
	expected   uint64 // Λ of the last arrival, in 2^-32
	from       float64
	slope      float64 // (r₁−r₀)/T, per s²
	durationNs int64
	lastNs     int64
}

func newRamp(c Config) *ramp {
	return &ramp{
		draws:      newGenerator(c.Seed, c.Phase, arrivalStream),
		from:       c.RatePerSec,
		slope:      (c.Arrivals.ToRatePerSec - c.RatePerSec) / (float64(c.Duration) / float64(time.Second)),
		durationNs: int64(c.Duration),
	}
}

func (r *ramp) next() (atNs int64, ok bool) {
	whole, fraction := r.draws.exponential()
	r.expected += whole<<countBits + fraction>>(64-countBits)
	seconds, ok := r.inverse(float64(float64(r.expected) / (1 << countBits)))
	if !ok {
		return 0, false
	}
	// The quotient may fall by its last bit where Λ rises by its own.
	r.lastNs = max(r.lastNs, int64(seconds*float64(time.Second)))
	return r.lastNs, r.lastNs < r.durationNs
}

// inverse returns when the expected count reaches a value, in s. The usual form
// of the root, (√(r₀²+2sΛ)−r₀)/s, loses its digits when the slope s is small. ok
// is false where a falling rate is 0 before the count is reached.
func (r *ramp) inverse(count float64) (seconds float64, ok bool) {
	square := float64(r.from*r.from) + float64(2*r.slope*count)
	if square < 0 {
		return 0, false
	}
	return 2 * count / (r.from + math.Sqrt(square)), true
}

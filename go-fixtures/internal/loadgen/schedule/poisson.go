package schedule

import (
	"math"
	"math/bits"
	"time"
)

// fractionBits is the resolution of the clock that sums up the gaps: 2^-20 ns,
// so that a rate whose mean gap is no whole number of ns is still met exactly.
const fractionBits = 20

// poisson is a Poisson process. The number of its arrivals is random too.
type poisson struct {
	draws   *generator
	meanGap uint64 // these three in 2^-20 ns
	at, end uint64
}

func newPoisson(c Config) *poisson {
	return poissonUntil(c, float64(time.Second)/c.RatePerSec, int64(c.Duration))
}

// poissonUntil has a mean gap and an end in ns.
func poissonUntil(c Config, meanGapNs float64, endNs int64) *poisson {
	return &poisson{
		draws:   newGenerator(c.Seed, c.Phase, arrivalStream),
		meanGap: uint64(math.Round(meanGapNs * (1 << fractionBits))),
		end:     uint64(endNs) << fractionBits,
	}
}

func (p *poisson) next() (atNs int64, ok bool) {
	whole, fraction := p.draws.exponential()
	part, _ := bits.Mul64(fraction, p.meanGap)
	p.at += whole*p.meanGap + part
	return int64(p.at >> fractionBits), p.at < p.end
}

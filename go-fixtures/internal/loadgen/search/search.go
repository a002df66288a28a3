// Package search finds the highest rate at which the p99 from the intended time
// stays within a limit (the SLO), with few and short probes.
//
// It is a pure state machine: it says which rate to probe next and for how long,
// is told what the probe saw, and at the end gives a rate with an interval. It
// reads no clock and draws no random number.
package search

import (
	"math"
	"time"
)

// Grade says whether the figures of a probe can be trusted.
type Grade string

const (
	Valid   Grade = "valid"
	Suspect Grade = "suspect"
	Invalid Grade = "invalid"
)

// Limit says what kept the rate from being higher.
type Limit string

const (
	// Server: above the rate the server exceeds the SLO.
	Server Limit = "server"
	// Generator: the SLO was met as far as the generator could send properly. The
	// server may be able to do more.
	Generator Limit = "generator"
	// Range: the SLO was met at the top of the range (the rate is that), or not
	// met at its bottom (there is no rate).
	Range Limit = "range"
	// Unstable: too few probes could be trusted, or they contradict each other.
	Unstable Limit = "unstable"
)

// Defaults of Config.
const (
	DefaultMaxProbes = 12
	DefaultProbe     = 5 * time.Second
)

// Config says what to look for, and what that may cost.
type Config struct {
	SLOP99Ns       int64         // > 0
	FromRatePerSec float64       // > 0; the first probe
	ToRatePerSec   float64       // ≥ FromRatePerSec; never exceeded
	MaxProbes      int           // 0 = DefaultMaxProbes
	Probe          time.Duration // typical length; 0 = DefaultProbe
	// MaxLoad bounds the lengths of all probes together; 0 = 1.5 × MaxProbes ×
	// Probe, which is 90 s by default.
	MaxLoad time.Duration
}

// Probe is what one stretch of load has shown.
type Probe struct {
	RatePerSec float64
	// Duration of the load; 0 = what Next asked for.
	Duration time.Duration
	// P99Ns from the intended time; 0 where nothing was completed.
	P99Ns int64
	// P99LowNs and P99HighNs are the ends of its 95 % interval; 0 = not known.
	P99LowNs, P99HighNs int64
	Completed           int64
	Grade               Grade
	// LimitedByGenerator: the generator could not send as planned, so that the
	// probe is no evidence about the server.
	LimitedByGenerator bool
	// Overloaded: the server's backlog grew until the end. Such a probe is an upper
	// bound whatever its grade, and nothing more: its p99 depends on its length.
	// It is also found from Completed, where that is less than was offered.
	Overloaded bool
}

// Result is the answer.
type Result struct {
	// RatePerSec is nil where no rate can be named. With Generator, and with Range
	// at the top, it is a lower bound.
	RatePerSec *float64
	// Interval is meant to hold the true rate in 95 of 100 searches; nil where the
	// rate is nil or a lower bound.
	Interval  *[2]float64
	LimitedBy Limit
	Probes    []Probe
}

const (
	// bracketShare of a probe's typical length is enough to see whether a rate is
	// far off.
	bracketShare = 0.4
	// longestShare bounds a probe that gets what earlier ones have left.
	longestShare = 3
	// clearly is how far p99 must be from the SLO for a probe to bound the answer
	// by itself: near saturation the p99 of a short probe is easily 30 % off.
	clearly = 2
	// fineEnough is the half-width, relative to the rate, at which probing ends.
	fineEnough = 0.0075
	// closeEnough is how near a rate that was sent properly must lie to one that
	// was not for the generator's limit to be found.
	closeEnough = 1.05
	// patience is the number of invalid probes in a row that end the search.
	patience = 4
)

// Search is a search in progress.
type Search struct {
	config Config
	probes []Probe
	spent  time.Duration
	asked  time.Duration // length of the probe at hand
}

// New begins a search.
func New(c Config) *Search {
	if c.MaxProbes == 0 {
		c.MaxProbes = DefaultMaxProbes
	}
	if c.Probe == 0 {
		c.Probe = DefaultProbe
	}
	if c.MaxLoad == 0 {
		c.MaxLoad = c.Probe * time.Duration(c.MaxProbes) * 3 / 2
	}
	return &Search{config: c}
}

// Next returns the rate to probe and for how long; ok is false when the search
// is over.
func (s *Search) Next() (ratePerSec float64, duration time.Duration, ok bool) {
	left := s.config.MaxProbes - len(s.probes)
	if left <= 0 || s.spent >= s.config.MaxLoad || s.invalidInARow() >= patience {
		return 0, 0, false
	}
	rate, bracketing, ok := s.nextRate()
	if !ok {
		return 0, 0, false
	}
	rest := s.config.MaxLoad - s.spent
	duration = min(max(rest/time.Duration(left), rest/4), s.config.Probe*longestShare)
	if bracketing {
		duration = min(duration, time.Duration(float64(s.config.Probe)*bracketShare))
	}
	// Whole milliseconds, as a spec would have them.
	s.asked = max(duration.Truncate(time.Millisecond), time.Millisecond)
	return rate, s.asked, true
}

// Add tells what the probe that Next asked for has shown.
func (s *Search) Add(p Probe) {
	if p.Duration == 0 {
		p.Duration = s.asked
	}
	s.spent += p.Duration
	s.probes = append(s.probes, p)
}

// nextRate decides where to look; bracketing where a rough look will do.
func (s *Search) nextRate() (rate float64, bracketing, ok bool) {
	c := &s.config
	b := s.bounds()
	switch {
	case b.failed == 0 && b.met == 0 && b.ceiling == 0:
		return c.FromRatePerSec, true, true
	case b.failed > 0:
		return s.refine(b)
	case b.ceiling > 0:
		// The generator's limit: nothing above is of use. Unless it was a mishap.
		if b.limited == 1 {
			return b.ceiling, true, true
		}
		if b.met == 0 {
			return 0, false, false
		}
		return math.Sqrt(b.met * b.ceiling), true, b.ceiling/b.met > closeEnough
	case b.met >= c.ToRatePerSec:
		// A short probe that met the SLO only just is repeated.
		return c.ToRatePerSec, false, b.clearlyMet < c.ToRatePerSec && s.count(c.ToRatePerSec) < 2
	}
	next := min(2*b.met, c.ToRatePerSec)
	if fit, ok := s.fit(); ok && fit.rate > b.met && fit.sd < 0.2*fit.rate {
		// A little above the forecast: a rate that fails is needed, though not one
		// that drowns the server.
		next = min(next, fit.rate*1.05)
	}
	return next, true, true
}

// refine looks where the model puts the answer, or halves the bracket where the
// model does not know.
func (s *Search) refine(b bounds) (rate float64, bracketing, ok bool) {
	c := &s.config
	low, high := b.clear(c)
	if b.met == 0 && b.failed <= c.FromRatePerSec {
		// Once is no evidence, unless it failed by far.
		if b.clearlyFailed == b.failed || s.count(c.FromRatePerSec) >= 3 {
			return 0, false, false
		}
		return c.FromRatePerSec, false, true
	}
	fit, fitted := s.fit()
	if !fitted || fit.sd > 0.25*fit.rate || fit.rate < low || fit.rate > high {
		if b.met > 0 && b.met < b.failed {
			low, high = b.met, b.failed
		}
		return math.Sqrt(low * high), high/low > 1.5, true
	}
	if 2*fit.sd < fineEnough*fit.rate && fit.near >= 4 {
		return 0, false, false
	}
	// Not always at the same place: the slope is needed too.
	goal := goals[fit.near%len(goals)]
	rate = fit.rate * (1 - min(max((goal-1)/fit.slope, -0.08), 0.08))
	return min(max(rate, low, c.FromRatePerSec), high, c.ToRatePerSec), fit.sd > 0.1*fit.rate, true
}

// goals are the values of SLO/p99 that refining probes aim at in turn.
var goals = []float64{1, 1.2, 0.9, 1.1, 1}

// Result returns what is known so far.
func (s *Search) Result() Result {
	r := Result{LimitedBy: Unstable, Probes: s.probes}
	b := s.bounds()
	switch {
	case b.met == 0 && b.failed == 0 && b.ceiling > 0:
		r.LimitedBy = Generator
	case b.met == 0 && b.failed == 0:
	case b.met == 0:
		if b.failed <= s.config.FromRatePerSec {
			r.LimitedBy = Range
		}
	case b.failed == 0 && b.met >= s.config.ToRatePerSec:
		r.LimitedBy, r.RatePerSec = Range, &b.met
	case b.failed == 0 && b.ceiling > 0:
		r.LimitedBy, r.RatePerSec = Generator, &b.met
	case b.failed > 0:
		s.crossing(&r, b)
	}
	return r
}

// crossing fills in the rate at which p99 crosses the SLO.
func (s *Search) crossing(r *Result, b bounds) {
	low, high := b.clear(&s.config)
	fit, ok := s.fit()
	if !ok {
		rate := math.Sqrt(low * high)
		r.LimitedBy, r.RatePerSec, r.Interval = Server, &rate, &[2]float64{low, high}
		return
	}
	if b.limited > 1 && fit.rate >= b.ceiling {
		r.LimitedBy, r.RatePerSec = Generator, &b.met
		return
	}
	rate := min(max(fit.rate, low), high)
	half := fit.quantile * fit.sd
	r.LimitedBy, r.RatePerSec = Server, &rate
	r.Interval = &[2]float64{max(min(rate, fit.rate-half), low), min(max(rate, fit.rate+half), high)}
}

// bounds are the extreme rates of each kind of probe; 0 = there is none.
type bounds struct {
	met, clearlyMet       float64 // greatest
	failed, clearlyFailed float64 // least
	// ceiling is the least rate that the generator could not send, of those above
	// met, and limited how many such probes there were.
	ceiling float64
	limited int
}

func (s *Search) bounds() bounds {
	var b bounds
	least := func(to *float64, rate float64) {
		if *to == 0 || rate < *to {
			*to = rate
		}
	}
	for _, p := range s.probes {
		ratio := float64(p.P99Ns) / float64(s.config.SLOP99Ns)
		switch s.evidence(p) {
		case upperBound:
			least(&b.failed, p.RatePerSec)
			least(&b.clearlyFailed, p.RatePerSec)
		case measured:
			if ratio > 1 {
				least(&b.failed, p.RatePerSec)
			} else {
				b.met = max(b.met, p.RatePerSec)
			}
			if ratio > clearly {
				least(&b.clearlyFailed, p.RatePerSec)
			} else if ratio < 1.0/clearly {
				b.clearlyMet = max(b.clearlyMet, p.RatePerSec)
			}
		}
	}
	for _, p := range s.probes {
		if s.evidence(p) == ceiling && p.RatePerSec > b.met {
			least(&b.ceiling, p.RatePerSec)
			b.limited++
		}
	}
	return b
}

// clear returns bounds that noise does not move. Where the clear cases
// contradict each other (a disturbance during one of them), neither counts.
func (b bounds) clear(c *Config) (low, high float64) {
	low, high = c.FromRatePerSec, c.ToRatePerSec
	if b.clearlyMet > 0 && b.clearlyFailed > 0 && b.clearlyMet >= b.clearlyFailed {
		return low, high
	}
	if b.clearlyMet > 0 {
		low = b.clearlyMet
	}
	if b.clearlyFailed > 0 {
		high = b.clearlyFailed
	}
	if b.limited > 1 && b.ceiling > low {
		high = min(high, b.ceiling)
	}
	return low, high
}

type evidence int

const (
	none evidence = iota
	measured
	upperBound
	ceiling
)

// evidence sorts a probe by what it tells about the server.
func (s *Search) evidence(p Probe) evidence {
	offered := p.RatePerSec * p.Duration.Seconds()
	switch {
	case p.LimitedByGenerator:
		return ceiling
	case p.Overloaded || p.Grade != Invalid && float64(p.Completed) < 0.99*offered-4*math.Sqrt(offered):
		return upperBound
	case p.Grade == Invalid || p.P99Ns <= 0 || p.Completed <= 0:
		return none
	}
	return measured
}

// count returns how many probes at a rate tell something about the server.
func (s *Search) count(ratePerSec float64) int {
	n := 0
	for _, p := range s.probes {
		if p.RatePerSec == ratePerSec && s.evidence(p) == measured {
			n++
		}
	}
	return n
}

func (s *Search) invalidInARow() int {
	count := 0
	for i := len(s.probes) - 1; i >= 0 && s.evidence(s.probes[i]) == none; i-- {
		count++
	}
	return count
}

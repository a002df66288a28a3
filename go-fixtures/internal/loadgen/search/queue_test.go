package search

import (
	"math"
	"math/rand/v2"
	"slices"
	"time"
)

// service is a distribution of service times with two values, or exponential.
type service struct {
	name      string
	ns        float64 // the short one, or the mean of the exponential
	tailNs    float64
	tailShare float64
	random    bool
}

var services = []service{
	{name: "M/M/1, 200 µs", ns: 200e3, random: true},
	{name: "M/D/1, 50 µs", ns: 50e3},
	{name: "bimodal, 100 µs and 10 % of 1 ms", ns: 100e3, tailNs: 1e6, tailShare: 0.1},
	{name: "bimodal, 100 µs and 1 % of 10 ms", ns: 100e3, tailNs: 10e6, tailShare: 0.01},
}

func (s service) mean() float64 { return s.ns*(1-s.tailShare) + s.tailNs*s.tailShare }

// capacity in requests per second.
func (s service) capacity() float64 { return 1e9 / s.mean() }

func (s service) draw(r *rand.Rand) float64 {
	if s.random {
		return s.ns * r.ExpFloat64()
	}
	if s.tailShare > 0 && r.Float64() < s.tailShare {
		return s.tailNs
	}
	return s.ns
}

// p99 is the analytic 99th percentile, in ns, of the time in the system at load
// rho: exact for M/M/1, else by Pollaczek and Khinchine: the wait is a geometric
// sum of residual service times, here on a lattice (Panjer's recursion).
func (s service) p99(rho float64) float64 {
	if s.random {
		return math.Log(100) * s.ns / (1 - rho)
	}
	const cells = 100
	h := s.ns / cells
	last := int(s.tailNs / h)
	// The residual's density is 1/mean up to ns and tailShare/mean up to tailNs. A
	// lattice point stands for the half cells on both its sides.
	a, b := h/s.mean()*(1-s.tailShare), 0.0
	if last > 0 {
		b = h / s.mean() * s.tailShare
	}
	g0 := (a + b) / 2
	wait := []float64{(1 - rho) / (1 - rho*g0)}
	sums := []float64{0, wait[0]} // sums[i] = wait[0] + … + wait[i-1]
	at := func(n int) float64 { return sums[min(max(n, 0), len(sums)-1)] }
	// box is the sum over j = 1 … w of wait[i-j], the last by half.
	box := func(i, w int) float64 { return at(i) - (at(i-w)+at(i-w+1))/2 }
	for i := 1; ; i++ {
		// P(time in the system <= i·h).
		if at(i+1-cells)*(1-s.tailShare)+at(i+1-last)*s.tailShare >= 0.99 {
			return float64(i) * h
		}
		mass := a * box(i, cells)
		if last > 0 {
			mass += b * box(i, last)
		}
		wait = append(wait, rho/(1-rho*g0)*mass)
		sums = append(sums, sums[i]+wait[i])
	}
}

// queue is a server with one queue, fed by Poisson arrivals.
type queue struct {
	service service
	random  *rand.Rand
	times   []float64
}

// probe offers a rate to the empty queue, by Lindley's recursion.
func (q *queue) probe(rate float64, d time.Duration) Probe {
	gap := 1e9 / rate
	end := float64(d.Nanoseconds())
	q.times = q.times[:0]
	free := 0.0
	for at := gap * q.random.ExpFloat64(); at < end; at += gap * q.random.ExpFloat64() {
		free = max(free, at) + q.service.draw(q.random)
		q.times = append(q.times, free-at)
	}
	p := Probe{RatePerSec: rate, Grade: Valid, Completed: int64(len(q.times))}
	if len(q.times) > 0 {
		p.P99Ns = int64(p99(q.times))
	}
	return p
}

// p99 is the value of rank 0.99·n, rounded up. Only the upper end is sorted.
func p99(times []float64) float64 {
	rank := (99*len(times) + 99) / 100
	var sample []float64
	for i := 0; i < len(times); i += 50 {
		sample = append(sample, times[i])
	}
	slices.Sort(sample)
	floor := sample[len(sample)*9/10]
	var upper []float64
	for _, t := range times {
		if t >= floor {
			upper = append(upper, t)
		}
	}
	if at := rank - 1 - (len(times) - len(upper)); at >= 0 {
		slices.Sort(upper)
		return upper[at]
	}
	slices.Sort(times)
	return times[rank-1]
}

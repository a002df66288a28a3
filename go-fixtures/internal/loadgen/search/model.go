package search

import (
	"math"
	"slices"
)

// The model: SLO/p99 falls linearly with the rate,
//
//	SLO/p99 = 1 − b·(rate/r − 1),
//
// and is 1 at the rate r that is looked for. For M/M/1 this is exact (the p99 of
// the time in the system is ln(100)/(μ−λ)), with b = ρ/(1−ρ) at r; for other
// queues quantiles grow as 1/(1−ρ) near saturation, so that it holds near r.
//
// Its sampling error: successive requests share their queue, so that the p99 of n
// of them is off by about errorPerRoot/((1−ρ)·√n) of itself, where 1/(1−ρ) is
// 1 + b. SLO/p99 is in turn proportional to 1−ρ, so that its error is about the
// same at all rates. How large it is for the server at hand is judged from the
// scatter of its probes.
const (
	// errorPerRoot is 4 for M/M/1 (2.5 to 5 at ρ 0.5 … 0.95), 3 for M/D/1, and
	// 10 for 99 % of 100 µs with 1 % of 10 ms, each found by simulation.
	errorPerRoot = 4.0
	// leastError of SLO/p99, however many requests there were.
	leastError = 0.01
	// curvature × e² is the error of the straight line where ln(SLO/p99) is e,
	// relative to SLO/p99 where that is above 1.
	curvature = 0.3
	// mostCorrected bounds the correction for the sampling error.
	mostCorrected = 0.4
	// tails of the errors are those of Student's t with about this many degrees of
	// freedom, so that one disturbed probe does not count for much.
	tails = 10.0
	// suspectWeight of a probe that is graded suspect.
	suspectWeight = 0.25
	// priorCount is how many probes the errors above are worth when the scatter of
	// the probes is judged.
	priorCount = 3.0
	// priorSlope and priorWidth describe b before the first probe, in logarithms:
	// ρ from 0.4 to 0.97 within two standard deviations.
	priorSlope = 4.5
	priorWidth = 1.0
	// leastSlope and mostSlope: ρ from 0.2 to 0.98.
	leastSlope, mostSlope, slopes = 0.3, 60, 81
)

// fit is what the probes say about the rate.
type fit struct {
	rate  float64 // where the line crosses the SLO
	sd    float64 // its standard deviation
	slope float64 // b
	near  int     // probes whose p99 is within a factor of 2 of the SLO
	// quantile is how many standard deviations make half a 95 % interval.
	quantile float64
}

// fit weighs all slopes by how well they go with the probes and with what is
// known of queues; ok is false where no line goes with any.
func (s *Search) fit() (f fit, ok bool) {
	points := s.points()
	measured := 0
	for _, p := range points {
		if !p.bound {
			measured++
			if max(p.y, 1/p.y) < 2 {
				f.near++
			}
		}
	}
	if measured == 0 {
		return fit{}, false
	}
	degrees := priorCount + float64(measured) - 1
	var sum, mean, squares, slope, informed float64
	best := math.Inf(-1)
	for step := range slopes {
		b := leastSlope * math.Pow(mostSlope/leastSlope, float64(step)/(slopes-1))
		l := layLine(points, b, 1)
		// Once more, now that it is known how much they scatter.
		l = layLine(points, b, (priorCount+l.scatter)/degrees)
		if l.inverse <= 0 {
			continue
		}
		z := math.Log(b/priorSlope) / priorWidth
		likelihood := l.precision - z*z/2 - degrees/2*math.Log(priorCount+l.scatter) - math.Log(l.curved)/2
		if likelihood > best {
			scale := math.Exp(best - likelihood)
			sum, mean, squares, slope, informed = sum*scale, mean*scale, squares*scale, slope*scale, informed*scale
			best = likelihood
		}
		w := math.Exp(likelihood - best)
		rate := -math.Log(l.inverse)
		variance := (priorCount + l.scatter) / degrees / l.curved / (l.inverse * l.inverse)
		sum += w
		mean += w * rate
		squares += w * (rate*rate + variance)
		slope += w * math.Log(b)
		informed += w * l.informed
	}
	if sum == 0 {
		return fit{}, false
	}
	mean /= sum
	f.rate = math.Exp(mean)
	f.sd = f.rate * math.Sqrt(max(squares/sum-mean*mean, 0))
	f.slope = math.Exp(slope / sum)
	// Points far from the SLO do not scatter, and say nothing about those near it.
	known := max(priorCount+informed/sum-1, 2)
	f.quantile = studentQuantile(known) * math.Sqrt(max(degrees/known, 1))
	return f, true
}

// studentQuantile is the 97.5 % quantile of Student's t, to 1 % from 3 degrees
// of freedom upwards.
func studentQuantile(degrees float64) float64 { return 1.96 + 2.4/(degrees-0.8) }

// point is a probe as the model sees it.
type point struct {
	x, y     float64 // rate, SLO/p99
	count    float64
	variance float64 // least one of y
	bend     float64 // variance from the line's not being straight
	bound    bool    // counts only where it lies below the line
}

// noise is the sampling variance of y if the slope is b.
func (p point) noise(b float64) float64 {
	own := errorPerRoot * (1 + b)
	return max(own*own/p.count, p.variance) + leastError*leastError
}

// weights are the inverse variances of a point that lies above or below the line.
// Beyond the SLO a point above it says little: the line falls to 0 and below,
// SLO/p99 does not.
func (p point) weights(b float64) (above, below float64) {
	above = 1 / (p.noise(b) + p.bend)
	below = above
	if p.y < 1 {
		below = 1 / p.noise(b)
	}
	if p.bound {
		above = 0
	}
	return above, below
}

// points are the probes that the line is laid through.
func (s *Search) points() []point {
	var points []point
	for _, probe := range s.probes {
		kind := s.evidence(probe)
		if kind != measured && kind != upperBound || probe.Completed <= 0 || probe.P99Ns <= 0 {
			continue
		}
		p := point{
			// What was really offered: a Poisson count differs from its mean, and the
			// p99 with it.
			x:     float64(probe.Completed) / probe.Duration.Seconds(),
			y:     float64(s.config.SLOP99Ns) / float64(probe.P99Ns),
			count: float64(probe.Completed),
			bound: kind == upperBound,
		}
		if p.bound {
			p.x = probe.RatePerSec
			if p.y > 1 {
				continue
			}
		}
		if probe.Grade == Suspect {
			p.count *= suspectWeight
		}
		if probe.P99LowNs > 0 && probe.P99HighNs > probe.P99LowNs {
			sd := math.Log(float64(probe.P99HighNs)/float64(probe.P99LowNs)) / (2 * 1.96) * p.y
			p.variance = sd * sd
		}
		distance := math.Log(p.y)
		p.bend = math.Pow(curvature*distance*distance*max(p.y, 1), 2)
		points = append(points, p)
	}
	return points
}

// line is the best one for a given slope.
type line struct {
	inverse   float64 // 1/r
	curved    float64 // half the second derivative of the sum of squares by 1/r
	scatter   float64 // the least sum of squares
	precision float64 // logarithm of the normalising constant of the errors
	informed  float64 // points that show the sampling error
}

// layLine finds 1/r by weighted least squares. Which points lie below the line
// depends on the line, so that it is laid several times.
func layLine(points []point, b, scale float64) line {
	points = slices.Clone(points)
	weights := make([]float64, len(points))
	var l line
	for i := range points {
		p := &points[i]
		// The mean of 1/p99 lies above the inverse of the mean p99 by the relative
		// variance.
		p.y *= math.Exp(-min(scale*p.noise(b), mostCorrected))
		weights[i], _ = p.weights(b)
		if weights[i] > 0 {
			l.precision += math.Log(weights[i]) / 2
			l.informed += p.noise(b) * weights[i]
		}
	}
	for range 4 {
		var xx, xy float64
		for i, p := range points {
			xx += weights[i] * p.x * p.x
			xy += weights[i] * p.x * (1 + b - p.y)
		}
		l.inverse, l.curved, l.scatter = xy/(b*xx), b*b*xx, 0
		for i, p := range points {
			residual := p.y - 1 + b*(p.x*l.inverse-1)
			l.scatter += weights[i] * residual * residual
			above, below := p.weights(b)
			weights[i] = above
			if residual < 0 {
				weights[i] = below
			}
			weights[i] *= 1 / (1 + weights[i]*residual*residual/(tails*max(scale, 1)))
		}
	}
	return l
}

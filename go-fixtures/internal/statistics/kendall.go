package statistics

import (
	"math"
	"slices"
)

// Trend returns the two-sided probability of Mann and Kendall that a sequence
// without a trend is as monotone as this one. Neighbours may resemble each other:
// the variance is widened by the correlation that is left in the ranks once the
// straight trend is taken out. It is 1 for fewer than four values and for equal
// ones. The time is quadratic in the number of values.
//
// H. B. Mann, Nonparametric tests against trend, Econometrica 13 (1945), 245–259;
// variance with ties: M. G. Kendall, Rank Correlation Methods (1975), section 4.4;
// correlation: K. H. Hamed and A. R. Rao, A modified Mann–Kendall trend test for
// autocorrelated data, J. Hydrol. 204 (1998), 182–196. Where they sum up all
// lags that are significant, this sums up those before the first one that is not
// positive (C. J. Geyer, Practical Markov chain Monte Carlo, Stat. Sci. 7 (1992),
// section 3.3): it never narrows the variance.
func Trend(values []int64) float64 {
	n := len(values)
	if n < 4 {
		return 1
	}
	score, variance := mannKendall(values)
	if variance == 0 {
		return 1
	}
	variance *= correlationFactor(values)
	// The score moves in steps of 2: half a step is the continuity correction.
	z := max(math.Abs(score)-1, 0) / math.Sqrt(variance)
	return 2 * NormalTail(z)
}

// mannKendall returns the score, the number of rising pairs less that of falling
// ones, and its variance for independent values.
func mannKendall(values []int64) (score, variance float64) {
	for i, x := range values {
		for _, y := range values[i+1:] {
			switch {
			case y > x:
				score++
			case y < x:
				score--
			}
		}
	}
	variance = pairVariance(len(values))
	sorted := slices.Sorted(slices.Values(values))
	for i := 0; i < len(sorted); {
		j := i
		for j < len(sorted) && sorted[j] == sorted[i] {
			j++
		}
		variance -= pairVariance(j - i)
		i = j
	}
	return score, variance
}

func pairVariance(n int) float64 {
	x := float64(n)
	return x * (x - 1) * (2*x + 5) / 18
}

// correlationFactor is by how much correlation of neighbours widens the variance
// of the score, ≥ 1.
func correlationFactor(values []int64) float64 {
	n := float64(len(values))
	ranks := ranksWithoutTrend(values)
	mean := (n + 1) / 2
	total := 0.0
	for _, r := range ranks {
		total += (r - mean) * (r - mean)
	}
	if total == 0 {
		return 1
	}
	sum := 0.0
	for lag := 1; lag <= len(values)-3; lag++ {
		product := 0.0
		for i := lag; i < len(ranks); i++ {
			product += (ranks[i] - mean) * (ranks[i-lag] - mean)
		}
		if product <= 0 {
			break
		}
		l := float64(lag)
		sum += (n - l) * (n - l - 1) * (n - l - 2) * product / total
	}
	return 1 + 2*sum/(n*(n-1)*(n-2))
}

// ranksWithoutTrend ranks, from 1, what is left above Sen's slope, the median of
// the slopes between all pairs; equal values share the middle of their ranks.
func ranksWithoutTrend(values []int64) []float64 {
	slopes := make([]float64, 0, len(values)*(len(values)-1)/2)
	for i, x := range values {
		for j := i + 1; j < len(values); j++ {
			slopes = append(slopes, float64(values[j]-x)/float64(j-i))
		}
	}
	slices.Sort(slopes)
	slope := (slopes[(len(slopes)-1)/2] + slopes[len(slopes)/2]) / 2
	rest := make([]float64, len(values))
	for i, x := range values {
		rest[i] = float64(x) - slope*float64(i)
	}
	sorted := slices.Sorted(slices.Values(rest))
	ranks := make([]float64, len(rest))
	for i, x := range rest {
		first, _ := slices.BinarySearch(sorted, x)
		last := first
		for last < len(sorted) && sorted[last] == x {
			last++
		}
		ranks[i] = float64(first+last+1) / 2
	}
	return ranks
}

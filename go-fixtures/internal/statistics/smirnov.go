package statistics

import "math"

// Smirnov returns the greatest distance between the empirical distribution
// functions of two samples, both sorted ascending: 0 … 1. Equal values are
// stepped over together, so ties make it smaller, never larger. With an empty
// sample it is 0.
//
// N. V. Smirnov, Table for estimating the goodness of fit of empirical
// distributions, Ann. Math. Stat. 19 (1948), 279–281.
func Smirnov(a, b []int64) float64 {
	if len(a) == 0 || len(b) == 0 {
		return 0
	}
	distance, i, j := 0.0, 0, 0
	for i < len(a) && j < len(b) {
		x := min(a[i], b[j])
		for i < len(a) && a[i] == x {
			i++
		}
		for j < len(b) && b[j] == x {
			j++
		}
		distance = max(distance, math.Abs(float64(i)/float64(len(a))-float64(j)/float64(len(b))))
	}
	return distance
}

// SmirnovProbability returns how likely a distance at least as great is for two
// samples of n and m independent values from one population. n and m may be
// effective sizes, hence fractions; with ties it errs towards 1. It is
// Kolmogorov's limit with the amendment for small samples of M. A. Stephens (Use
// of the Kolmogorov–Smirnov, Cramér–von Mises and related statistics without
// extensive tables, J. R. Stat. Soc. B 32 (1970), 115–122).
func SmirnovProbability(distance, n, m float64) float64 {
	if n <= 0 || m <= 0 {
		return 1
	}
	root := math.Sqrt(n * m / (n + m))
	return kolmogorovTail((root + 0.12 + 0.11/root) * distance)
}

// kolmogorovTail is 2 Σ (−1)^(k−1) exp(−2k²x²). Below 0.2 the sum is 1 to
// within 10⁻¹² and converges badly.
func kolmogorovTail(x float64) float64 {
	if x < 0.2 {
		return 1
	}
	sum, sign := 0.0, 1.0
	for k := 1.0; ; k++ {
		term := math.Exp(-2 * k * k * x * x)
		sum += sign * term
		if term <= 1e-17*math.Abs(sum) || term == 0 {
			break
		}
		sign = -sign
	}
	return min(max(2*sum, 0), 1)
}

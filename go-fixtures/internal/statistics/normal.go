package statistics

import "math"

// NormalTail returns the probability that a standard normal variable exceeds z:
// erfc(z/√2)/2 (Abramowitz and Stegun, 26.2.29). It stays exact in the far tail,
// where 1 − Φ(z) would be 0.
func NormalTail(z float64) float64 { return math.Erfc(z/math.Sqrt2) / 2 }

// TwoProportions returns the two-sided probability that shares as different as
// a of n and b of m come from one population, by the pooled normal approximation
// (Fleiss, Statistical Methods for Rates and Proportions, 1981, section 2.1,
// without its continuity correction). It is 1 where there is nothing to compare:
// n or m is 0, or the pooled share is 0 or 1.
func TwoProportions(a, n, b, m int) float64 {
	if n == 0 || m == 0 || a+b == 0 || a+b == n+m {
		return 1
	}
	pooled := float64(a+b) / float64(n+m)
	deviation := math.Sqrt(pooled * (1 - pooled) * (1/float64(n) + 1/float64(m)))
	z := math.Abs(float64(a)/float64(n)-float64(b)/float64(m)) / deviation
	return 2 * NormalTail(z)
}

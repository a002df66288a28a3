package statistics

import "math"

// Rank returns which of n sorted values, counted from 0, is their q-quantile:
// the smallest one that at least a share q of them does not exceed. n ≥ 1.
func Rank(n int, q float64) int {
	// The product may be a hair above a whole number that it should be.
	return min(max(int(math.Ceil(q*float64(n)-1e-9))-1, 0), n-1)
}

// Quantile returns the q-quantile of the values, of which there is at least one,
// and reorders them.
func Quantile(values []int64, q float64) int64 { return Select(values, Rank(len(values), q)) }

// Select returns the value that sorting would put at index k, and reorders the
// values so that it is there, none greater before it and none smaller behind.
// Expected linear time: C. A. R. Hoare, Algorithm 65: Find, Comm. ACM 4 (1961),
// 321–322, with the median of three as pivot.
func Select(values []int64, k int) int64 {
	low, high := 0, len(values)-1
	for low < high {
		pivot := medianOfThree(values[low], values[low+(high-low)/2], values[high])
		i, j := low, high
		for i <= j {
			for values[i] < pivot {
				i++
			}
			for values[j] > pivot {
				j--
			}
			if i <= j {
				values[i], values[j] = values[j], values[i]
				i++
				j--
			}
		}
		switch {
		case k <= j:
			high = j
		case k >= i:
			low = i
		default:
			return values[k]
		}
	}
	return values[k]
}

func medianOfThree(a, b, c int64) int64 {
	return max(min(a, b), min(max(a, b), c))
}

// QuantileInterval returns the indices from 0, low ≤ high, of the two among n
// sorted independent values between which the population's q-quantile lies with
// a probability of at least the given confidence, half of the rest on either
// side. It needs no distribution: the number of values below the quantile is
// binomial. ok is false where n values are too few to bound it on both sides.
//
// H. A. David and H. N. Nagaraja, Order Statistics (2003), section 7.1.
func QuantileInterval(n int, q, confidence float64) (low, high int, ok bool) {
	tail := (1 - confidence) / 2
	lower, upper := binomialQuantile(n, q, tail), binomialQuantile(n, q, 1-tail)
	if lower < 1 || upper >= n {
		return 0, 0, false
	}
	return lower - 1, upper, true
}

// binomialQuantile returns the smallest k with P(B ≤ k) ≥ p for B binomial of n
// trials with success q. It sums outwards from the mode, so that neither end of
// the distribution underflows for large n.
func binomialQuantile(n int, q, p float64) int {
	if n == 0 {
		return 0
	}
	mode := min(int(float64(n+1)*q), n)
	lg := func(x int) float64 { v, _ := math.Lgamma(float64(x) + 1); return v }
	atMode := math.Exp(lg(n) - lg(mode) - lg(n-mode) +
		float64(mode)*math.Log(q) + float64(n-mode)*math.Log1p(-q))
	odds := q / (1 - q)
	// P(B ≤ mode), and down to where it is negligible.
	const negligible = 1e-18
	sum, term, first := 0.0, atMode, mode
	for k := mode; k >= 0 && term > negligible; k-- {
		sum += term
		first = k
		term *= float64(k) / (float64(n-k+1) * odds)
	}
	if sum < p {
		term = atMode
		for k := mode; k < n; k++ {
			term *= float64(n-k) / float64(k+1) * odds
			sum += term
			if sum >= p || term <= negligible {
				return k + 1
			}
		}
		return n
	}
	// Take away from the top until the rest falls below p.
	term = atMode
	for k := mode; k > first; k-- {
		if sum-term < p {
			return k
		}
		sum -= term
		term *= float64(k) / (float64(n-k+1) * odds)
	}
	return first
}

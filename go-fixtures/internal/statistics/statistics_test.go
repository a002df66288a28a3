package statistics

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func near(t *testing.T, what string, got, want, relative float64) {
	t.Helper()
	if math.Abs(got-want) > relative*math.Abs(want) {
		t.Errorf("%s is %v, want %v", what, got, want)
	}
}

// Reference numbers: SciPy 1.17.1, stats.norm.sf.
func TestNormalTail(t *testing.T) {
	for z, want := range map[float64]float64{0: 0.5, 1.959963984540054: 0.025,
		5: 2.866515718791933e-07, 10: 7.61985302416047e-24} {
		near(t, "the tail", NormalTail(z), want, 1e-12)
	}
}

// SciPy 1.17.1, stats.chi2_contingency without correction: its statistic is z².
func TestTwoProportions(t *testing.T) {
	near(t, "200/10000 against 120/9000", TwoProportions(200, 10_000, 120, 9_000), 0.0003629025445668173, 1e-9)
	near(t, "7/50 against 1/60", TwoProportions(7, 50, 1, 60), 0.01312968107595755, 1e-9)
	for _, c := range [][4]int{{0, 0, 1, 2}, {0, 5, 0, 7}, {5, 5, 7, 7}} {
		if p := TwoProportions(c[0], c[1], c[2], c[3]); p != 1 {
			t.Errorf("nothing to compare in %v gives %v", c, p)
		}
	}
}

// SciPy 1.17.1: stats.ks_2samp for the distance, special.kolmogorov for the limit,
// stats.kstwo.sf for what the amended limit approximates.
func TestSmirnov(t *testing.T) {
	a, b := []int64{1, 2, 2, 3, 5, 8, 13}, []int64{2, 4, 4, 6, 8, 9, 20, 21}
	near(t, "the distance", Smirnov(a, b), 0.44642857142857145, 1e-12)
	near(t, "the distance the other way round", Smirnov(b, a), 0.44642857142857145, 1e-12)
	if Smirnov(a, a) != 0 || Smirnov(a, nil) != 0 || Smirnov([]int64{1}, []int64{2}) != 1 {
		t.Error("the distance is wrong at its ends")
	}
	for x, want := range map[float64]float64{0.3: 0.9999906941986655, 0.5: 0.9639452436648751,
		1: 0.26999967167735456, 1.5: 0.022217962616525127, 2.3: 5.083869303239775e-05} {
		near(t, "Kolmogorov's tail", kolmogorovTail(x), want, 1e-9)
	}
	near(t, "p of 0.2 for 300 and 300", SmirnovProbability(0.2, 300, 300), 9.805366045892556e-06, 0.05)
	near(t, "p of 0.3 for 50 and 80", SmirnovProbability(0.3, 50, 80), 0.0057017284219351705, 0.05)
	if SmirnovProbability(0, 10, 10) != 1 || SmirnovProbability(0.5, 0, 10) != 1 {
		t.Error("the probability is wrong at its ends")
	}
}

// pymannkendall 1.4.3, original_test: s and var_s; and p where the values do not
// resemble their neighbours (hamed_rao_modification_test agrees).
func TestTrend(t *testing.T) {
	rising := []int64{5, 6, 6, 7, 9, 8, 7, 8, 10, 12, 12, 11, 13, 13, 14, 12, 15, 16, 17, 16}
	digits := []int64{3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9, 3}
	for _, c := range []struct {
		values          []int64
		score, variance float64
	}{{rising, 162, 941.3333333333334}, {digits, 48, 481.3333333333333}} {
		score, variance := mannKendall(c.values)
		near(t, "the score", score, c.score, 0)
		near(t, "the variance", variance, c.variance, 1e-12)
	}
	near(t, "p of the digits", Trend(digits), 0.032171490663501334, 1e-9)
	if p := Trend(rising); p < 1e-7 || p > 1e-4 {
		t.Errorf("p of the rising sequence is %v", p)
	}
	reversed := slices.Clone(rising)
	slices.Reverse(reversed)
	near(t, "p backwards", Trend(reversed), Trend(rising), 1e-9)
	if Trend([]int64{1, 2, 3}) != 1 || Trend([]int64{7, 7, 7, 7, 7, 7}) != 1 {
		t.Error("nothing to decide must give 1")
	}
}

// A slow wander has no trend. Plain Mann–Kendall would call some 12 % of these
// sequences rising or falling, at a level of 1 %, this one 4 %: their score varies three times as
// much as that of independent values.
func TestTrendAllowsForCorrelation(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	const rounds = 1000
	found := 0
	for range rounds {
		values := make([]int64, 40)
		state := 0.0
		for i := range values {
			state = 0.5*state + random.NormFloat64()
			values[i] = int64(1000 * state)
		}
		if Trend(values) < 0.01 {
			found++
		}
	}
	if found > rounds*4/100 {
		t.Errorf("%d of %d wanders without a trend have one at a level of 1 %%", found, rounds)
	}
}

func TestSelectIsSorting(t *testing.T) {
	random := rand.New(rand.NewPCG(2, 2))
	for range 300 {
		values := make([]int64, 1+random.IntN(60))
		for i := range values {
			values[i] = random.Int64N(1 + random.Int64N(50))
		}
		sorted := slices.Sorted(slices.Values(values))
		k := random.IntN(len(values))
		if got := Select(values, k); got != sorted[k] {
			t.Fatalf("number %d of %v is %d", k, sorted, got)
		}
		slices.Sort(values)
		if !slices.Equal(values, sorted) {
			t.Fatal("values were lost")
		}
	}
}

func TestRank(t *testing.T) {
	for _, c := range []struct {
		n    int
		q    float64
		want int
	}{{1, 0.99, 0}, {100, 0.99, 98}, {101, 0.99, 99}, {1000, 0.99, 989}, {1000, 0.5, 499}, {3, 0, 0}, {3, 1, 2}} {
		if got := Rank(c.n, c.q); got != c.want {
			t.Errorf("the %v-quantile of %d values is number %d, want %d", c.q, c.n, got, c.want)
		}
	}
}

// SciPy 1.17.1: from binom.ppf(0.025, n, q) to binom.ppf(0.975, n, q) + 1,
// counted from 1. 368 = ⌈ln 0.025 / ln 0.99⌉ values are the fewest that bound p99.
func TestQuantileInterval(t *testing.T) {
	for _, c := range []struct {
		n         int
		q         float64
		low, high int // binom.ppf
	}{{20, 0.5, 6, 14}, {100, 0.5, 40, 60}, {59, 0.9, 48, 57}, {368, 0.99, 360, 367}, {369, 0.99, 361, 368},
		{500, 0.99, 490, 499}, {1000, 0.99, 983, 996}, {10_000, 0.99, 9880, 9919}, {1_000_000, 0.99, 989_805, 990_195}} {
		low, high, ok := QuantileInterval(c.n, c.q, 0.95)
		if !ok || low != c.low-1 || high != c.high {
			t.Errorf("n = %d, q = %v: %d … %d (%v), want %d … %d", c.n, c.q, low, high, ok, c.low-1, c.high)
		}
	}
	for _, n := range []int{0, 1, 30, 367} {
		if _, _, ok := QuantileInterval(n, 0.99, 0.95); ok {
			t.Errorf("%d values cannot bound p99", n)
		}
	}
}

// The interval must hold the true quantile in 95 % of all samples; it is a little
// too wide because ranks are whole numbers. 3 standard errors of 2000 rounds are 1.5 %.
func TestQuantileIntervalCoverage(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 3))
	const rounds, n = 2000, 1000
	truth := int64(-math.Log(0.01) * 1e9)
	held := 0
	values := make([]int64, n)
	for range rounds {
		for i := range values {
			values[i] = int64(random.ExpFloat64() * 1e9)
		}
		low, high, _ := QuantileInterval(n, 0.99, 0.95)
		slices.Sort(values)
		if values[low] <= truth && truth <= values[high] {
			held++
		}
	}
	if share := float64(held) / rounds; share < 0.935 || share > 0.985 {
		t.Errorf("the interval held the quantile in %.1f %% of the rounds", 100*share)
	}
}

// Each value repeated ten times makes a tenth as many values, by definition.
func TestShareInflation(t *testing.T) {
	random := rand.New(rand.NewPCG(4, 4))
	const n, repeat, batches = 1_000_000, 10, 1000
	independent, repeated, drifting := make([]int64, n), make([]int64, n), make([]int64, n)
	for i := range n {
		independent[i] = random.Int64N(1000)
		repeated[i] = independent[i/repeat*repeat]
		drifting[i] = independent[i] + int64(i)*100/n
	}
	near(t, "the inflation of independent values", ShareInflation(independent, 499, batches), 1, 0.15)
	near(t, "the inflation of repeated values", ShareInflation(repeated, 499, batches), repeat, 0.15)
	near(t, "the inflation beside a drift", ShareInflation(drifting, 499, batches), 1, 0.15)
	if ShareInflation(independent, -1, batches) != 1 || ShareInflation(independent[:5], 499, 6) != 1 {
		t.Error("nothing to decide must give 1")
	}
}

package schedule

import (
	"math"
	"slices"
	"testing"
	"time"
)

// The first outputs of the authors' C code, as other implementations publish them.
func TestGeneratorsGiveThePublishedSequences(t *testing.T) {
	mix := splitMix64(1234567)
	for i, want := range []uint64{6457827717110365317, 3203168211198807973, 9817491932198370423,
		4593380528125082431, 16408922859458223821} {
		if got := mix.next(); got != want {
			t.Errorf("splitmix64 output %d is %d, want %d", i, got, want)
		}
	}
	g := generator{[4]uint64{1, 2, 3, 4}}
	for i, want := range []uint64{41943041, 58720359, 3588806011781223, 3591011842654386,
		9228616714210784205, 9973669472204895162, 14011001112246962877, 12406186145184390807,
		15849039046786891736, 10450023813501588000} {
		if got := g.next(); got != want {
			t.Errorf("xoshiro256++ output %d is %d, want %d", i, got, want)
		}
	}
}

// Kolmogorov and Smirnov's distance to 1 − exp(−x). The seed is fixed, so the
// test cannot fail by chance; 1.95/√n is the limit at α = 0.001.
func TestExponentialHasItsDistribution(t *testing.T) {
	const n = 200_000
	g := newGenerator(1, 0, arrivalStream)
	samples := make([]float64, n)
	for i := range samples {
		whole, fraction := g.exponential()
		samples[i] = float64(whole) + float64(fraction)/(1<<64)
	}
	slices.Sort(samples)
	distance := 0.0
	for i, x := range samples {
		expected := 1 - math.Exp(-x)
		distance = max(distance, math.Abs(expected-float64(i)/n), math.Abs(expected-float64(i+1)/n))
	}
	if limit := 1.95 / math.Sqrt(n); distance > limit {
		t.Errorf("largest distance to the exponential distribution is %.5f, limit %.5f", distance, limit)
	}
}

func TestPoissonCountsHaveMeanAndVarianceOfTheRate(t *testing.T) {
	const rate, seconds = 1234.5, 400
	entries := Plan(Config{Seed: 7, RatePerSec: rate, Duration: seconds * time.Second, Arms: 1, Interleave: Request})
	var perSecond [seconds]float64
	last := int64(0)
	for _, e := range entries {
		if e.AtNs < last {
			t.Fatalf("entry at %d ns comes after one at %d ns", e.AtNs, last)
		}
		last = e.AtNs
		perSecond[e.AtNs/int64(time.Second)]++
	}
	var sum, squares float64
	for _, count := range perSecond {
		sum += count
		squares += (count - rate) * (count - rate)
	}
	// Four standard errors; the seed is fixed.
	if mean := sum / seconds; math.Abs(mean-rate) > 4*math.Sqrt(rate/seconds) {
		t.Errorf("mean count per second is %.2f, want about %.1f", mean, rate)
	}
	if ratio := squares / seconds / rate; math.Abs(ratio-1) > 4*math.Sqrt(2.0/seconds) {
		t.Errorf("variance of the count is %.3f of the mean, want about 1", ratio)
	}
}

// The golden hash pins the schedule for a seed: under another Go version,
// another architecture or after a change of this package it must stay.
func TestScheduleIsReproducible(t *testing.T) {
	config := Config{Seed: 12345, Phase: 1, RatePerSec: 4000, Duration: 5 * time.Second, Arms: 2,
		Interleave: Slice, SliceNs: 100e6, Keys: 16384}
	const want = "sha256:0803115cdbddad7ee6e94380463defb94399edc09368927b0e420806806c3978"
	if got := hashOf(config); got != want {
		t.Errorf("schedule hash is %s, want %s", got, want)
	}
	for name, other := range map[string]Config{
		"seed":  with(config, func(c *Config) { c.Seed++ }),
		"phase": with(config, func(c *Config) { c.Phase++ }),
		"rate":  with(config, func(c *Config) { c.RatePerSec += 0.001 }),
		"arms":  with(config, func(c *Config) { c.Arms++ }),
		"pages": with(config, func(c *Config) { c.Keys-- }),
		"slice": with(config, func(c *Config) { c.SliceNs += 1e6 }),
	} {
		if hashOf(other) == want {
			t.Errorf("another %s gives the same hash", name)
		}
	}
}

func TestArrivalsDoNotDependOnHowArmsShareThem(t *testing.T) {
	config := Config{Seed: 5, RatePerSec: 2000, Duration: time.Second, Arms: 2, Interleave: Slice, SliceNs: 50e6}
	slices := Plan(config)
	requests := Plan(with(config, func(c *Config) { c.Interleave = Request; c.Arms = 5; c.Keys = 10 }))
	if len(slices) != len(requests) {
		t.Fatalf("%d and %d entries", len(slices), len(requests))
	}
	for i := range slices {
		if slices[i].AtNs != requests[i].AtNs {
			t.Fatalf("entry %d is at %d and %d ns", i, slices[i].AtNs, requests[i].AtNs)
		}
	}
}

func TestSlicesLeaveAllArmsAloneEquallyLong(t *testing.T) {
	for _, test := range []struct {
		arms int
		want []uint16
	}{
		{1, []uint16{0, 0, 0}},
		{2, []uint16{0, 1, 1, 0, 0, 1, 1, 0}},
		{3, []uint16{0, 1, 2, 0, 1, 2, 0, 1, 2}},
	} {
		const slice = 20e6
		entries := Plan(Config{Seed: 3, RatePerSec: 5000, Arms: test.arms, Interleave: Slice, SliceNs: slice,
			Duration: time.Duration(len(test.want)) * slice})
		seen := make([]int, len(test.want))
		for _, e := range entries {
			index := e.AtNs / slice
			seen[index]++
			if e.Arm != test.want[index] {
				t.Fatalf("%d arms: slice %d goes to arm %d, want %d", test.arms, index, e.Arm, test.want[index])
			}
		}
		if slices.Contains(seen, 0) {
			t.Errorf("%d arms: requests per slice are %v, want some in each", test.arms, seen)
		}
	}
}

func TestRequestModeSharesArmsAndPagesEvenly(t *testing.T) {
	const arms, pages = 3, 7
	entries := Plan(Config{Seed: 11, RatePerSec: 50_000, Duration: time.Second, Arms: arms,
		Interleave: Request, Keys: pages})
	var counts [arms][pages]float64
	for _, e := range entries {
		counts[e.Arm][e.Key]++
	}
	expected := float64(len(entries)) / (arms * pages)
	for arm := range counts {
		for page, count := range counts[arm] {
			// Five standard deviations of the count; the seed is fixed.
			if math.Abs(count-expected) > 5*math.Sqrt(expected) {
				t.Errorf("arm %d page %d has %.0f requests, want about %.0f", arm, page, count, expected)
			}
		}
	}
}

func with(c Config, change func(*Config)) Config {
	change(&c)
	return c
}

func hashOf(c Config) string {
	h := NewHash()
	h.Add(Plan(c))
	return h.String()
}

func BenchmarkPoisson(b *testing.B) {
	b.ReportAllocs()
	entries := 0
	for b.Loop() {
		entries += len(Plan(Config{Seed: 1, RatePerSec: 20_000, Duration: time.Second, Arms: 2, Interleave: Request, Keys: 16384}))
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(entries), "ns/entry")
}

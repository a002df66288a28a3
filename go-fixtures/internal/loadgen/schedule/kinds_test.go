package schedule

import (
	"math"
	"slices"
	"testing"
	"time"
)

// allKinds are phases of every kind with a mean of 2,000/s over 10 s, but ramp
// with 2,500/s.
func allKinds() map[string]Config {
	base := Config{Seed: 12345, Phase: 1, RatePerSec: 2000, Duration: 10 * time.Second, Arms: 3, Interleave: Request, Keys: 100}
	recorded := make([]Recorded, 20_000)
	for i := range recorded {
		recorded[i] = Recorded{AtNs: int64(i) * 500_000, Arm: i%4 - 1, Key: int64(i%3 - 1)}
	}
	kinds := map[string]Config{}
	for _, arrivals := range []Arrivals{
		{Kind: Poisson},
		{Kind: Constant},
		{Kind: OnOff, OnNs: 30e6, OffNs: 70e6},
		{Kind: Ramp, ToRatePerSec: 3000},
		{Kind: Replay, Recorded: recorded},
	} {
		kinds[string(arrivals.Kind)] = with(base, func(c *Config) { c.Arrivals = arrivals })
	}
	return kinds
}

// The golden hashes pin every kind, as TestScheduleIsReproducible does Poisson.
func TestEveryKindIsReproducible(t *testing.T) {
	for name, want := range map[string]string{
		"poisson":  "sha256:12f59db58d5169987caa1075e2aba14b9e5a8260b08f175d1c6d0131416c03a9",
		"constant": "sha256:b86e11bb7de389f4f2714d269f180d8472c299226988c2f82021c0856986cb47",
		"on-off":   "sha256:74a23c4d387629d76a3cd64a1ccdfd2ca66370b73d007a668cdc9bf5ae905e64",
		"ramp":     "sha256:fe85ee2362fb683f2af85cc373520c212bf0932b6e89a51b467070dec4d786a5",
		"replay":   "sha256:8aa6eeafd4512f43ca1cabbae871d7e191276158007945bc943fcfe38a4014ce",
	} {
		if got := hashOf(allKinds()[name]); got != want {
			t.Errorf("%s: schedule hash is %s, want %s", name, got, want)
		}
	}
}

func TestTheZeroKindIsPoisson(t *testing.T) {
	poisson := allKinds()["poisson"]
	if hashOf(poisson) != hashOf(with(poisson, func(c *Config) { c.Arrivals = Arrivals{} })) {
		t.Error("a config without arrivals is not Poisson")
	}
}

func TestSchedulesAreSortedAndWithinThePhase(t *testing.T) {
	draws := newGenerator(99, 0, arrivalStream)
	for round := range 200 {
		for name, config := range allKinds() {
			c := with(config, func(c *Config) {
				c.Seed = draws.next()
				c.Phase = round
				c.RatePerSec = 1 + float64(draws.below(5_000_000))/1000
				c.Duration = time.Duration(1 + draws.below(300e6))
				c.Arms = 1 + int(draws.below(8))
				c.Keys = draws.below(1 << 32)
				c.Interleave = []Interleave{Slice, Request, Run}[draws.below(3)]
				c.SliceNs = int64(1 + draws.below(50e6))
				c.Arrivals.OnNs, c.Arrivals.OffNs = int64(1+draws.below(20e6)), int64(1+draws.below(20e6))
				c.Arrivals.ToRatePerSec = 1 + float64(draws.below(5_000_000))/1000
				for i, r := range c.Arrivals.Recorded {
					c.Arrivals.Recorded[i].Arm = min(r.Arm, c.Arms-1)
					c.Arrivals.Recorded[i].Key = -1
				}
			})
			last := int64(0)
			entries := Plan(c)
			for i, e := range entries {
				if e.AtNs < last || e.AtNs >= int64(c.Duration) || int(e.Arm) >= c.Arms || uint64(e.Key) >= max(1, c.Keys) {
					t.Fatalf("%s: entry %d is %+v after %d ns in %+v", name, i, e, last, c)
				}
				last = e.AtNs
			}
			mean, count := ExpectedCount(c), float64(len(entries))
			switch c.Arrivals.Kind {
			case Constant, Replay:
				if count != mean {
					t.Fatalf("%s: %v entries, want exactly %v", name, count, mean)
				}
			default:
				// Six standard deviations; the seed is fixed.
				if math.Abs(count-mean) > 6*math.Sqrt(mean)+6 {
					t.Fatalf("%s: %v entries, want about %v", name, count, mean)
				}
			}
		}
	}
}

func TestCountAndMeanGapOfEveryKind(t *testing.T) {
	for name, c := range allKinds() {
		want := 20_000.0
		if c.Arrivals.Kind == Ramp {
			want = 25_000
		}
		if mean := ExpectedCount(c); math.Abs(mean-want) > 1e-3 {
			t.Errorf("%s: expected count is %v, want %v", name, mean, want)
		}
		entries := Plan(c)
		// Four standard errors of the count; the seed is fixed.
		if tolerance := 4 * math.Sqrt(want); math.Abs(float64(len(entries))-want) > tolerance {
			t.Errorf("%s: %d entries, want %v ± %.0f", name, len(entries), want, tolerance)
		}
		gap := float64(entries[len(entries)-1].AtNs-entries[0].AtNs) / float64(len(entries)-1)
		wantGap := float64(c.Duration) / want
		if math.Abs(gap/wantGap-1) > 4/math.Sqrt(want) {
			t.Errorf("%s: mean gap is %.0f ns, want about %.0f ns", name, gap, wantGap)
		}
	}
}

func TestConstantNeverDrifts(t *testing.T) {
	for _, test := range []struct {
		rate     float64
		duration time.Duration
		count    int
	}{
		{1, 10 * time.Second, 10},
		{3, time.Second, 3},
		{4000, 5 * time.Second, 20_000},
		{333.25, 400 * time.Second, 133_300},
		{2_000_000, time.Second, 2_000_000},
		{0.1, 5 * time.Second, 0}, // the first would be due when the phase ends
		{0.1, 5*time.Second + 1, 1},
	} {
		c := Config{Arrivals: Arrivals{Kind: Constant}, RatePerSec: test.rate, Duration: test.duration, Arms: 1, Interleave: Request}
		entries := Plan(c)
		if len(entries) != test.count || ExpectedCount(c) != float64(test.count) {
			t.Errorf("%v/s: %d entries and %v expected, want %d", test.rate, len(entries), ExpectedCount(c), test.count)
		}
		gap := 1e9 / test.rate
		for n, e := range entries {
			// The last bit of a float64 of 400 s in ns is 2^-14.
			if off := float64(e.AtNs) - (float64(n)+0.5)*gap; off <= -1.001 || off > 0.001 {
				t.Fatalf("%v/s: request %d is at %d ns, %v ns off", test.rate, n, e.AtNs, off)
			}
		}
	}
	// Where the gap is a whole number of ns, every single one is exact.
	entries := Plan(Config{Arrivals: Arrivals{Kind: Constant}, RatePerSec: 20_000, Duration: 100 * time.Second, Arms: 1, Interleave: Request})
	for n, e := range entries {
		if e.AtNs != 25_000+int64(n)*50_000 {
			t.Fatalf("request %d is at %d ns", n, e.AtNs)
		}
	}
}

func TestOnOffIsSilentWhenOffAndHasTheMeanRate(t *testing.T) {
	c := allKinds()["on-off"]
	c.RatePerSec, c.Duration = 1000, 400*time.Second
	cycle := c.Arrivals.OnNs + c.Arrivals.OffNs
	entries := Plan(c)
	const bins = 10
	var perBin [bins]float64
	for _, e := range entries {
		within := e.AtNs % cycle
		if within >= c.Arrivals.OnNs {
			t.Fatalf("a request at %d ns, %d ns into an off-stretch", e.AtNs, within-c.Arrivals.OnNs)
		}
		perBin[within*bins/c.Arrivals.OnNs]++
	}
	want := c.RatePerSec * c.Duration.Seconds()
	if math.Abs(float64(len(entries))/want-1) > 0.01 { // six standard deviations of the count
		t.Errorf("%d requests, want %.0f", len(entries), want)
	}
	// Evenly within the on-stretch: five standard deviations; the seed is fixed.
	for i, count := range perBin {
		if math.Abs(count-want/bins) > 5*math.Sqrt(want/bins) {
			t.Errorf("tenth %d of the on-stretches has %.0f requests, want about %.0f", i, count, want/bins)
		}
	}
}

func TestOnOffThatEndsWithinACycle(t *testing.T) {
	c := Config{Seed: 1, RatePerSec: 1000, Duration: 1030 * time.Millisecond, Arms: 1, Interleave: Request,
		Arrivals: Arrivals{Kind: OnOff, OnNs: 50e6, OffNs: 50e6}}
	// Ten cycles with 100 each, and 30 ms at 2,000/s.
	if mean := ExpectedCount(c); math.Abs(mean-1060) > 1e-3 {
		t.Errorf("expected count is %v, want 1060", mean)
	}
	last := Plan(c)
	if at := last[len(last)-1].AtNs; at < 1000e6 || at >= 1030e6 {
		t.Errorf("the last request is at %d ns, want it in the last on-stretch", at)
	}
}

// The distance between the share of requests so far and the integral of the rate
// is Kolmogorov and Smirnov's, and must stay below 1 %; with n = 250,000 chance
// alone gives 1.63/√n = 0.33 % in one of a hundred cases. A constant rate would be
// 10 % off.
func TestRampFollowsTheIntegralOfItsRate(t *testing.T) {
	for _, ends := range [][2]float64{{2000, 3000}, {3000, 2000}, {1, 5000}, {5000, 1}, {2500, 2500}, {2500, 2500.001}} {
		from, to := ends[0], ends[1]
		const seconds = 100.0
		entries := Plan(Config{Seed: 8, RatePerSec: from, Duration: seconds * time.Second, Arms: 1, Interleave: Request,
			Arrivals: Arrivals{Kind: Ramp, ToRatePerSec: to}})
		total := (from + to) / 2 * seconds
		if math.Abs(float64(len(entries))-total) > 4*math.Sqrt(total) {
			t.Errorf("%v to %v: %d requests, want about %.0f", from, to, len(entries), total)
		}
		distance := 0.0
		for i, e := range entries {
			at := float64(e.AtNs) / 1e9
			share := (from*at + (to-from)*at*at/(2*seconds)) / total
			distance = max(distance, math.Abs(share-float64(i)/float64(len(entries))))
		}
		if distance > 0.01 {
			t.Errorf("%v to %v: cumulative count is %.4f off the integral, limit 0.01", from, to, distance)
		}
	}
}

// Each sequence stays as it is when another is not drawn or drawn otherwise.
func TestSequencesAreIndependent(t *testing.T) {
	times := func(e Entry) any { return e.AtNs }
	arms := func(e Entry) any { return e.Arm }
	keys := func(e Entry) any { return e.Key }
	for name, c := range allKinds() {
		for _, test := range []struct {
			name   string
			same   []func(Entry) any
			change func(*Config)
		}{
			{"other keys", []func(Entry) any{times, arms}, func(c *Config) { c.Keys = 7 }},
			{"no keys", []func(Entry) any{times, arms}, func(c *Config) { c.Keys = 0 }},
			{"more arms", []func(Entry) any{times, keys}, func(c *Config) { c.Arms = 9 }},
			{"slices", []func(Entry) any{times, keys}, func(c *Config) { c.Interleave, c.SliceNs = Slice, 10e6 }},
			{"runs", []func(Entry) any{times, keys}, func(c *Config) { c.Interleave = Run }},
		} {
			before, after := Plan(c), Plan(with(c, test.change))
			if slices.Equal(before, after) {
				t.Errorf("%s: %s change nothing", name, test.name)
			}
			for _, part := range test.same {
				if !slices.EqualFunc(before, after, func(a, b Entry) bool { return part(a) == part(b) }) {
					t.Errorf("%s: %s change another sequence", name, test.name)
				}
			}
		}
	}
}

func BenchmarkKinds(b *testing.B) {
	for name, c := range allKinds() {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			entries := 0
			for b.Loop() {
				entries += len(Plan(c))
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(entries), "ns/entry")
		})
	}
}

package validity

import (
	"math/rand/v2"
	"testing"
	"time"
)

// Every rate beyond what the server can take makes latency grow until the end.
func TestOverloadIsSeenAndIsTheServers(t *testing.T) {
	for seed := range uint64(100) {
		random := rand.New(rand.NewPCG(seed, 4))
		duration := logUniform(random, 0.5, 20)
		rate := logUniform(random, max(100, 2400/duration), 10_000)
		s := poissonLoad(seed, rate, time.Duration(duration*1e9))
		busy := 1.1 + random.Float64()
		var name string
		s.service, name = anyService(random, rate, busy)
		if random.IntN(2) == 0 {
			s.connections = 16
		}
		v := Judge(s.run())
		if v.Arms[0].Absolute != Suspect || blamed(v.Arms[0].Reasons) {
			t.Errorf("seed %d: %.0f/s for %.1f s, %s at %.2f: %+v", seed, rate, duration, name, busy, v.Arms[0].Reasons)
		}
	}
}

// A stall excuses what it causes, and no more.
func TestOverloadWithStallsIsSeen(t *testing.T) {
	s := poissonLoad(1, 5_000, 10*time.Second)
	s.service = fixed(260_000)
	s.stalls = []stretch{stretchAt(1, 50), stretchAt(4, 30)}
	if v := Judge(s.run()); v.Arms[0].Absolute != Suspect || blamed(v.Arms[0].Reasons) {
		t.Errorf("%+v", v.Arms[0])
	}
}

// The server begins at twice its service time and is warm after warmNs.
func warming(meanNs float64, warmNs int64) serviceModel {
	return func(random *rand.Rand, _ int, sinceNs int64) float64 {
		cold := max(0, 1-float64(sinceNs)/float64(warmNs))
		return meanNs * (1 + cold) * random.ExpFloat64()
	}
}

func TestWarmUpIsSeenAndCut(t *testing.T) {
	for seed := range uint64(30) {
		s := poissonLoad(seed, 2_000, 20*time.Second)
		const warmNs = 5_000_000_000
		s.service = func(random *rand.Rand, arm int, sinceNs int64) float64 {
			if sinceNs < warmNs {
				return 3 * 60_000 * random.ExpFloat64()
			}
			return 60_000 * random.ExpFloat64()
		}
		v := Judge(s.run()).Arms[0]
		if got := rules(v.Reasons); len(got) != 1 || got[0] != "warm-up" || v.Absolute != Suspect {
			t.Errorf("seed %d: %v", seed, v.Reasons)
			continue
		}
		// The rest may hold a little of the warm-up: less than it would notice.
		if v.WarmupCutNs < warmNs/2 || v.WarmupCutNs > warmNs*13/10 {
			t.Errorf("seed %d: the cut is at %s", seed, nsText(v.WarmupCutNs))
		}
	}
}

// A drift over the whole phase has no cut.
func TestADriftIsSeen(t *testing.T) {
	for seed := range uint64(30) {
		s := poissonLoad(seed, 2_000, 20*time.Second)
		s.service = warming(100_000, 20_000_000_000)
		v := Judge(s.run()).Arms[0]
		if v.Absolute != Suspect || blamed(v.Reasons) || v.WarmupCutNs != 0 {
			t.Errorf("seed %d: %+v", seed, v)
		}
	}
}

// Only the tail grows: one request in fifty takes longer and longer.
func TestADriftOfTheTailIsSeen(t *testing.T) {
	s := poissonLoad(1, 5_000, 20*time.Second)
	s.service = func(random *rand.Rand, _ int, sinceNs int64) float64 {
		if random.Float64() < 0.02 {
			return 200_000 + float64(sinceNs)/2e4
		}
		return 20_000
	}
	if got := rules(Judge(s.run()).Arms[0].Reasons); len(got) != 1 || got[0] != "p99-trend" {
		t.Errorf("reasons are %v", got)
	}
}

// A change of 1 % is significant at this number of requests, and a trifle.
func TestATrifleIsNoDrift(t *testing.T) {
	s := poissonLoad(1, 5_000, 20*time.Second)
	s.service = func(_ *rand.Rand, _ int, sinceNs int64) float64 { return 50_000 + float64(sinceNs)/4e7 }
	if v := Judge(s.run()).Arms[0]; v.Absolute != Valid {
		t.Errorf("%+v", v.Reasons)
	}
}

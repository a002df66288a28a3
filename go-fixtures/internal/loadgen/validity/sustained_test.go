package validity

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// onOff is on for the first of two halves, again and again.
func onOff(periodNs int64) func(int64) float64 {
	return func(sinceNs int64) float64 {
		if sinceNs%periodNs < periodNs/2 {
			return 1
		}
		return 0
	}
}

// rising goes from nothing to the full rate.
func rising(duration time.Duration) func(int64) float64 {
	return func(sinceNs int64) float64 { return float64(sinceNs) / float64(duration) }
}

// Everything completes in the end, though not at the rate that was offered.
func TestABacklogThatIsWorkedOffAfterTheEndIsSeen(t *testing.T) {
	const rate, duration = 10_000, 5 * time.Second
	for _, c := range []struct {
		name      string
		intensity func(int64) float64
		serviceNs float64
	}{
		// On the way to 1.3 times what the server can do.
		{"ramp", rising(duration), 130_000},
		// Of each second it takes 1.1 to do what came in its first half.
		{"on and off", onOff(1e9), 220_000},
		// Slower than the load from two thirds on.
		{"steady", nil, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			for seed := range uint64(10) {
				s := poissonLoad(seed, rate, duration)
				s.intensity, s.service = c.intensity, fixed(c.serviceNs)
				if c.serviceNs == 0 {
					s.service = slowerFrom(int64(3.4e9))
				}
				in := s.run()
				in.Varying = c.intensity != nil
				v := Judge(in).Arms[0]
				if !slices.Contains(rules(v.Reasons), "sustained") || blamed(v.Reasons) {
					t.Errorf("seed %d: %+v", seed, v.Reasons)
				}
			}
		})
	}
}

func slowerFrom(atNs int64) serviceModel {
	return func(_ *rand.Rand, _ int, sinceNs int64) float64 {
		if sinceNs > atNs {
			return 140_000
		}
		return 60_000
	}
}

// A queue near its capacity wanders far, and is no fault of anyone's.
func TestABusyServerKeepsUp(t *testing.T) {
	alarms := 0
	for seed := range uint64(200) {
		s := poissonLoad(seed, 2_000+8_000*float64(seed%2), time.Second)
		s.service = exponential(0.97e9 / s.rate)
		if slices.Contains(rules(Judge(s.run()).Arms[0].Reasons), "sustained") {
			alarms++
		}
	}
	if alarms > 1 {
		t.Errorf("%d of 200 phases at a utilisation of 0.97", alarms)
	}
}

// Who comes late to the last requests leaves no backlog at the server.
func TestALateGeneratorIsNoServerThatFallsBehind(t *testing.T) {
	for seed := range uint64(20) {
		s := poissonLoad(seed, 10_000, 2*time.Second)
		s.absences = []stretch{stretchAt(1.985, 14.9)}
		for _, r := range Judge(s.run()).Arms[0].Reasons {
			if r.Cause == ByServer {
				t.Errorf("seed %d: %s", seed, r.Text)
			}
		}
	}
}

// A server that keeps up has ups and downs with the load.
func TestALoadThatComesAndGoesIsValid(t *testing.T) {
	for seed := range uint64(60) {
		random := rand.New(rand.NewPCG(seed, 5))
		duration := logUniform(random, 1, 20)
		rate := logUniform(random, max(500, 6000/duration), min(20_000, 200_000/duration))
		s := poissonLoad(seed, rate, time.Duration(duration*1e9))
		// Up to what the server can do at the peak: each half is worked off in the other.
		var name string
		s.service, name = anyService(random, rate, 0.1+0.8*random.Float64())
		if s.intensity = rising(s.duration); random.IntN(2) == 0 {
			s.intensity = onOff(int64(duration * 1e9 / float64(2+random.IntN(10))))
		}
		in := s.run()
		in.Varying = true
		if v := Judge(in).Arms[0]; v.Absolute != Valid {
			t.Errorf("seed %d: %.0f/s for %.1f s, %s: %+v", seed, rate, duration, name, v.Reasons)
		}
	}
}

// After a stall, ten thousand replies come at once: reading them takes long, and
// is the server's doing.
func TestAFloodOfRepliesIsNotBlamedOnTheGenerator(t *testing.T) {
	for seed := range uint64(10) {
		s := poissonLoad(seed, 10_000, 5*time.Second)
		s.service = fixed(50_000)
		s.readCostNs = 5_000
		in := s.run()
		flood := stretch{in.StartNs + 2e9, in.StartNs + 3e9}
		readNs := flood.toNs
		for i := range in.Requests {
			r := &in.Requests[i]
			if r.ArrivedNs < flood.fromNs || r.PickedNs > flood.toNs {
				continue
			}
			in.InflightAreaNs[0] -= float64(r.DoneNs - r.SentNs)
			readNs += s.readCostNs
			r.ArrivedNs, r.DoneNs = max(r.ArrivedNs, flood.toNs), max(r.DoneNs, readNs)
			in.InflightAreaNs[0] += float64(r.DoneNs - r.SentNs)
		}
		if v := Judge(in).Arms[0]; v.Absolute != Valid {
			t.Errorf("seed %d: %+v", seed, v.Reasons)
		}
	}
}

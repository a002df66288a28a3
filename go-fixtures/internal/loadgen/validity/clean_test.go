package validity

import (
	"math/rand/v2"
	"testing"
	"time"
)

func TestCleanPhasesAreValid(t *testing.T) {
	const phases = 100
	alarms, paired := 0, 0
	for seed := range uint64(phases) {
		random := rand.New(rand.NewPCG(seed, 1))
		duration := logUniform(random, 0.3, 60)
		// At least 1,200 requests an arm, so that p99 has a tail; at most 300,000, for the test's sake.
		rate := logUniform(random, max(100, 2400/duration), min(20_000, 300_000/duration)+max(0, 2400/duration-100))
		s := poissonLoad(seed, rate, time.Duration(duration*1e9))
		s.arms = 1 + random.IntN(2)
		if random.IntN(2) == 0 {
			s.sliceNs = int64(logUniform(random, 50e6, 200e6))
		}
		busy := 0.05 + 0.85*random.Float64()
		var name string
		s.service, name = anyService(random, rate/float64(s.arms), busy)
		if s.sliceNs > 0 {
			s.service, name = anyService(random, rate, busy) // an arm has the whole rate in its slice
		}
		s.noStamps = random.IntN(4) == 0
		if random.IntN(2) == 0 {
			s.connections = 8
		}
		v := Judge(s.run())
		for _, arm := range v.Arms {
			if arm.Absolute != Valid {
				alarms++
				t.Logf("seed %d: %.0f/s for %.1f s, %s at %.2f, %d arms: %+v", seed, rate, duration, name, busy, s.arms, arm.Reasons)
				break
			}
		}
		if len(v.PairedReasons) > 0 {
			paired++
			t.Logf("seed %d: %.0f/s for %.1f s, %s at %.2f: %+v", seed, rate, duration, name, busy, v.PairedReasons)
		}
	}
	t.Logf("%d false alarms, %d of pairs, in %d clean phases", alarms, paired, phases)
	if alarms > 0 || paired > 0 {
		t.Errorf("%d false alarms, %d of pairs, in %d clean phases", alarms, paired, phases)
	}
}

// 60,000 sends a second, each of which keeps the generator busy for 8 µs: sends
// push each other, yet lag is within its limit.
func TestABusyGeneratorThatCopesIsValid(t *testing.T) {
	for seed := range uint64(5) {
		s := poissonLoad(seed, 60_000, 3*time.Second)
		s.sendCostNs, s.readCostNs = 8_000, 2_000
		s.service = fixed(4_000)
		in := s.run()
		v := Judge(in)
		if v.Arms[0].Absolute != Valid {
			t.Errorf("%+v", v.Arms[0].Reasons)
		}
	}
}

package validity

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// What a server does to its latency is the result, not a fault of the measurement.
func TestAPhaseInWhichTheServerStallsIsValid(t *testing.T) {
	for _, stallMs := range []float64{20, 100, 1000, 5000} {
		t.Run(fmt.Sprintf("%.0f ms", stallMs), func(t *testing.T) {
			for seed := range uint64(30) {
				random := rand.New(rand.NewPCG(seed, 3))
				duration := max(2, stallMs/1e3*1.5) + 20*random.Float64()
				rate := logUniform(random, 1200/duration+100, 10_000)
				s := poissonLoad(seed, rate, time.Duration(duration*1e9))
				s.service, _ = anyService(random, rate, 0.05+0.65*random.Float64())
				s.noStamps = random.IntN(3) == 0
				if random.IntN(2) == 0 {
					s.connections = 16
				}
				// Up to the very end of the schedule, and beyond.
				s.stalls = []stretch{stretchAt(random.Float64()*duration, stallMs)}
				if v := Judge(s.run()); v.Arms[0].Absolute != Valid {
					t.Errorf("seed %d: %.0f/s for %.1f s, stall at %s: %+v", seed, rate, duration, nsText(s.stalls[0].fromNs), v.Arms[0].Reasons)
				}
			}
		})
	}
}

func TestStallsOfBothArmsLeaveThePairValid(t *testing.T) {
	s := poissonLoad(1, 4_000, 10*time.Second)
	s.arms, s.sliceNs = 2, 100_000_000
	s.stalls = []stretch{stretchAt(3.02, 50), stretchAt(6, 1000)}
	v := Judge(s.run())
	if v.Paired != Valid || v.Arms[0].Absolute != Valid || v.Arms[1].Absolute != Valid {
		t.Errorf("%+v", v)
	}
}

// The stretch begins with the last reply before the stall and ends when the
// backlog is gone: at a utilisation of one half, twice the stall.
func TestAStallLastsUntilTheBacklogIsGone(t *testing.T) {
	s := poissonLoad(1, 10_000, 10*time.Second)
	s.service = fixed(50_000)
	s.stalls = []stretch{stretchAt(4, 500)}
	in := s.run()
	found := stalls(collect(&in)[0], &in)
	if len(found) != 1 {
		t.Fatalf("found %v", found)
	}
	from, to := float64(found[0].fromNs-in.StartNs)/1e9, float64(found[0].toNs-in.StartNs)/1e9
	if from < 3.99 || from > 4.001 || to < 4.9 || to > 5.1 {
		t.Errorf("the stall lasts from %.3f to %.3f s", from, to)
	}
}

// Each request takes longer than a stall is long: that is a slow server, not a stalled one.
func TestASlowServerDoesNotStall(t *testing.T) {
	s := poissonLoad(1, 20, 100*time.Second)
	s.service = fixed(30_000_000)
	in := s.run()
	if found := stalls(collect(&in)[0], &in); len(found) > 0 {
		t.Errorf("found %d stalls", len(found))
	}
}

package validity

import (
	"math/rand/v2"
	"testing"
	"time"
)

func pair(seed uint64, rate float64, duration time.Duration) simulation {
	s := poissonLoad(seed, rate, duration)
	s.arms, s.sliceNs = 2, 100_000_000
	s.service = exponential(100_000)
	return s
}

func TestOneArmHasNoPair(t *testing.T) {
	if v := Judge(poissonLoad(1, 2_000, time.Second).run()); v.Paired != "" || v.PairedReasons != nil {
		t.Errorf("%+v", v)
	}
}

// What hits all arms alike spoils the figures, not their ratio.
func TestASharedDisturbanceLeavesThePairValid(t *testing.T) {
	for name, disturb := range map[string]func(*simulation, *rand.Rand){
		"lag": func(s *simulation, _ *rand.Rand) { s.lateShare, s.lateNs = 0.05, 2_000_000 },
		"hog": func(s *simulation, random *rand.Rand) {
			for at := 0.0; at < s.duration.Seconds(); at += 0.02 * random.Float64() {
				s.absences = append(s.absences, stretchAt(at, 3))
				at += 0.003
			}
		},
		"stop, requests interleaved": func(s *simulation, random *rand.Rand) {
			s.sliceNs = 0
			s.absences = []stretch{stretchAt(9*random.Float64(), 100)}
		},
		"clock": func(s *simulation, _ *rand.Rand) { s.clockReadNs = 5_000 },
	} {
		t.Run(name, func(t *testing.T) {
			for seed := range uint64(20) {
				s := pair(seed, 4_000, 10*time.Second)
				disturb(&s, rand.New(rand.NewPCG(seed, 5)))
				v := Judge(s.run())
				if v.Paired != Valid || v.Arms[0].Absolute != Suspect || v.Arms[1].Absolute != Suspect {
					t.Errorf("seed %d: paired %s %+v, arms %s, %s", seed, v.Paired, v.PairedReasons, v.Arms[0].Absolute, v.Arms[1].Absolute)
				}
			}
		})
	}
}

func TestADisturbanceOfOneArmMakesThePairInvalid(t *testing.T) {
	for rule, disturb := range map[string]func(*simulation){
		"unequal-send-lag-p50": func(s *simulation) { s.lateArm, s.lateShare, s.lateNs = 1, 1, 40_000 },
		"unequal-send-lag-p99": func(s *simulation) { s.lateArm, s.lateShare, s.lateNs = 1, 0.02, 2_000_000 },
		// 40 ms of 5 s are too few for p99 of the lag to move, but not for p99 of the latency.
		"unequal-gap-p99": func(s *simulation) { s.absences = []stretch{stretchAt(3.11, 40)} },
		"arm-invalid":     func(s *simulation) { s.failShare = 0.01 },
	} {
		t.Run(rule, func(t *testing.T) {
			for seed := range uint64(20) {
				s := pair(seed, 4_000, 10*time.Second)
				disturb(&s)
				v := Judge(s.run())
				if v.Paired != Invalid || v.PairedReasons[0].Rule != rule {
					t.Errorf("seed %d: paired %s %+v", seed, v.Paired, v.PairedReasons)
				}
			}
		})
	}
}

// The same stop in a longer phase moves no quantile of the arm.
func TestAStopThatMovesNothingLeavesThePairValid(t *testing.T) {
	s := pair(1, 4_000, 60*time.Second)
	s.absences = []stretch{stretchAt(3.11, 40)}
	if v := Judge(s.run()); v.Paired != Valid || v.Arms[0].Absolute != Suspect {
		t.Errorf("%+v", v)
	}
}

func TestUnequalLossMakesThePairInvalid(t *testing.T) {
	s := pair(1, 4_000, 10*time.Second)
	in := s.run()
	all := collect(&in)
	all[0].done = all[0].done[:len(all[0].done)*998/1000]
	if got := rules(lossBalanceReasons(all)); len(got) != 1 || got[0] != "unequal-loss" {
		t.Errorf("reasons are %v", got)
	}
}

package validity

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// randomFault is a phase of any rate and length with a fault of the generator.
func randomFault(kind string, seed uint64) (simulation, string) {
	random := rand.New(rand.NewPCG(seed, 2))
	duration := logUniform(random, 0.3, 60)
	rate := logUniform(random, 100, min(20_000, 200_000/duration))
	s := poissonLoad(seed, rate, time.Duration(duration*1e9))
	s.service, _ = anyService(random, rate, 0.05+0.65*random.Float64())
	s.noStamps = random.IntN(3) == 0
	if random.IntN(2) == 0 {
		s.connections = 8
	}
	switch kind {
	case "stop":
		s.absences = []stretch{stretchAt(random.Float64()*(duration-0.1), 100)}
	case "hog":
		// The neighbour has the core for a scheduler's slice, again and again.
		s.preempted = true
		share := 0.05 + 0.45*random.Float64()
		for at := 0.0; at < duration; {
			gap := 0.003 * (0.5 + random.Float64())
			at += gap * (1 - share) / share * 2 * random.Float64()
			s.absences = append(s.absences, stretchAt(at, gap*1e3))
			at += gap
		}
	case "quota":
		// The group has used up its share of each period of 100 ms.
		away := 20 + 70*random.Float64()
		for at := 0.1 * random.Float64(); at < duration; at += 0.1 {
			s.absences = append(s.absences, stretchAt(at, away))
		}
	case "clock":
		s.clockReadNs = int64(logUniform(random, 1_100, 50_000))
		s.sendCostNs = 3_000 + 4*s.clockReadNs
	}
	return s, fmt.Sprintf("%s, seed %d: %.0f/s for %.2f s", kind, seed, rate, duration)
}

func TestFaultsInTheGeneratorAreSeen(t *testing.T) {
	for _, kind := range []string{"stop", "hog", "quota", "clock"} {
		t.Run(kind, func(t *testing.T) {
			const phases = 100
			missed := 0
			for seed := range uint64(phases) {
				s, what := randomFault(kind, seed)
				in := s.run()
				if kind == "hog" {
					in.Usage.LargestGapNs = 0 // each is too short for it: other rules have to see it
				}
				v := Judge(in)
				if v.Arms[0].Absolute == Valid || !blamed(v.Arms[0].Reasons) {
					missed++
					t.Errorf("%s: %d requests, p50 %s: %v", what, len(in.Requests), nsText(collect(&in)[0].p50), rules(v.Arms[0].Reasons))
				}
			}
			t.Logf("%d of %d missed", missed, phases)
		})
	}
}

// No request is due during the stop, and no reply comes: only the loop itself can tell.
func TestAStopInSilenceIsSeen(t *testing.T) {
	in := poissonLoad(1, 2_000, 2*time.Second).run()
	in.Usage.LargestGapNs = 90_000_000
	v := Judge(in)
	if got := rules(v.Arms[0].Reasons); len(got) != 1 || got[0] != "largest-gap" {
		t.Errorf("reasons are %v", got)
	}
}

// A stop is seen to be the generator's, also by the rules that blame servers.
func TestAStopOfTheGeneratorIsNotBlamedOnTheServer(t *testing.T) {
	for seed := range uint64(20) {
		s := poissonLoad(seed, 5_000, 5*time.Second)
		s.service = exponential(100_000)
		s.absences = []stretch{stretchAt(0.2*float64(seed), 100)}
		in := s.run()
		if found := stalls(collect(&in)[0], &in); len(found) > 0 {
			t.Errorf("a stopped generator makes stalls of the server: %v", found)
		}
		for _, r := range Judge(in).Arms[0].Reasons {
			if r.Cause == ByServer {
				t.Errorf("the server is blamed: %s", r.Text)
			}
		}
	}
}

// Where others took the processors, who changed the pace cannot be told; where nobody did, it was the server.
func TestAChangeOfPaceIsNotBlamedOnTheServerOfABusyHost(t *testing.T) {
	for _, took := range []int64{0, 500_000_000} {
		s := poissonLoad(1, 2_000, 20*time.Second)
		s.service = warming(200_000, 5_000_000_000)
		in := s.run()
		in.Usage.RunQueueNs = 25_000*in.Usage.VoluntarySwitches + took
		want := map[bool]Cause{false: ByServer, true: ByHost}[took > 0]
		pace := 0
		for _, r := range Judge(in).Arms[0].Reasons {
			if r.Rule == "run-queue" {
				continue
			}
			pace++
			if r.Cause != want {
				t.Errorf("%s is blamed on the %s, want %s: %s", r.Rule, r.Cause, want, r.Text)
			}
		}
		if pace == 0 {
			t.Error("the server that warms up is not seen")
		}
	}
}

// Milliseconds of a timer, beside a latency of 20 ms: lag alone lets it pass.
func TestBunchedSendsAreSeen(t *testing.T) {
	in := poissonLoad(1, 10_000, 2*time.Second).run()
	for i := range in.Requests {
		r := &in.Requests[i]
		const tick = 1_000_000
		r.PickedNs = (r.IntendedNs/tick + 1) * tick
		r.SentNs = r.PickedNs
		r.ArrivedNs, r.DoneNs = r.SentNs+20_000_000, r.SentNs+20_005_000
	}
	in.InflightAreaNs = nil
	in.EndNs += 30_000_000
	if got := rules(Judge(in).Arms[0].Reasons); len(got) != 1 || got[0] != "arrivals" {
		t.Errorf("reasons are %v", got)
	}
}

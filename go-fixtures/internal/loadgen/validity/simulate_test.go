package validity

import (
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"pollgate/go-fixtures/internal/loadgen/engine"
)

// simulation is an open-loop phase: Poisson arrivals, a generator on one thread,
// one single-threaded FIFO server for each arm. It makes the input data that a
// real phase would leave, with faults whose place is known.
type simulation struct {
	seed        uint64
	rate        float64 // over all arms
	duration    time.Duration
	arms        int
	sliceNs     int64 // 0: a random arm for each request
	connections int   // per arm; 0 = as many as wanted

	// intensity is the share of the rate, in [0, 1], at a time since the phase's start; nil = 1.
	intensity func(sinceNs int64) float64
	// service draws a service time at a time since the phase's start.
	service func(random *rand.Rand, arm int, sinceNs int64) float64
	// stalls of all servers, absences of the generator; ns since the phase's start, ascending.
	stalls, absences []stretch

	sendCostNs  int64   // of the generator, for each send; default 3 µs
	readCostNs  int64   // default 2 µs
	lateShare   float64 // of the picks that are late by up to lateNs
	lateNs      float64
	lateArm     int // -1 = all
	clockReadNs int64
	noStamps    bool
	failShare   float64 // of arm 0
	preempted   bool    // absences are a neighbour's turns on the core: the generator waits in the run queue
}

func poissonLoad(seed uint64, rate float64, duration time.Duration) simulation {
	return simulation{seed: seed, rate: rate, duration: duration, arms: 1, service: fixed(20_000), lateArm: -1}
}

type serviceModel = func(*rand.Rand, int, int64) float64

func fixed(ns float64) serviceModel {
	return func(*rand.Rand, int, int64) float64 { return ns }
}

func exponential(meanNs float64) serviceModel {
	return func(random *rand.Rand, _ int, _ int64) float64 { return meanNs * random.ExpFloat64() }
}

// bimodal: one request in a hundred takes a hundred times as long.
func bimodal(ns float64) serviceModel {
	return func(random *rand.Rand, _ int, _ int64) float64 {
		if random.Float64() < 0.01 {
			return 100 * ns
		}
		return ns
	}
}

const (
	simulatedStartNs = int64(1_000_000_000_000)
	wireNs           = 5_000
	longestSleepNs   = 10_000_000 // that the engine asks for
)

// after moves a time out of the stretches, and says by how much.
func after(atNs int64, stretches []stretch) int64 {
	i, _ := slices.BinarySearchFunc(stretches, atNs, func(s stretch, at int64) int {
		if s.toNs <= at {
			return -1
		}
		return 1
	})
	if i < len(stretches) && stretches[i].fromNs <= atNs {
		return stretches[i].toNs
	}
	return atNs
}

// work is when something is finished that needs a time outside of the stretches.
func work(fromNs, needNs int64, stretches []stretch) int64 {
	at := after(fromNs, stretches)
	for _, s := range stretches {
		if s.fromNs >= at && s.fromNs < at+needNs {
			needNs -= s.fromNs - at
			at = s.toNs
		}
	}
	return at + needNs
}

func (s simulation) run() Input {
	random := rand.New(rand.NewPCG(s.seed, 7))
	if s.sendCostNs == 0 {
		s.sendCostNs = 3_000
	}
	if s.readCostNs == 0 {
		s.readCostNs = 2_000
	}
	in := Input{Arms: []string{"a", "b", "c"}[:s.arms], StartNs: simulatedStartNs, Duration: s.duration,
		EndNs: simulatedStartNs + int64(s.duration), InflightAreaNs: make([]float64, s.arms)}
	var (
		sendFree   int64
		serverFree = make([]int64, s.arms)
		readFree   = make([]int64, s.arms) // replies of different arms do not wait for each other here
		done       = make([][]int64, s.arms)
	)
	for at := random.ExpFloat64() / s.rate; at < s.duration.Seconds(); at += random.ExpFloat64() / s.rate {
		intended := int64(at * 1e9)
		if s.intensity != nil && random.Float64() >= s.intensity(intended) {
			continue
		}
		arm := random.IntN(s.arms)
		if s.sliceNs > 0 {
			slice := int(intended / s.sliceNs % int64(2*s.arms))
			arm = min(slice, 2*s.arms-1-slice)
		}
		lag := int64(100 + 300*random.Float64())
		if random.Float64() < 0.005 {
			lag += int64(20_000 * random.Float64())
		}
		if (s.lateArm < 0 || s.lateArm == arm) && random.Float64() < s.lateShare {
			lag += int64(s.lateNs * random.Float64())
		}
		picked := max(after(intended+lag, s.absences), sendFree)
		sendFree = picked + s.sendCostNs
		sent, queued := picked, false
		if n := len(done[arm]); s.connections > 0 && n >= s.connections && done[arm][n-s.connections] > picked {
			sent, queued = done[arm][n-s.connections], true
		}
		begin := max(sent+wireNs, serverFree[arm])
		need := max(int64(s.service(random, arm, intended)*math.Exp(0.05*random.NormFloat64())), 1)
		serverFree[arm] = work(begin, need, s.stalls)
		arrived := serverFree[arm] + wireNs
		read := max(after(arrived+int64(3_000+4_000*random.Float64()), s.absences), readFree[arm])
		readFree[arm] = read + s.readCostNs
		done[arm] = append(done[arm], read)
		r := engine.Request{IntendedNs: simulatedStartNs + intended, Arm: uint16(arm), Outcome: engine.Completed, Queued: queued,
			PickedNs: simulatedStartNs + picked, SentNs: simulatedStartNs + sent,
			ArrivedNs: simulatedStartNs + arrived, DoneNs: simulatedStartNs + read}
		if s.noStamps {
			r.ArrivedNs = 0
		}
		if arm == 0 && random.Float64() < s.failShare {
			r.Outcome = engine.BadStatus
		}
		in.Requests = append(in.Requests, r)
		in.EndNs = max(in.EndNs, r.DoneNs)
		in.InflightAreaNs[arm] += float64(r.DoneNs-r.SentNs) * (1 + 1e-4)
	}
	n := int64(len(in.Requests))
	runQueueNs := n * 5_000
	if s.preempted {
		runQueueNs += s.waitedNs(in.Requests)
	}
	in.Usage = Usage{CPUNs: n * (s.sendCostNs + s.readCostNs), VoluntarySwitches: n / 2, InvoluntarySwitches: int64(20 * s.duration.Seconds()),
		RunQueueNs: runQueueNs, StealNs: 0, StealResolutionNs: 10_000_000, LargestGapNs: 300_000, ClockReadNs: max(s.clockReadNs, 40),
		ClockStepNs: 50, Threads: 1, KernelStamps: !s.noStamps}
	for _, gap := range s.absences {
		// A sleep that had been asked for may hide the beginning.
		in.Usage.LargestGapNs = max(in.Usage.LargestGapNs, gap.toNs-gap.fromNs-int64(random.Float64()*float64(longestSleepNs)))
	}
	return in
}

// waitedNs sums up, over the absences, how long the first send that was due waited.
func (s simulation) waitedNs(requests []engine.Request) int64 {
	sum, end := int64(0), int64(0)
	for i := range requests {
		due := requests[i].IntendedNs - simulatedStartNs
		if back := after(due, s.absences); back > max(due, end) {
			sum += back - due
			end = back
		}
	}
	return sum
}

// logUniform is spread evenly over the orders of magnitude.
func logUniform(random *rand.Rand, low, high float64) float64 {
	return low * math.Exp(random.Float64()*math.Log(high/low))
}

// anyService has a mean that makes a server of the rate busy to the given share.
func anyService(random *rand.Rand, rate, busy float64) (serviceModel, string) {
	mean := busy / rate * 1e9
	switch random.IntN(3) {
	case 0:
		return fixed(mean), "fixed"
	case 1:
		return exponential(mean), "exponential"
	default:
		return bimodal(mean / 1.99), "bimodal"
	}
}

// stretchAt begins after so many seconds and lasts so many milliseconds.
func stretchAt(s, ms float64) stretch {
	from := int64(s * 1e9)
	return stretch{from, from + int64(ms*1e6)}
}

func rules(reasons []Reason) []string {
	var names []string
	for _, r := range reasons {
		names = append(names, r.Rule)
	}
	return names
}

// blamed says whether the generator or its host is a cause.
func blamed(reasons []Reason) bool {
	return slices.ContainsFunc(reasons, func(r Reason) bool { return r.Cause == ByGenerator || r.Cause == ByHost })
}

package oracle

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestLindleyByHand(t *testing.T) {
	for _, test := range []struct {
		name                       string
		arrivals, occupancy, begin []int64
	}{
		{"none", nil, nil, []int64{}},
		{"one", []int64{5}, []int64{3}, []int64{5}},
		{"never busy", []int64{0, 10, 20}, []int64{10, 9, 1}, []int64{0, 10, 20}},
		{"queue grows and drains", []int64{0, 1, 2, 30, 31}, []int64{10, 5, 5, 3, 1}, []int64{0, 10, 15, 30, 33}},
		{"all at once", []int64{7, 7, 7}, []int64{2, 0, 4}, []int64{7, 9, 9}},
		{"order of service is not that of arrival", []int64{10, 0, 12}, []int64{5, 5, 5}, []int64{10, 15, 20}},
	} {
		if got := Lindley(test.arrivals, test.occupancy); !slices.Equal(got, test.begin) {
			t.Errorf("%s: begins at %v, want %v", test.name, got, test.begin)
		}
	}
}

// tick simulates the server one ns after the other: a queue, and at most one
// request in service.
func tick(arrivals, occupancy []int64) (begins []int64) {
	begins = make([]int64, len(arrivals))
	next, queue, freeAt := 0, []int(nil), int64(0)
	for now, begun := int64(0), 0; begun < len(arrivals); now++ {
		for ; next < len(arrivals) && arrivals[next] == now; next++ {
			queue = append(queue, next)
		}
		for now >= freeAt && len(queue) > 0 {
			begins[queue[0]], freeAt = now, now+occupancy[queue[0]]
			queue = queue[1:]
			begun++
		}
	}
	return begins
}

func TestLindleyIsWhatATickByTickSimulationDoes(t *testing.T) {
	for seed := range uint64(300) {
		random := rand.New(rand.NewPCG(seed, 1))
		n := 1 + random.IntN(60)
		arrivals, occupancy := make([]int64, n), make([]int64, n)
		longest := 1 + random.Int64N(40) // below and above the mean gap of 20
		for i := range n {
			if occupancy[i] = random.Int64N(longest); i > 0 {
				arrivals[i] = arrivals[i-1] + random.Int64N(41)
			}
		}
		if got, want := Lindley(arrivals, occupancy), tick(arrivals, occupancy); !slices.Equal(got, want) {
			t.Fatalf("seed %d: begins at %v, want %v", seed, got, want)
		}
	}
}

// queue runs n Poisson arrivals at utilisation rho through Lindley.
func queue(seed uint64, n int, meanServiceNs, rho float64, service func(*rand.Rand) float64) (latencies []int64) {
	random := rand.New(rand.NewPCG(seed, 2))
	arrivals, occupancy := make([]int64, n), make([]int64, n)
	at := 0.0
	for i := range n {
		at += random.ExpFloat64() * meanServiceNs / rho
		arrivals[i], occupancy[i] = int64(at), int64(service(random))
	}
	latencies = Lindley(arrivals, occupancy)
	for i := range latencies {
		latencies[i] += occupancy[i] - arrivals[i]
	}
	return latencies
}

// The tolerances are those of the sample: n is large, and latencies in a queue
// are correlated over about 1/(1-rho)² requests.
func TestLongRunsApproachTheClosedForms(t *testing.T) {
	const n, service = 400_000, 200_000.0
	for _, rho := range []float64{0.1, 0.4, 0.7} {
		tolerance := 0.015 / (1 - rho)
		near := func(name string, got, want float64) {
			if math.Abs(got-want) > tolerance*want {
				t.Errorf("rho %.1f: %s is %.0f, the formula says %.0f", rho, name, got, want)
			}
		}
		s := Summarize(queue(1, n, service, rho, func(r *rand.Rand) float64 { return r.ExpFloat64() * service }))
		near("M/M/1 mean", s.MeanNs, service/(1-rho))
		near("M/M/1 p50", float64(s.P50Ns), MM1Quantile(0.5, service, rho))
		near("M/M/1 p90", float64(s.P90Ns), MM1Quantile(0.9, service, rho))
		near("M/M/1 p99", float64(s.P99Ns), MM1Quantile(0.99, service, rho))
		s = Summarize(queue(2, n, service, rho, func(*rand.Rand) float64 { return service }))
		near("M/D/1 mean", s.MeanNs, MD1Mean(service, rho))
	}
}

func TestLongBimodalRunApproachesPollaczekKhinchine(t *testing.T) {
	const short, long, share, rho = 100_000.0, 10_000_000.0, 0.01, 0.4
	mean := short*(1-share) + long*share
	square := short*short*(1-share) + long*long*share
	s := Summarize(queue(3, 2_000_000, mean, rho, func(r *rand.Rand) float64 {
		if r.Float64() < share {
			return long
		}
		return short
	}))
	if want := MG1Mean(rho/mean, mean, square); math.Abs(s.MeanNs-want) > 0.05*want {
		t.Errorf("mean %.0f, the formula says %.0f", s.MeanNs, want)
	}
}

func TestClosedFormsByHand(t *testing.T) {
	for _, test := range []struct {
		name      string
		got, want float64
	}{
		{"M/M/1 median, empty", MM1Quantile(0.5, 100, 0), 100 * math.Ln2},
		{"M/M/1 p99 at 0.4", MM1Quantile(0.99, 200, 0.4), 200 / 0.6 * math.Log(100)},
		{"M/M/1 as M/G/1", MG1Mean(0.5/200, 200, 2*200*200), 400},
		{"M/D/1 at 0.5", MD1Mean(200, 0.5), 300},
		{"M/D/1, empty", MD1Mean(200, 0), 200},
	} {
		if math.Abs(test.got-test.want) > 1e-9*test.want {
			t.Errorf("%s: %v, want %v", test.name, test.got, test.want)
		}
	}
}

func TestStallByHand(t *testing.T) {
	// Half used: a stall of 1 s delays the arrivals of 2 s, a fifth of 10 s.
	s := Stall{DurationNs: 1e9, Utilisation: 0.5, RunNs: 10e9, RestNs: 5e9}
	// The run ends 1 s after the stall began, with half of the pile left.
	cut := Stall{DurationNs: 1e9, Utilisation: 0.5, RunNs: 10e9, RestNs: 1e9}
	full := Stall{DurationNs: 1e9, Utilisation: 1, RunNs: 10e9, RestNs: 5e9}
	for _, test := range []struct {
		name      string
		got, want float64
	}{
		{"share", s.Share(), 0.2},
		{"p50", s.Quantile(0.5), 0},
		{"p80", s.Quantile(0.8), 0},
		{"p90", s.Quantile(0.9), 0.5e9},
		{"p99", s.Quantile(0.99), 0.95e9},
		{"max", s.Quantile(1), 1e9},
		{"cut, share", cut.Share(), 0.1},
		{"cut, p95", cut.Quantile(0.95), 0.75e9},
		{"cut, max", cut.Quantile(1), 1e9},
		{"full, share", full.Share(), 0.5},
		{"full, p75", full.Quantile(0.75), 1e9},
		{"none", Stall{RunNs: 1, RestNs: 1}.Quantile(0.99), 0},
	} {
		if math.Abs(test.got-test.want) > 1e-6*math.Max(test.want, 1) {
			t.Errorf("%s: %v, want %v", test.name, test.got, test.want)
		}
	}
}

// A second check on both: the flow formula against the recursion with a stall in it.
func TestStallIsWhatLindleyMakesOfASteadyFlow(t *testing.T) {
	const n, gap, service, stall = 10_000, 100_000, 30_000, 200_000_000
	arrivals, occupancy := make([]int64, n), make([]int64, n)
	for i := range n {
		arrivals[i], occupancy[i] = int64(i)*gap, service
	}
	const at = n / 4
	occupancy[at] = stall
	waits := Lindley(arrivals, occupancy)
	for i := range waits {
		waits[i] -= arrivals[i]
	}
	s := Stall{DurationNs: stall, Utilisation: float64(service) / gap, RunNs: n * gap, RestNs: (n - at) * gap}
	summary := Summarize(waits)
	for _, q := range []struct {
		q   float64
		got int64
	}{{0.5, summary.P50Ns}, {0.9, summary.P90Ns}, {0.99, summary.P99Ns}, {0.999, summary.P999Ns}} {
		// One request more or less in the pile is a gap or a service time.
		if want := s.Quantile(q.q); math.Abs(float64(q.got)-want) > 2*gap {
			t.Errorf("q %v: waits %d, the formula says %.0f", q.q, q.got, want)
		}
	}
}

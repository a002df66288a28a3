package oracle

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

// world is a truthd and a network without noise, and a generator that may be late.
type world struct {
	toServerNs, toClientNs int64
	writeNs, turnaroundNs  int64 // of the server: the write of a reply, and then its loop
}

// run returns what becomes of requests with intended times, in the order of sending.
func (w world) run(intended, lateness, service []int64) []Request {
	requests := make([]Request, len(intended))
	freed := int64(0)
	for i := range requests {
		r := &requests[i]
		r.IntendedNs, r.SentNs = intended[i], intended[i]+lateness[i]
		r.BeganNs, r.PreviousFreedNs = r.SentNs+w.toServerNs, freed
		if i > 0 {
			r.BeganNs = max(r.BeganNs, freed+w.turnaroundNs)
		}
		r.WroteNs = r.BeganNs + service[i]
		r.DoneNs = r.WroteNs + w.toClientNs
		freed = r.WroteNs + w.writeNs
	}
	return requests
}

func evaluate(t *testing.T, requests []Request) Report {
	t.Helper()
	report, err := Evaluate(requests)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func TestEvaluateByHand(t *testing.T) {
	// The second request waits for the first, the third for nobody; the generator sent
	// it 39 late, and every byte takes 5 to the server and 7 back.
	w := world{toServerNs: 5, toClientNs: 7, writeNs: 2, turnaroundNs: 3}
	requests := w.run([]int64{1000, 1010, 2000}, []int64{0, 0, 39}, []int64{100, 50, 61})
	got := evaluate(t, requests)
	// Begins: 1000; 1000+100+2+3 = 1105; 2000. Latencies: 100, 1155-1010 = 145, 61.
	want := Report{
		Expected: Summary{Count: 3, MeanNs: 102, MinNs: 61, P50Ns: 100, P90Ns: 145, P99Ns: 145, P999Ns: 145, MaxNs: 145},
		// 12 more for each, and 39 for the last.
		Measured:       Summary{Count: 3, MeanNs: 127, MinNs: 112, P50Ns: 112, P90Ns: 157, P99Ns: 157, P999Ns: 157, MaxNs: 157},
		QuantileErrors: Errors{MeanNs: 25, P50Ns: 12, P90Ns: 12, P99Ns: 12, P999Ns: 12},
		RequestErrors:  Summary{Count: 3, MeanNs: 25, MinNs: 12, P50Ns: 12, P90Ns: 51, P99Ns: 51, P999Ns: 51, MaxNs: 51},
		Utilisation:    (105.0 + 55.0) / 1000.0,
		PathNs:         5,
		TurnaroundNs:   3,
	}
	if got != want {
		t.Errorf("got\n%+v, want\n%+v", got, want)
	}
	// In any order.
	requests[0], requests[2] = requests[2], requests[0]
	if shuffled := evaluate(t, requests); shuffled != want {
		t.Errorf("in another order: got\n%+v, want\n%+v", shuffled, want)
	}
}

// A generator without error must be told so, whatever the load: with a network of
// constant delay, every request's error is that delay, to the ns.
func TestAPerfectGeneratorHasNoError(t *testing.T) {
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(seed, 3))
		w := world{
			toServerNs:   2_000 + random.Int64N(10_000),
			toClientNs:   random.Int64N(10_000),
			writeNs:      random.Int64N(5_000),
			turnaroundNs: random.Int64N(2_000),
		}
		rho := 0.05 + 1.2*random.Float64() // up to overload
		const n, service = 300, 50_000
		intended, late, services := make([]int64, n), make([]int64, n), make([]int64, n)
		at := int64(1_000_000)
		for i := range n {
			at += int64(random.ExpFloat64() * service / rho)
			intended[i], services[i] = at, int64(random.ExpFloat64()*service)
		}
		report := evaluate(t, w.run(intended, late, services))
		if want := w.toServerNs + w.toClientNs; report.RequestErrors.MinNs != want || report.RequestErrors.MaxNs != want {
			t.Fatalf("seed %d, %+v: errors of %d … %d, want %d", seed, w,
				report.RequestErrors.MinNs, report.RequestErrors.MaxNs, want)
		}
	}
}

// The generator is late with one request in ten. The oracle must charge all of it.
func TestLatenessIsFound(t *testing.T) {
	const n, service, lateNs = 1000, 1_000, 70_000
	intended, late, services := make([]int64, n), make([]int64, n), make([]int64, n)
	for i := range n {
		intended[i], services[i] = int64(i)*100_000, service
		if i%10 == 9 {
			late[i] = lateNs
		}
	}
	report := evaluate(t, world{}.run(intended, late, services))
	if e := report.RequestErrors; e.P90Ns != 0 || e.P99Ns != lateNs || e.MeanNs != lateNs/10 {
		t.Errorf("errors %+v, want 0 for nine in ten and %d for the tenth", e, lateNs)
	}
	if report.Expected.MaxNs != service {
		t.Errorf("expects up to %d, want %d", report.Expected.MaxNs, service)
	}
}

// What a generator that leaves out requests during a stall hides, the oracle shows, because
// the requests that it sends late were intended earlier.
func TestAStallIsExpectedFromTheIntendedTimes(t *testing.T) {
	const n, gap, stall = 1000, 100_000, 20_000_000
	intended, late, services := make([]int64, n), make([]int64, n), make([]int64, n)
	for i := range n {
		intended[i], services[i] = int64(i)*gap, 10_000
	}
	services[100] = stall
	report := evaluate(t, world{}.run(intended, late, services))
	formula := Stall{DurationNs: stall, Utilisation: 0.1, RunNs: n * gap, RestNs: 900 * gap}
	for _, q := range []struct {
		q   float64
		got int64
	}{{0.9, report.Expected.P90Ns}, {0.99, report.Expected.P99Ns}} {
		if want := formula.Quantile(q.q); math.Abs(float64(q.got)-want) > 2*gap {
			t.Errorf("q %v: expects %d, the formula says %.0f", q.q, q.got, want)
		}
	}
}

// A request whose reply was lost kept the server nevertheless: the reply after it says so.
func TestALostReplyStillOccupies(t *testing.T) {
	w := world{writeNs: 2, turnaroundNs: 3}
	requests := w.run([]int64{1000, 1000, 1000}, []int64{0, 0, 0}, []int64{100, 500, 60})
	whole := evaluate(t, requests)
	without := evaluate(t, []Request{requests[0], requests[2]})
	if without.Expected.MaxNs != whole.Expected.MaxNs || without.RequestErrors.MaxNs != 0 {
		t.Errorf("expects up to %d with errors up to %d, want %d and 0",
			without.Expected.MaxNs, without.RequestErrors.MaxNs, whole.Expected.MaxNs)
	}
}

func TestEvaluateRefusesWhatIsNoTruthServer(t *testing.T) {
	for name, test := range map[string]struct {
		requests []Request
		want     string
	}{
		"nothing":                   {nil, "no completed request"},
		"written before it began":   {[]Request{{BeganNs: 10, WroteNs: 9}}, "no times of a truthd"},
		"two at a time":             {[]Request{{BeganNs: 10, WroteNs: 30}, {BeganNs: 20, WroteNs: 40}}, "no times of one truthd"},
		"begun before it was freed": {[]Request{{BeganNs: 10, WroteNs: 15}, {BeganNs: 20, WroteNs: 40, PreviousFreedNs: 21}}, "no times of one truthd"},
	} {
		if _, err := Evaluate(test.requests); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want …%s…", name, err, test.want)
		}
	}
}

func TestSummarizeTakesValuesOfTheSet(t *testing.T) {
	values := make([]int64, 1000)
	for i := range values {
		values[i] = int64(1000 - i) // 1 … 1000
	}
	want := Summary{Count: 1000, MeanNs: 500.5, MinNs: 1, P50Ns: 500, P90Ns: 900, P99Ns: 990, P999Ns: 999, MaxNs: 1000}
	if got := Summarize(values); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	one := Summary{Count: 1, MeanNs: 7, MinNs: 7, P50Ns: 7, P90Ns: 7, P99Ns: 7, P999Ns: 7, MaxNs: 7}
	if got := Summarize([]int64{7}); got != one {
		t.Errorf("got %+v, want %+v", got, one)
	}
}

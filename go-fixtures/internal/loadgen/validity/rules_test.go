package validity

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"pollgate/go-fixtures/internal/loadgen/engine"
)

// Each rule by itself: a clean phase with one thing changed.
func TestRules(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(in *Input)
		rule   string // empty: nothing is wrong
		cause  Cause
		text   string
	}{
		{"clean", func(*Input) {}, "", "", ""},
		{"nothing completed", func(in *Input) { each(in, 1, func(r *engine.Request) { r.Outcome = engine.Reset }) },
			"nothing-completed", ByServer, "none of 20,003 requests completed"},
		{"errors", func(in *Input) { each(in, 500, func(r *engine.Request) { r.Outcome = engine.BadBody }) },
			"loss", ByServer, "0.2 % of the requests have no good reply (40 failed), over 0.1 %"},
		{"few errors", func(in *Input) { each(in, 2000, func(r *engine.Request) { r.Outcome = engine.BadBody }) }, "", "", ""},
		{"unsent", func(in *Input) {
			each(in, 5000, func(r *engine.Request) { r.Outcome, r.SentNs, r.DoneNs, r.ArrivedNs = engine.Unsent, 0, 0, 0 })
		}, "unsent", ByServer, "4 requests found no free connection until the end"},
		{"unreached", func(in *Input) {
			each(in, 5000, func(r *engine.Request) {
				r.Outcome, r.PickedNs, r.SentNs, r.DoneNs, r.ArrivedNs = engine.Unsent, 0, 0, 0, 0
			})
		}, "unreached", ByGenerator, "the generator never came to 4 requests"},
		{"send lag", func(in *Input) { each(in, 50, func(r *engine.Request) { r.IntendedNs -= 412_000 }) },
			"send-lag", ByGenerator, "send lag p99 412 µs is over 50 µs"},
		{"receive lag", func(in *Input) { each(in, 50, func(r *engine.Request) { r.ArrivedNs -= 70_000 }) },
			"receive-lag", ByGenerator, "receive lag p99 75"},
		{"receive lag without a clock", func(in *Input) {
			each(in, 50, func(r *engine.Request) { r.ArrivedNs -= 70_000 })
			in.Usage.ClockStepNs = -2_500
		}, "clock-step", ByHost, "the step of the real-time clock 2.5 µs is over 1 µs: receive lag is unknown"},
		{"no stamps, so no matter", func(in *Input) {
			each(in, 1, func(r *engine.Request) { r.ArrivedNs = 0 })
			in.Usage.KernelStamps, in.Usage.ClockStepNs = false, 1e9
		}, "", "", ""},
		{"gap", func(in *Input) { in.Usage.LargestGapNs = 91_000_000 }, "largest-gap", ByGenerator,
			"the longest absence of the generator 91 ms is over 20 ms"},
		{"gap of one request", func(in *Input) { in.Requests[0].ArrivedNs -= 30_000_000 }, "largest-gap", ByGenerator,
			"the longest time for which a reply was left lying 30 ms is over 20 ms"},
		{"busy", func(in *Input) { in.Usage.CPUNs, in.Usage.EmptyPollNs = 8_500_000_000, 1_000_000_000 }, "busy", ByGenerator,
			"the generator was busy 75 % of the time, over 70 %"},
		{"polling", func(in *Input) { in.Usage.CPUNs, in.Usage.EmptyPollNs = 9_900_000_000, 5_000_000_000 }, "", "", ""},
		{"two threads", func(in *Input) { in.Usage.CPUNs, in.Usage.Threads = 12_000_000_000, 2 }, "", "", ""},
		{"preempted", func(in *Input) { in.Usage.InvoluntarySwitches = 3_000 }, "preempted", ByHost,
			"the generator was preempted 300 times a second, over 250"},
		{"run queue", func(in *Input) { in.Usage.RunQueueNs = 25_000*in.Usage.VoluntarySwitches + 500_000_000 }, "run-queue", ByHost,
			"the generator waited for its core 5 % of the time, over 2 %"},
		{"unknown of the host", func(in *Input) { in.Usage.RunQueueNs, in.Usage.StealNs = -1, -1 }, "", "", ""},
		{"steal", func(in *Input) { in.Usage.StealNs = 200_000_000 }, "steal", ByHost,
			"the hypervisor took 2 % of the generator's core, over 1 %"},
		{"steal of two coarse ticks", func(in *Input) { in.Usage.StealNs, in.Usage.StealResolutionNs = 200_000_000, 100_000_000 }, "", "", ""},
		{"clock", func(in *Input) { in.Usage.ClockReadNs = 1_800 }, "clock-read", ByHost,
			"the cost of reading the clock 1.8 µs is over 1 µs"},
		{"Little", func(in *Input) { in.InflightAreaNs[0] *= 1.05 }, "little", ByGenerator,
			"the requests under way and the service times differ by 5.01 %, over 1.23 % (Little's law)"},
		{"Little, not kept", func(in *Input) { in.InflightAreaNs = nil }, "", "", ""},
		{"tail", func(in *Input) { in.Requests, in.InflightAreaNs = in.Requests[:800], nil }, "tail", ByLoad,
			"p99 rests on 8 requests beyond it, under 10"},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := poissonLoad(3, 2_000, 10*time.Second).run()
			in.Usage.ClockReadNs = 40
			c.change(&in)
			v := Judge(in).Arms[0]
			if c.rule == "" {
				if v.Absolute != Valid || len(v.Reasons) != 0 {
					t.Fatalf("%s: %+v", v.Absolute, v.Reasons)
				}
				return
			}
			if len(v.Reasons) != 1 {
				t.Fatalf("reasons are %+v", v.Reasons)
			}
			r := v.Reasons[0]
			if r.Rule != c.rule || r.Cause != c.cause || !strings.HasPrefix(r.Text, c.text) || v.Absolute != r.Grade {
				t.Errorf("%+v", r)
			}
			if math.IsNaN(r.Seen) || math.IsInf(r.Seen, 0) || r.Unit == "" {
				t.Errorf("seen %v, unit %q", r.Seen, r.Unit)
			}
		})
	}
}

// each changes every so-manieth request.
func each(in *Input, every int, change func(*engine.Request)) {
	for i := every / 2; i < len(in.Requests); i += every {
		change(&in.Requests[i])
	}
}

// Waiting for a free connection is the server's or the scenario's doing.
func TestWaitingForAConnectionIsNoLag(t *testing.T) {
	s := poissonLoad(1, 2_000, 5*time.Second)
	s.service, s.connections = exponential(300_000), 1
	in := s.run()
	queued := 0
	for _, r := range in.Requests {
		if r.Queued {
			queued++
		}
	}
	if v := Judge(in); v.Arms[0].Absolute != Valid || queued < 1000 {
		t.Errorf("%d queued: %+v", queued, v.Arms[0].Reasons)
	}
}

// A schedule by whose chance nothing was due must not divide by nothing.
func TestNothingScheduled(t *testing.T) {
	v := Judge(Input{Arms: []string{"a", "b"}, Duration: time.Second, EndNs: int64(time.Second)})
	if v.Paired != Invalid || v.Arms[0].Absolute != Invalid || v.Arms[0].Reasons[0].Cause != ByLoad || v.Arms[0].P99Interval != nil {
		t.Errorf("%+v", v)
	}
	if _, err := json.Marshal(v); err != nil {
		t.Error(err)
	}
}

func TestJSON(t *testing.T) {
	v := Judge(poissonLoad(1, 1_000, time.Second/4).run()).Arms[0]
	v.Reasons[0].Seen = 2.5
	v.Reasons[0].Text = "…"
	got, err := json.Marshal(v)
	want := `{"absolute":"suspect","reasons":[{"rule":"tail","grade":"suspect","cause":"load","seen":2.5,"limit":10,` +
		`"unit":"count","text":"…"}],"warmupCutNs":0,"p99Interval":null}`
	if err != nil || string(got) != want {
		t.Errorf("%s (%v), want %s", got, err, want)
	}
	clean, _ := json.Marshal(Judge(poissonLoad(1, 2_000, time.Second).run()).Arms[0])
	if !strings.HasPrefix(string(clean), `{"absolute":"valid","reasons":[],"warmupCutNs":0,"p99Interval":[`) {
		t.Errorf("%s", clean)
	}
}

func TestTexts(t *testing.T) {
	for ns, want := range map[int64]string{0: "0 ns", 7: "7 ns", 412_345: "412 µs", 50_000: "50 µs", 1_234_567: "1.23 ms",
		20_000_000: "20 ms", 60_500_000_000: "60.5 s", -2_500: "−2.5 µs", 1_234_000_000_000: "1234 s"} {
		if got := nsText(ns); got != want {
			t.Errorf("%d ns is %q, want %q", ns, got, want)
		}
	}
	for n, want := range map[int]string{0: "0", 999: "999", 1_000: "1,000", 1_234_567: "1,234,567"} {
		if got := countText(n); got != want {
			t.Errorf("%d is %q, want %q", n, got, want)
		}
	}
}

func BenchmarkJudge(b *testing.B) {
	for name, prepare := range map[string]func(*simulation){
		"clean":   func(*simulation) {},
		"stalled": func(s *simulation) { s.stalls = []stretch{stretchAt(20, 1000)} },
		"drift":   func(s *simulation) { s.service = warming(10_000, 50_000_000_000) },
	} {
		b.Run(name, func(b *testing.B) {
			s := poissonLoad(1, 20_000, 50*time.Second)
			s.arms, s.sliceNs = 2, 100_000_000
			prepare(&s)
			in := s.run()
			b.ResetTimer()
			for b.Loop() {
				Judge(in)
			}
			b.ReportMetric(float64(len(in.Requests)), "requests")
		})
	}
}

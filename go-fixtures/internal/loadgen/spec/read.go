package spec

import (
	"fmt"
	"time"

	"pollgate/go-fixtures/internal/loadgen/schedule"
)

const (
	maxRate    = 2_000_000
	maxPhaseMs = 3_600_000
	maxNs      = 60_000_000_000
	// maxBodyBytes is sent from one slice per arm.
	maxBodyBytes = 1 << 20
)

var rates = span{1, maxRate}

func readSpec(root *object, folder string) *Spec {
	root.integer("schema", required, span{2, 2})
	s := &Spec{
		Protocol:          Protocol(root.oneOf("protocol", required, string(HTTP1), string(Block4K), string(TruthProtocol))),
		Mode:              Mode(root.oneOf("mode", string(Open), string(Open), string(Closed))),
		ConnectionsPerArm: int(root.integer("connectionsPerArm", required, span{1, 65536})),
		Interleave: schedule.Interleave(root.oneOf("interleave", string(schedule.Slice),
			string(schedule.Slice), string(schedule.Request), string(schedule.Run))),
		SliceMs:          root.integer("sliceMs", 100, span{1, 60_000}),
		Seed:             root.seed("seed"),
		RequestTimeoutMs: root.integer("requestTimeoutMs", 5_000, span{1, 60_000}),
		ConnectTimeoutMs: root.integer("connectTimeoutMs", 5_000, span{1, 60_000}),
		CPUs:             root.distinctIntegers("cpus", 64, span{0, 1023}),
	}
	names := map[string]bool{}
	for _, arm := range root.objects("arms", 64) {
		s.Arms = append(s.Arms, Arm{Name: arm.name("name", names), Address: arm.address("address")})
		arm.rejectUnknown()
	}
	if s.Interleave == schedule.Run && len(s.Arms) == 1 {
		root.wrong("interleave", `"slice" or "request" with one arm: "run" needs at least 2`)
	}
	s.HTTP = readHTTP(root, s.Protocol == HTTP1)
	s.Block = readBlock(root, s.Protocol == Block4K)
	s.Truth = readTruth(root, s.Protocol == TruthProtocol)
	readLoad(root, s, folder)
	if s.Truth != nil && s.Protocol == TruthProtocol {
		checkStalls(root, s)
	}
	return s
}

// readLoad reads what is sent when: the arrivals, and the phases or the search.
func readLoad(root *object, s *Spec, folder string) {
	if s.Mode == Closed {
		const why = `nothing in mode "closed", where the replies set the pace`
		root.refuse("ratePerSec", why)
		root.refuse("arrivals", why)
		root.refuse("search", why)
		readPhases(root, s, why)
		return
	}
	s.Arrivals = readArrivals(root, s, folder)
	s.Search = readSearch(root, s)
	switch {
	case s.Search != nil:
		root.refuse("ratePerSec", "nothing beside a search, which has fromRatePerSec and toRatePerSec")
		root.refuse("phases", "nothing beside a search, whose probes are its phases")
	case s.Arrivals.Kind == schedule.Replay:
		const why = "nothing with a recording, which has its own rate"
		root.refuse("ratePerSec", why)
		readPhases(root, s, why)
	default:
		s.RatePerSec = root.number("ratePerSec", required, rates)
		readPhases(root, s, "")
	}
}

// readPhases gives each phase its rate, unless there is a reason for none.
func readPhases(root *object, s *Spec, whyNoRate string) {
	names := map[string]bool{}
	for _, phase := range root.objects("phases", 1000) {
		p := Phase{
			Name:       phase.name("name", names),
			DurationMs: phase.integer("durationMs", required, span{1, maxPhaseMs}),
			Record:     phase.boolean("record", true),
			Interleave: s.Interleave,
		}
		if s.Mode == Closed || s.Interleave == schedule.Run {
			phase.refuse("interleave", `nothing in mode "closed", nor where all phases have "run"`)
		} else {
			p.Interleave = schedule.Interleave(phase.oneOf("interleave", string(s.Interleave),
				string(schedule.Slice), string(schedule.Request)))
		}
		if whyNoRate == "" {
			p.RatePerSec = phase.number("ratePerSec", s.RatePerSec, rates)
		} else {
			phase.refuse("ratePerSec", whyNoRate)
		}
		if s.Mode == Open {
			checkCount(phase, s, p)
		}
		phase.rejectUnknown()
		s.Phases = append(s.Phases, p)
	}
}

// checkCount holds the number of requests of a phase within what is possible.
func checkCount(phase *object, s *Spec, p Phase) {
	expected := schedule.ExpectedCount(schedule.Config{
		Arrivals:   s.Arrivals,
		RatePerSec: p.RatePerSec,
		Duration:   p.Duration(),
	})
	replay, onOff := s.Arrivals.Kind == schedule.Replay, s.Arrivals.Kind == schedule.OnOff
	whileOn := p.RatePerSec * float64(s.Arrivals.OnNs+s.Arrivals.OffNs) / float64(max(s.Arrivals.OnNs, 1))
	switch {
	case expected > MaxRequests:
		phase.wrong("durationMs", fmt.Sprintf("durationMs × ratePerSec of up to %d requests, not %.0f",
			MaxRequests, expected))
	case onOff && whileOn > float64(rates.greatest):
		phase.wrong("durationMs", fmt.Sprintf("a rate while on, ratePerSec × (onMs + offMs) ÷ onMs, of up to %d, not %.0f",
			rates.greatest, whileOn))
	case replay && expected == 0 && len(s.Arrivals.Recorded) > 0:
		phase.wrong("durationMs", fmt.Sprintf("more than the %d ms after which the recording has its first request",
			s.Arrivals.Recorded[0].AtNs/int64(time.Millisecond)))
	}
}

func readSearch(root *object, s *Spec) *Search {
	o := root.object("search", false)
	if o == nil {
		return nil
	}
	found := &Search{
		SLOP99Ns:       o.integer("sloP99Ns", required, span{1, maxNs}),
		FromRatePerSec: o.number("fromRatePerSec", required, rates),
		ToRatePerSec:   o.number("toRatePerSec", required, rates),
		ProbeMs:        o.integer("probeMs", 5_000, span{100, 600_000}),
		MaxProbes:      int(o.integer("maxProbes", 12, span{1, 30})),
	}
	if found.FromRatePerSec >= found.ToRatePerSec && o.isRight("fromRatePerSec", "toRatePerSec") {
		o.wrong("toRatePerSec", fmt.Sprintf("more than fromRatePerSec, %g", found.FromRatePerSec))
	}
	if most := found.ToRatePerSec * found.Probe().Seconds(); most > MaxRequests {
		o.wrong("probeMs", fmt.Sprintf("probeMs × toRatePerSec of up to %d requests, not %.0f", MaxRequests, most))
	}
	o.rejectUnknown()
	if len(s.Arms) > 1 {
		root.wrong("arms", "one arm with a search")
	}
	switch s.Arrivals.Kind {
	case schedule.OnOff, schedule.Ramp, schedule.Replay:
		root.wrong("arrivals", `kind "poisson" or "constant" with a search`)
	}
	return found
}

func readHTTP(root *object, needed bool) *HTTP {
	o := root.object("http", needed)
	if o == nil {
		return nil
	}
	h := &HTTP{
		Method:       o.oneOf("method", "GET", "GET", "HEAD", "OPTIONS", "DELETE", "POST", "PUT", "PATCH"),
		Path:         o.requestPath("path", "/"),
		Headers:      o.headers("headers"),
		Body:         o.optionalString("body"),
		Stamps:       o.boolean("stamps", false),
		ExpectStatus: int(o.integer("expectStatus", 200, span{200, 599})),
		ExpectBody:   o.optionalString("expectBody"),
	}
	if h.Body != nil {
		switch h.Method {
		case "GET", "HEAD", "OPTIONS", "DELETE":
			o.wrong("body", "nothing with "+h.Method+": only POST, PUT and PATCH carry a body")
		}
		if len(*h.Body) > maxBodyBytes {
			o.wrong("body", fmt.Sprintf("up to %d bytes, not %d", maxBodyBytes, len(*h.Body)))
		}
	}
	o.rejectUnknown()
	return h
}

func readBlock(root *object, needed bool) *Block {
	o := root.object("block", needed)
	if o == nil {
		return nil
	}
	b := &Block{Pages: uint64(o.integer("pages", required, span{1, 1<<32 - 1}))}
	o.rejectUnknown()
	return b
}

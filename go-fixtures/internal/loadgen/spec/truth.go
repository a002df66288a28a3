package spec

import (
	"fmt"

	"pollgate/go-fixtures/internal/truthproto"
)

const maxStalls = 64

var serviceNs = span{1, truthproto.MaxServiceNs}

func readTruth(root *object, needed bool) *Truth {
	o := root.object("truth", needed)
	if o == nil {
		return nil
	}
	t := &Truth{Service: readService(o)}
	if o.get("stalls") != nil {
		for _, stall := range o.objects("stalls", maxStalls) {
			t.Stalls = append(t.Stalls, Stall{
				AtMs:       stall.integer("atMs", required, span{0, maxPhaseMs}),
				DurationMs: stall.integer("durationMs", required, span{1, 60_000}),
			})
			stall.rejectUnknown()
		}
	}
	o.rejectUnknown()
	return t
}

func readService(truth *object) (s Service) {
	o := truth.object("service", true)
	if o == nil {
		return s
	}
	s.Kind = truthproto.Kind(o.oneOf("kind", required,
		string(truthproto.Fixed), string(truthproto.Exponential), string(truthproto.Bimodal)))
	switch s.Kind {
	case truthproto.Fixed:
		s.Ns = o.integer("ns", required, span{0, serviceNs.greatest})
	case truthproto.Exponential:
		s.MeanNs = o.integer("meanNs", required, serviceNs)
	case truthproto.Bimodal:
		s.Ns = o.integer("ns", required, serviceNs)
		s.TailNs = o.integer("tailNs", required, serviceNs)
		s.TailShare = o.number("tailShare", required, span{0, 1})
	}
	if o.isRight("kind") {
		o.rejectUnknown()
	}
	return s
}

// checkStalls holds the stalls against each other and against the phases. Only
// of stalls that do not overlap and end within the phase is it known what they
// do to the latencies.
func checkStalls(root *object, s *Spec) {
	if len(s.Truth.Stalls) == 0 {
		return
	}
	refuse := func(why string) {
		root.checker.wrong("$.truth.stalls", root.members["truth"].(map[string]any)["stalls"], why)
	}
	switch {
	case s.Mode == Closed:
		refuse(`nothing in mode "closed", which has no schedule to put them in`)
	case s.Search != nil:
		refuse("nothing beside a search, which would find them")
	case len(s.Arms) > 1:
		refuse("nothing with several arms: a stall belongs to one")
	}
	end := int64(0)
	for i, stall := range s.Truth.Stalls {
		path := fmt.Sprintf("$.truth.stalls[%d]", i)
		if stall.AtMs < end {
			root.checker.wrong(path+".atMs", stall.AtMs, fmt.Sprintf("%d or more, when the stall before has ended", end))
		}
		end = stall.AtMs + stall.DurationMs
		for _, phase := range s.Phases {
			if phase.Record && end > phase.DurationMs {
				root.checker.wrong(path+".durationMs", stall.DurationMs,
					fmt.Sprintf("atMs + durationMs of up to %d, the end of phase %q, not %d", phase.DurationMs, phase.Name, end))
				break
			}
		}
	}
}

package session

import (
	"time"

	"pollgate/go-fixtures/internal/loadgen/engine"
	"pollgate/go-fixtures/internal/loadgen/schedule"
	"pollgate/go-fixtures/internal/loadgen/spec"
	"pollgate/go-fixtures/internal/loadgen/validity"
	"pollgate/go-fixtures/internal/loadgen/wire"
	"pollgate/go-fixtures/internal/truthproto"
)

func engineConfig(s *spec.Spec) engine.Config {
	c := engine.Config{
		Timeout:        s.RequestTimeout(),
		ConnectTimeout: s.ConnectTimeout(),
	}
	for _, arm := range s.Arms {
		c.Arms = append(c.Arms, engine.Arm{Name: arm.Name, Address: arm.Address, NewExchange: exchanges(s, arm)})
	}
	return c
}

// exchanges returns what makes the exchanges of one arm on one thread.
func exchanges(s *spec.Spec, arm spec.Arm) func() wire.Exchange {
	switch s.Protocol {
	case spec.HTTP1:
		return wire.NewHTTP(httpConfig(s.HTTP, arm)).NewExchange
	case spec.TruthProtocol:
		return truth(s.Truth).NewExchange
	default:
		return (&wire.Block{}).NewExchange
	}
}

func httpConfig(h *spec.HTTP, arm spec.Arm) wire.HTTPConfig {
	c := wire.HTTPConfig{
		Method:       h.Method,
		Host:         arm.Address.String(),
		Path:         h.Path,
		Headers:      h.Headers,
		Stamps:       h.Stamps,
		ExpectStatus: h.ExpectStatus,
	}
	if h.Body != nil {
		c.Body = []byte(*h.Body)
	}
	if h.ExpectBody != nil {
		c.ExpectBody = []byte(*h.ExpectBody)
	}
	return c
}

// truth converts the spec's setting.
func truth(t *spec.Truth) *wire.Truth {
	config := &wire.Truth{Service: truthproto.Service(t.Service)}
	for _, stall := range t.Stalls {
		config.StallsNs = append(config.StallsNs, stall.DurationMs*int64(time.Millisecond))
	}
	return config
}

// givesStamps says whether servers return their own times.
func givesStamps(s *spec.Spec) bool {
	return s.Protocol == spec.TruthProtocol || s.Protocol == spec.HTTP1 && s.HTTP.Stamps
}

func scheduleConfig(s *spec.Spec, index int, phase spec.Phase) schedule.Config {
	return schedule.Config{
		Seed:       s.Seed,
		Phase:      index,
		Arrivals:   s.Arrivals,
		RatePerSec: phase.RatePerSec,
		Duration:   phase.Duration(),
		Arms:       len(s.Arms),
		Interleave: phase.Interleave,
		SliceNs:    s.SliceMs * int64(time.Millisecond),
		Keys:       keys(s),
	}
}

// keys is how many different requests the protocol has; 0 = only one.
func keys(s *spec.Spec) uint64 {
	switch s.Protocol {
	case spec.Block4K:
		return s.Block.Pages
	case spec.TruthProtocol:
		return wire.TruthKeys
	}
	return 0
}

// closedRatePerSec is more than one connection, or one CPU, can do; it gives a
// closed loop's phase its room.
const closedRatePerSec = 500_000

func closedRoom(phase spec.Phase) int {
	return int(min(closedRatePerSec*phase.Duration().Seconds()+1000, spec.MaxRequests))
}

// closedKeys returns keys for a closed loop, which uses them in turn.
func closedKeys(s *spec.Spec, index int) []uint32 {
	const different = 1 << 16
	plan := schedule.Plan(schedule.Config{
		Seed:       s.Seed,
		Phase:      index,
		Arrivals:   schedule.Arrivals{Kind: schedule.Constant},
		RatePerSec: different,
		Duration:   time.Second,
		Arms:       1,
		Interleave: schedule.Request,
		Keys:       keys(s),
	})
	all := make([]uint32, len(plan))
	for i, entry := range plan {
		all[i] = entry.Key
	}
	return all
}

func (s *session) validityInput(phase spec.Phase, out *outcome) validity.Input {
	input := validity.Input{
		Requests: out.requests,
		StartNs:  out.startNs,
		EndNs:    out.endNs,
		Duration: phase.Duration(),
		Varying:  !steady(s.spec.Arrivals.Kind),
		Usage: validity.Usage{
			CPUNs:               out.usage.CPUNs,
			EmptyPollNs:         out.usage.EmptyPollNs,
			InvoluntarySwitches: out.usage.InvoluntarySwitches,
			VoluntarySwitches:   out.usage.VoluntarySwitches,
			RunQueueNs:          out.usage.RunQueueNs,
			StealNs:             out.usage.StealNs,
			StealResolutionNs:   engine.StealResolutionNs,
			LargestGapNs:        out.usage.LargestGapNs,
			ClockReadNs:         out.usage.ClockReadNs,
			ClockStepNs:         out.usage.ClockStepNs,
			Threads:             len(s.crew.workers),
			ThreadNs:            out.threadNs,
			KernelStamps:        out.hasKernelStamps(),
		},
	}
	for i, arm := range s.spec.Arms {
		input.Arms = append(input.Arms, arm.Name)
		input.InflightAreaNs = append(input.InflightAreaNs, out.arms[i].InflightAreaNs)
	}
	return input
}

// steady says whether a schedule offers the same load from its beginning to its end.
func steady(kind schedule.Kind) bool {
	return kind != schedule.OnOff && kind != schedule.Ramp && kind != schedule.Replay
}

package session

import (
	"runtime"
	"runtime/debug"
	"slices"
	"sort"
	"time"

	"pollgate/go-fixtures/internal/loadgen/engine"
	"pollgate/go-fixtures/internal/loadgen/monotime"
	"pollgate/go-fixtures/internal/loadgen/oracle"
	"pollgate/go-fixtures/internal/loadgen/record"
	"pollgate/go-fixtures/internal/loadgen/schedule"
	"pollgate/go-fixtures/internal/loadgen/spec"
	"pollgate/go-fixtures/internal/loadgen/validity"
	"pollgate/go-fixtures/internal/loadgen/wire"
)

// startLead is how far ahead a phase's time zero is set, so that its first
// request is not late already.
const startLead = 50 * time.Millisecond

// outcome is what all engines together did in a phase.
type outcome struct {
	requests []engine.Request
	stamps   []engine.ServerStamps // nil without stamps
	startNs  int64
	endNs    int64
	arms     []engine.ArmResult
	armEndNs []int64
	usage    engine.Usage
	threadNs int64 // time that the threads were at it, summed up
}

// runPhase waits for its turn, carries a phase out and records it. The report is
// nil where the phase is not to be recorded.
func (s *session) runPhase(index int, phase spec.Phase) (*record.Phase, error) {
	if s.spec.Mode == spec.Closed {
		return s.runClosed(index, phase)
	}
	config := scheduleConfig(s.spec, index, phase)
	entries := withStalls(schedule.Plan(config), s.spec.Truth, phase)
	out := s.newOutcome(len(entries))
	for i, entry := range entries {
		out.requests[i] = engine.Request{Key: entry.Key, Arm: entry.Arm}
	}
	// What earlier phases left behind is collected now, while nothing is measured.
	runtime.GC()
	if err := s.ready(); err != nil {
		return nil, err
	}
	for _, leg := range schedule.Legs(config, entries) {
		if err := s.runLeg(phase, leg, entries, out); err != nil {
			return nil, err
		}
	}
	s.events.phaseEnd(out.endNs)
	s.hash.Add(entries)
	return s.record(phase, out)
}

func (s *session) newOutcome(requests int) *outcome {
	out := &outcome{
		requests: make([]engine.Request, requests),
		arms:     make([]engine.ArmResult, len(s.spec.Arms)),
		armEndNs: make([]int64, len(s.spec.Arms)),
	}
	if givesStamps(s.spec) {
		out.stamps = make([]engine.ServerStamps, requests)
	}
	return out
}

// ready waits until the phase may begin and all connections are up again.
func (s *session) ready() error {
	if err := s.waitForNext(); err != nil || s.apart {
		return err
	}
	return s.crew.each(func(_ int, e *engine.Engine) error { return e.Settle() })
}

// withStalls adds the requests that stall the truth server of the only arm, to
// recorded phases.
func withStalls(entries []schedule.Entry, truth *spec.Truth, phase spec.Phase) []schedule.Entry {
	if truth == nil || !phase.Record {
		return entries
	}
	for i, stall := range truth.Stalls {
		entry := schedule.Entry{AtNs: stall.AtMs * int64(time.Millisecond), Key: wire.StallKey(i)}
		at := sort.Search(len(entries), func(j int) bool { return entries[j].AtNs >= entry.AtNs })
		entries = slices.Insert(entries, at, entry)
	}
	return entries
}

// runLeg carries out one stretch of a phase. An arm that cannot live beside others
// is connected for it only.
func (s *session) runLeg(phase spec.Phase, leg schedule.Leg, entries []schedule.Entry, out *outcome) error {
	if s.apart {
		if err := s.connectArm(leg.Arm); err != nil {
			return err
		}
		defer s.disconnectArm(leg.Arm)
	}
	startNs := monotime.Now() + int64(s.lead(leg.End-leg.First))
	for i := leg.First; i < leg.End; i++ {
		out.requests[i].IntendedNs = startNs + entries[i].AtNs - leg.FromNs
	}
	if out.startNs == 0 {
		out.startNs = startNs
		s.events.phaseStart(phase.Name, startNs)
	}
	return s.runOn(leg, out, startNs)
}

// lead is how far ahead a stretch of that many requests begins: long enough to
// deal them to several engines, too.
func (s *session) lead(requests int) time.Duration {
	if len(s.crew.workers) == 1 {
		return startLead
	}
	const dealing = 500 * time.Nanosecond
	return startLead + time.Duration(requests)*dealing
}

// runOn runs a leg on all engines: request i goes to engine i modulo their number.
func (s *session) runOn(leg schedule.Leg, out *outcome, startNs int64) error {
	shares := s.deal(out, leg)
	for i := range shares {
		shares[i].StartNs, shares[i].Duration = startNs, time.Duration(leg.ToNs-leg.FromNs)
	}
	results := make([]engine.Result, len(shares))
	err := s.crew.each(func(index int, e *engine.Engine) (err error) {
		results[index], err = e.Run(&shares[index])
		return err
	})
	if err != nil {
		return err
	}
	s.collect(out, leg, shares)
	for _, result := range results {
		out.add(result, startNs)
	}
	for arm := range out.armEndNs {
		if leg.Arm < 0 || arm == leg.Arm {
			out.armEndNs[arm] = startNs + leg.ToNs - leg.FromNs
		}
	}
	return nil
}

// deal gives each engine its share of a leg; a single engine works in place.
func (s *session) deal(out *outcome, leg schedule.Leg) []engine.Phase {
	shares := make([]engine.Phase, len(s.crew.workers))
	if len(shares) == 1 {
		shares[0].Requests = out.requests[leg.First:leg.End]
		if out.stamps != nil {
			shares[0].Stamps = out.stamps[leg.First:leg.End]
		}
		return shares
	}
	for i := range shares {
		shares[i].Requests = make([]engine.Request, 0, (leg.End-leg.First)/len(shares)+1)
	}
	for i := leg.First; i < leg.End; i++ {
		share := &shares[(i-leg.First)%len(shares)]
		share.Requests = append(share.Requests, out.requests[i])
	}
	if out.stamps != nil {
		for i := range shares {
			shares[i].Stamps = make([]engine.ServerStamps, len(shares[i].Requests))
		}
	}
	return shares
}

// collect undoes deal.
func (s *session) collect(out *outcome, leg schedule.Leg, shares []engine.Phase) {
	if len(shares) == 1 {
		return
	}
	for i := leg.First; i < leg.End; i++ {
		share, at := &shares[(i-leg.First)%len(shares)], (i-leg.First)/len(shares)
		out.requests[i] = share.Requests[at]
		if out.stamps != nil {
			out.stamps[i] = share.Stamps[at]
		}
	}
}

// add sums up what one engine reports of one leg.
func (out *outcome) add(result engine.Result, startNs int64) {
	out.endNs = max(out.endNs, result.EndNs)
	out.threadNs += result.EndNs - startNs
	for i, arm := range result.Arms {
		out.arms[i].ConnectErrors += arm.ConnectErrors
		out.arms[i].Reconnects += arm.Reconnects
		out.arms[i].InflightAreaNs += arm.InflightAreaNs
	}
	out.usage.Add(result.Usage)
}

// runClosed carries out a phase in which each connection sends as fast as it can.
func (s *session) runClosed(index int, phase spec.Phase) (*record.Phase, error) {
	keys := closedKeys(s.spec, index)
	shares := make([]engine.ClosedPhase, len(s.crew.workers))
	for i := range shares {
		shares[i] = engine.ClosedPhase{
			Requests: make([]engine.Request, 0, closedRoom(phase)/len(shares)),
			Keys:     keys,
			Duration: phase.Duration(),
		}
		if givesStamps(s.spec) {
			shares[i].Stamps = make([]engine.ServerStamps, cap(shares[i].Requests))
		}
	}
	runtime.GC()
	if err := s.ready(); err != nil {
		return nil, err
	}
	out := s.newOutcome(0)
	out.startNs = monotime.Now() + int64(startLead)
	s.events.phaseStart(phase.Name, out.startNs)
	results := make([]engine.Result, len(shares))
	err := s.crew.each(func(index int, e *engine.Engine) (err error) {
		share := &shares[index]
		share.StartNs = out.startNs
		share.Requests, results[index], err = e.RunClosed(share)
		return err
	})
	if err != nil {
		return nil, err
	}
	for i := range shares {
		out.add(results[i], out.startNs)
		out.requests = append(out.requests, shares[i].Requests...)
		if out.stamps != nil {
			out.stamps = append(out.stamps, shares[i].Stamps[:len(shares[i].Requests)]...)
		}
	}
	if len(shares) > 1 {
		out.sort()
	}
	for arm := range out.armEndNs {
		out.armEndNs[arm] = out.startNs + int64(phase.Duration())
	}
	s.events.phaseEnd(out.endNs)
	return s.record(phase, out)
}

// sort brings the requests of several engines into the order of their times.
func (out *outcome) sort() {
	order := make([]int, len(out.requests))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		return int(out.requests[a].IntendedNs - out.requests[b].IntendedNs)
	})
	out.requests = reorder(out.requests, order)
	if out.stamps != nil {
		out.stamps = reorder(out.stamps, order)
	}
}

func reorder[T any](from []T, order []int) []T {
	to := make([]T, len(from))
	for i, at := range order {
		to[i] = from[at]
	}
	return to
}

// record judges a phase and hands it to the recorder.
func (s *session) record(phase spec.Phase, out *outcome) (*record.Phase, error) {
	if !phase.Record {
		return nil, nil
	}
	// Nothing is measured now, and encoding histograms leaves much behind.
	defer debug.SetGCPercent(debug.SetGCPercent(100))
	closed := s.spec.Mode == spec.Closed
	input := record.Input{
		Name:       phase.Name,
		RatePerSec: phase.RatePerSec,
		Interleave: ownInterleave(s.spec, phase),
		Closed:     closed,
		Requests:   out.requests,
		Stamps:     out.stamps,
		StartNs:    out.startNs,
		EndNs:      out.endNs,
		Duration:   phase.Duration(),
		Arms:       out.arms,
		ArmEndNs:   out.armEndNs,
		Usage:      out.usage,
		ThreadNs:   out.threadNs,
		Threads:    len(s.crew.workers),
		CPUs:       s.spec.CPUs,
		Scheduling: s.crew.scheduling(),
		Stamped:    out.hasKernelStamps(),
		Verdict:    validity.Judge(s.validityInput(phase, out)),
	}
	if s.spec.Protocol == spec.TruthProtocol && !closed {
		var err error
		if input.Oracles, err = oracles(out, len(s.spec.Arms)); err != nil {
			return nil, err
		}
	}
	report, err := s.recorder.AddPhase(input)
	return &report, err
}

// oracles says, by arm, what the latencies should have been.
func oracles(out *outcome, arms int) ([]*oracle.Report, error) {
	all := make([]*oracle.Report, arms)
	for arm := range all {
		var completed []oracle.Request
		for i := range out.requests {
			if r := &out.requests[i]; int(r.Arm) == arm && r.Outcome == engine.Completed {
				completed = append(completed, oracle.Request{
					IntendedNs:      r.IntendedNs,
					SentNs:          r.SentNs,
					BeganNs:         out.stamps[i].ReadNs,
					WroteNs:         out.stamps[i].WriteNs,
					PreviousFreedNs: out.stamps[i].FreedNs,
					DoneNs:          r.DoneNs,
				})
			}
		}
		if len(completed) == 0 {
			continue
		}
		report, err := oracle.Evaluate(completed)
		if err != nil {
			return nil, err
		}
		all[arm] = &report
	}
	return all, nil
}

// hasKernelStamps: the kernel says when replies arrived.
func (out *outcome) hasKernelStamps() bool {
	return slices.ContainsFunc(out.requests, func(r engine.Request) bool { return r.ArrivedNs != 0 })
}

// ownInterleave is what a phase does otherwise than the others; empty: nothing.
func ownInterleave(s *spec.Spec, phase spec.Phase) string {
	if phase.Interleave == s.Interleave {
		return ""
	}
	return string(phase.Interleave)
}

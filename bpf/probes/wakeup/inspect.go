package wakeup

import (
	"errors"
	"math"

	"pollgate/bpf/internal/attach"
	"pollgate/bpf/internal/gosym"
	"pollgate/bpf/internal/target"
)

// program is what must be known of a target's executable.
type program struct {
	sites      []gosym.Site // in the order of the programs in attachAll
	pollDesc   gosym.PollDesc
	goidOffset uint32
	// withoutGoroutines has the reason why wake-ups by goroutines and births cannot be told: then
	// the last two sites are missing.
	withoutGoroutines error
}

// inspect finds the sites and the layouts in a program, or the reason why it cannot be probed.
func inspect(binary *gosym.Binary) (p program, err error) {
	network, err := binary.Site("runtime.netpollready", 3)
	if err != nil {
		return program{}, err
	}
	runs, err := binary.Site("runtime.execute", 1)
	if err != nil {
		return program{}, err
	}
	if p.pollDesc, err = binary.PollDesc(); err != nil {
		return program{}, err
	}
	p.goidOffset = math.MaxUint32 // NO_OFFSET in wakeup.h: examples have no goroutine id
	if layout, err := binary.Goroutine(); err == nil {
		p.goidOffset = layout.GoID
	}
	p.sites = []gosym.Site{network, runs}
	ready, readyErr := binary.Site("runtime.ready", 1)
	born, bornErr := binary.CallSite("runtime.newproc.func1", "runtime.runqput")
	if p.withoutGoroutines = errors.Join(readyErr, bornErr); p.withoutGoroutines == nil {
		p.sites = append(p.sites, ready, born)
	}
	return p, nil
}

// inspectAll looks at the programs of all targets and keeps their sites; what the programs in the
// kernel must know of them is by slot.
func (r *running) inspectAll(targets []*target.Target) (layouts [target.Max]wakeupPollDescLayout,
	goids [target.Max]uint32,
) {
	for _, t := range targets {
		p, err := inspect(t.Binary)
		if err != nil {
			r.unavailable[t] = err.Error()
			continue
		}
		if p.withoutGoroutines != nil {
			r.withoutGoroutines[t] = p.withoutGoroutines.Error()
		}
		layouts[t.Slot] = wakeupPollDescLayout{Rg: p.pollDesc.ReadG, Wg: p.pollDesc.WriteG}
		goids[t.Slot] = p.goidOffset
		r.sites[t] = p.sites
	}
	return layouts, goids
}

// reasonForNoLoops is why a target has no netpollLoopNs, empty if it has.
func reasonForNoLoops(session *attach.Session, t *target.Target) string {
	if session.Shared("observed_threads") == nil {
		return "probe netpoll not selected or not attached: it sees the returns of polls"
	}
	if t.HasRing {
		return "the process holds an io_uring: its poller finds events without a return of a poll"
	}
	return ""
}

// Package handoff counts the Ps that are taken from threads in system calls, and times what that
// costs the goroutine behind the call.
package handoff

import (
	_ "embed"
	"errors"
	"fmt"

	"github.com/cilium/ebpf"

	"pollgate/bpf/internal/attach"
	"pollgate/bpf/internal/gosym"
	"pollgate/bpf/internal/probe"
	"pollgate/bpf/internal/report"
	"pollgate/bpf/internal/target"
)

//go:embed probe.json
var manifest []byte

// Probe is this probe, ready to be attached.
var Probe = probe.Probe{Manifest: probe.MustManifest(manifest), Attach: attachProbe}

// The hooks in the order of sites.
const (
	onHandoff = iota
	onNoP
	onExecute
	// The last two are there from Go 1.26 on.
	onWithoutP
	onSteal
)

type running struct {
	session     *attach.Session
	objects     handoffObjects
	loaded      bool
	links       attach.Links
	sites       map[*target.Target][]gosym.Site
	unavailable map[*target.Target]string
}

func attachProbe(session *attach.Session) (probe.Running, error) {
	r := &running{session: session, sites: map[*target.Target][]gosym.Site{}, unavailable: map[*target.Target]string{}}
	for _, t := range session.Targets {
		sites, err := sitesOf(t.Binary)
		if err != nil {
			r.unavailable[t] = err.Error()
			continue
		}
		r.sites[t] = sites
	}
	if len(r.sites) == 0 {
		return r, nil // no target can be probed: load nothing
	}
	spec, err := loadHandoff()
	if err != nil {
		return nil, err
	}
	if err := session.Load(spec, &r.objects); err != nil {
		return nil, err
	}
	r.loaded = true
	r.attachUprobes()
	return r, nil
}

// attachUprobes attaches those of all targets. One that refuses (it may have ended meanwhile) costs its
// own metrics only.
func (r *running) attachUprobes() {
	programs := []*ebpf.Program{r.objects.OnHandoff, r.objects.OnNoP, r.objects.OnExecute,
		r.objects.OnWithoutP, r.objects.OnSteal}
	for t, sites := range r.sites {
		for i, site := range sites {
			if r.unavailable[t] != "" {
				break
			}
			link, err := r.session.Uprobe(programs[i], t, site)
			if err != nil {
				r.unavailable[t] = err.Error()
				break
			}
			r.links = append(r.links, link)
		}
	}
}

// Pause takes the uprobes off.
func (r *running) Pause() error { return r.links.Close() }

// Resume puts them back.
func (r *running) Resume() (cutOff uint64, err error) {
	if !r.loaded {
		return 0, nil
	}
	cutOff, err = attach.Clear(r.objects.ReturnedAt)
	if err != nil {
		return 0, err
	}
	r.attachUprobes()
	return cutOff, nil
}

// sitesOf finds the hooks. The second function was renamed in Go 1.26, where the last two came up:
// what they tell need not be known.
func sitesOf(binary *gosym.Binary) ([]gosym.Site, error) {
	handoff, err := binary.CallSite("runtime.retake", "runtime.handoffp")
	if err != nil {
		return nil, err
	}
	noP, err := binary.Site("runtime.exitsyscallNoP", 1)
	if errors.Is(err, gosym.ErrNoSymbol) {
		noP, err = binary.Site("runtime.exitsyscall0", 1)
	}
	if err != nil {
		return nil, err
	}
	execute, err := binary.Site("runtime.execute", 1)
	if err != nil {
		return nil, err
	}
	sites := []gosym.Site{handoff, noP, execute}
	const tryGetP = "runtime.exitsyscallTryGetP"
	withoutP, noWithoutP := binary.Site(tryGetP, 0)
	steal, noSteal := binary.CallSite(tryGetP, "runtime.syscallingThread.releaseP")
	if noWithoutP == nil && noSteal == nil {
		sites = append(sites, withoutP, steal)
	}
	return sites, nil
}

func (r *running) Sites(t *target.Target) []report.Site {
	if r.unavailable[t] != "" {
		return nil
	}
	var sites []report.Site
	for _, site := range r.sites[t] {
		sites = append(sites, probe.ReportSite(Probe.Manifest.Name, site))
	}
	return sites
}

func (r *running) Unavailable(t *target.Target) map[string]string {
	reasons := map[string]string{}
	if reason, ok := r.unavailable[t]; ok {
		for _, metric := range Probe.Manifest.Metrics {
			reasons[metric.Name] = reason
		}
	}
	return reasons
}

func (r *running) Read(t *target.Target, out *report.Target) error {
	if r.unavailable[t] != "" {
		return nil
	}
	histogram, err := attach.ReadHistogram(r.objects.HandoffHistograms, t.Slot)
	if err != nil {
		return err
	}
	out.Histograms["handoffReturnNs"] = histogram
	var sum handoffHandoffCounters
	err = attach.SumPerCPU(r.objects.HandoffCounters, t.Slot, func(c handoffHandoffCounters) {
		sum.Handoffs += c.Handoffs
		sum.WithoutP += c.WithoutP
		sum.Steals += c.Steals
		sum.Queued += c.Queued
		sum.ExecuteHits += c.ExecuteHits
		sum.Restamped += c.Restamped
		sum.MapFull += c.MapFull
	})
	if err != nil {
		return err
	}
	sites := r.Sites(t)
	hits := []uint64{onHandoff: sum.Handoffs, onNoP: sum.Queued, onExecute: sum.ExecuteHits,
		onWithoutP: sum.WithoutP, onSteal: sum.Steals}
	for i := range sites {
		sites[i].Hits = hits[i]
	}
	out.Sites = append(out.Sites, sites...)
	out.Lost["handoffMapFull"] += sum.MapFull
	out.Lost["handoffUnmatched"] += sum.Restamped
	if err := r.inFlight(t.Slot, out.InFlight); err != nil {
		return err
	}
	d := Details{Handoffs: sum.Handoffs, ReturnsQueued: sum.Queued}
	if len(sites) > onWithoutP {
		d.ReturnsWithoutP, d.Steals = &sum.WithoutP, &sum.Steals
	}
	return out.SetDetails(Probe.Manifest.Name, d)
}

// inFlight counts the goroutines of a target that are back from a call and have not run.
func (r *running) inFlight(slot int, counts map[string]uint64) error {
	const slotShift = 56 // SLOT_SHIFT in handoff.bpf.c
	counts["handoffReturns"] += 0
	var key, value uint64
	entries := r.objects.ReturnedAt.Iterate()
	for entries.Next(&key, &value) {
		if int(key>>slotShift) == slot {
			counts["handoffReturns"]++
		}
	}
	if err := entries.Err(); err != nil {
		return fmt.Errorf("read returns under way: %w", err)
	}
	return nil
}

// Events tells how often the uprobes of a target were hit so far.
func (r *running) Events(t *target.Target) (events probe.Events, err error) {
	if !r.loaded {
		return events, nil
	}
	err = attach.SumPerCPU(r.objects.HandoffCounters, t.Slot, func(c handoffHandoffCounters) {
		events.UprobeHits += c.Handoffs + c.Queued + c.ExecuteHits + c.WithoutP + c.Steals
	})
	return events, err
}

func (r *running) Close() error {
	err := r.links.Close()
	if !r.loaded {
		return err
	}
	return errors.Join(err, r.objects.Close())
}

// Package wakeup measures how long a goroutine that the network made ready waits until it runs.
package wakeup

import (
	_ "embed"
	"errors"

	"github.com/cilium/ebpf"

	"pollgate/bpf/internal/attach"
	"pollgate/bpf/internal/gosym"
	"pollgate/bpf/internal/probe"
	"pollgate/bpf/internal/report"
	"pollgate/bpf/internal/target"
)

const metric = "wakeupNs"

//go:embed probe.json
var manifest []byte

// Probe is this probe, ready to be attached.
var Probe = probe.Probe{Manifest: probe.MustManifest(manifest), Attach: attachProbe}

// hooks are the functions probed and the number of arguments that the program reads.
var hooks = []struct {
	symbol string
	args   int
}{
	{"runtime.netpollready", 3},
	{"runtime.execute", 1},
}

type running struct {
	objects     wakeupObjects
	links       attach.Links
	sites       map[*target.Target][]gosym.Site
	unavailable map[*target.Target]string
}

func attachProbe(session *attach.Session) (probe.Running, error) {
	r := &running{
		sites:       map[*target.Target][]gosym.Site{},
		unavailable: map[*target.Target]string{},
	}
	spec, err := loadWakeup()
	if err != nil {
		return nil, err
	}
	var layouts [target.Max]wakeupPollDescLayout
	for _, t := range session.Targets {
		layout, sites, err := inspect(t.Binary)
		if err != nil {
			r.unavailable[t] = err.Error()
			continue
		}
		layouts[t.Slot] = wakeupPollDescLayout{Rg: layout.ReadG, Wg: layout.WriteG}
		r.sites[t] = sites
	}
	if len(r.sites) == 0 {
		return r, nil // no target can be probed: load nothing
	}
	if err := spec.Variables["poll_desc"].Set(layouts); err != nil {
		return nil, err
	}
	if err := session.Load(spec, &r.objects); err != nil {
		return nil, err
	}
	r.attachAll(session)
	return r, nil
}

// inspect finds the sites and the layout in a program, or the reason why it cannot be probed.
func inspect(binary *gosym.Binary) (gosym.PollDesc, []gosym.Site, error) {
	var sites []gosym.Site
	for _, hook := range hooks {
		site, err := binary.Site(hook.symbol, hook.args)
		if err != nil {
			return gosym.PollDesc{}, nil, err
		}
		sites = append(sites, site)
	}
	layout, err := binary.PollDesc()
	return layout, sites, err
}

// attachAll attaches both programs to each target that has the sites. One that refuses (it may
// have ended meanwhile) costs its own metric only.
func (r *running) attachAll(session *attach.Session) {
	programs := []*ebpf.Program{r.objects.OnNetpollready, r.objects.OnExecute}
	for t, sites := range r.sites {
		for i, site := range sites {
			attached, err := session.Uprobe(programs[i], t, site)
			if err != nil {
				r.unavailable[t] = err.Error()
				break
			}
			r.links = append(r.links, attached)
		}
	}
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
	if reason, ok := r.unavailable[t]; ok {
		return map[string]string{metric: reason}
	}
	return nil
}

func (r *running) Read(t *target.Target, out *report.Target) error {
	if r.unavailable[t] != "" {
		return nil
	}
	histogram, err := attach.ReadHistogram(r.objects.WakeupNs, t.Slot)
	if err != nil {
		return err
	}
	out.Histograms[metric] = histogram

	sites := r.Sites(t)
	err = attach.SumPerCPU(r.objects.WakeupCounters, t.Slot, func(c wakeupWakeupCounters) {
		sites[0].Hits += c.NetpollreadyHits
		sites[1].Hits += c.ExecuteHits
		out.Lost.WakeupMapFull += c.MapFull
		out.Lost.UnmatchedWakeups += c.Restamped
	})
	out.Sites = append(out.Sites, sites...)
	if err != nil {
		return err
	}
	out.InFlight.Wakeups, err = r.inFlight(t.Slot)
	return err
}

// inFlight counts the goroutines of a target that were made ready and have not run.
func (r *running) inFlight(slot int) (uint64, error) {
	const slotShift = 56 // SLOT_SHIFT in wakeup.bpf.c
	var key, readied, n uint64
	entries := r.objects.ReadyAt.Iterate()
	for entries.Next(&key, &readied) {
		if int(key>>slotShift) == slot {
			n++
		}
	}
	return n, entries.Err()
}

func (r *running) Close() error {
	err := r.links.Close()
	if len(r.sites) == 0 {
		return err
	}
	return errors.Join(err, r.objects.Close())
}

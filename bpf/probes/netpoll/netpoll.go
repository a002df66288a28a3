// Package netpoll measures the system calls in which a thread asks for ready descriptors.
package netpoll

import (
	_ "embed"
	"errors"

	"pollgate/bpf/internal/attach"
	"pollgate/bpf/internal/gosym"
	"pollgate/bpf/internal/probe"
	"pollgate/bpf/internal/report"
	"pollgate/bpf/internal/target"
)

const (
	readySymbol = "runtime.netpollready"
	readyMetric = "netpollReadyEvents"
)

// metrics is in the order of the histograms in netpoll.bpf.c.
var metrics = []string{"netpollBlockedNs", "netpollPollNs", readyMetric}

//go:embed probe.json
var manifest []byte

// Probe is this probe, ready to be attached.
var Probe = probe.Probe{Manifest: probe.MustManifest(manifest), Attach: attachProbe}

type running struct {
	objects     netpollObjects
	links       attach.Links
	sites       map[*target.Target]gosym.Site
	unavailable map[*target.Target]string
}

func attachProbe(session *attach.Session) (probe.Running, error) {
	r := &running{
		sites:       map[*target.Target]gosym.Site{},
		unavailable: map[*target.Target]string{},
	}
	spec, err := loadNetpoll()
	if err != nil {
		return nil, err
	}
	var countsReady [target.Max]uint32
	for _, t := range session.Targets {
		if !t.HasRing {
			continue // epoll says itself how many are ready
		}
		site, err := t.Binary.Site(readySymbol, 0)
		if err != nil {
			r.unavailable[t] = err.Error()
			continue
		}
		r.sites[t] = site
		countsReady[t.Slot] = 1
	}
	var tellsReturns uint32
	if session.Selected["wakeup"] {
		tellsReturns = 1
	} else {
		spec.Maps["observed_threads"].MaxEntries = 1 // nobody asks: no memory for it
	}
	if err := errors.Join(
		spec.Variables["counts_ready"].Set(countsReady),
		spec.Variables["tells_returns"].Set(tellsReturns),
	); err != nil {
		return nil, err
	}
	if err := session.Load(spec, &r.objects); err != nil {
		return nil, err
	}
	if err := session.Join(r.objects.NetpollEnter, r.objects.NetpollExit); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	session.Share("observed_threads", r.objects.ObservedThreads)
	for t, site := range r.sites {
		attached, err := session.Uprobe(r.objects.OnNetpollready, t, site)
		if err != nil {
			r.unavailable[t] = err.Error()
			continue
		}
		r.links = append(r.links, attached)
	}
	return r, nil
}

func (r *running) Sites(t *target.Target) []report.Site {
	site, ok := r.sites[t]
	if !ok || r.unavailable[t] != "" {
		return nil
	}
	return []report.Site{probe.ReportSite(Probe.Manifest.Name, site)}
}

func (r *running) Unavailable(t *target.Target) map[string]string {
	if reason, ok := r.unavailable[t]; ok {
		return map[string]string{readyMetric: reason}
	}
	return nil
}

func (r *running) Read(t *target.Target, out *report.Target) error {
	for i, metric := range metrics {
		if metric == readyMetric && r.unavailable[t] != "" {
			continue
		}
		histogram, err := attach.ReadHistogram(r.objects.NetpollHistograms, t.Slot*len(metrics)+i)
		if err != nil {
			return err
		}
		out.Histograms[metric] = histogram
	}
	sites := r.Sites(t)
	err := attach.SumPerCPU(r.objects.NetpollCounters, t.Slot, func(c netpollNetpollCounters) {
		out.Lost["threadStateFull"] += c.ThreadStateLost
		for i := range sites {
			sites[i].Hits += c.NetpollreadyHits
		}
	})
	out.Sites = append(out.Sites, sites...)
	return err
}

// Events tells how often the uprobe of a target was hit so far.
func (r *running) Events(t *target.Target) (events probe.Events, err error) {
	err = attach.SumPerCPU(r.objects.NetpollCounters, t.Slot, func(c netpollNetpollCounters) {
		events.UprobeHits += c.NetpollreadyHits
	})
	return events, err
}

func (r *running) Close() error { return errors.Join(r.links.Close(), r.objects.Close()) }

// Package tls measures the handshakes of Go's crypto/tls.
package tls

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

// sides is in the order of `enum side` in tls.bpf.c.
var sides = []struct{ function, metric string }{
	{"crypto/tls.(*Conn).serverHandshake", "tlsServerHandshakeNs"},
	{"crypto/tls.(*Conn).clientHandshake", "tlsClientHandshakeNs"},
}

const countsMetric = "tlsHandshakes"

//go:embed probe.json
var manifest []byte

// Probe is this probe, ready to be attached.
var Probe = probe.Probe{Manifest: probe.MustManifest(manifest), Attach: attachProbe}

// Details is what the probe tells beside its histograms.
type Details struct {
	Server Counts `json:"server"`
	Client Counts `json:"client"`
}

// Counts are handshakes that began and ended inside the window.
type Counts struct {
	Completed uint64 `json:"completed"`
	Failed    uint64 `json:"failed"`
}

// hooks are the sites of one side of a target.
type hooks struct {
	begin gosym.Site
	ends  []gosym.Site
}

type running struct {
	session *attach.Session
	objects tlsObjects
	loaded  bool
	links   attach.Links
	hooks   map[*target.Target]map[int]hooks
	// unavailable has the reason by side.
	unavailable map[*target.Target]map[int]string
}

func attachProbe(session *attach.Session) (probe.Running, error) {
	r := &running{session: session, hooks: map[*target.Target]map[int]hooks{},
		unavailable: map[*target.Target]map[int]string{}}
	found := false
	for _, t := range session.Targets {
		r.hooks[t], r.unavailable[t] = map[int]hooks{}, map[int]string{}
		for side, s := range sides {
			h, err := hooksOf(t.Binary, s.function)
			if err != nil {
				r.unavailable[t][side] = whyNot(err)
				continue
			}
			r.hooks[t][side] = h
			found = true
		}
	}
	if !found {
		return r, nil // no target can be probed: load nothing
	}
	spec, err := loadTls()
	if err != nil {
		return nil, err
	}
	if err := session.Load(spec, &r.objects); err != nil {
		return nil, err
	}
	r.loaded = true
	for t, bySide := range r.hooks {
		for side, h := range bySide {
			if err := r.attachTo(t, side, h); err != nil {
				// It may have ended meanwhile: that costs its own metric only.
				r.unavailable[t][side] = err.Error()
			}
		}
	}
	return r, nil
}

// whyNot says in words what a missing function means.
func whyNot(err error) string {
	if errors.Is(err, gosym.ErrNoSymbol) {
		return "the program does no TLS by Go's crypto/tls at this side: " + err.Error()
	}
	return err.Error()
}

func hooksOf(binary *gosym.Binary, function string) (hooks, error) {
	begin, err := binary.Site(function, 0)
	if err != nil {
		return hooks{}, err
	}
	ends, err := binary.Returns(function)
	return hooks{begin, ends}, err
}

func (r *running) attachTo(t *target.Target, side int, h hooks) error {
	begins := []*ebpf.Program{r.objects.OnServerBegin, r.objects.OnClientBegin}
	ends := []*ebpf.Program{r.objects.OnServerEnd, r.objects.OnClientEnd}
	// Ends first: what is begun from now on is seen to its end.
	for _, site := range h.ends {
		link, err := r.session.Uprobe(ends[side], t, site)
		if err != nil {
			return err
		}
		r.links = append(r.links, link)
	}
	link, err := r.session.Uprobe(begins[side], t, h.begin)
	if err != nil {
		return err
	}
	r.links = append(r.links, link)
	return nil
}

// sitesOf are those of one side: where a handshake begins, and the first of its returns for all.
func (r *running) sitesOf(t *target.Target, side int) []report.Site {
	h, known := r.hooks[t][side]
	if !known || r.unavailable[t][side] != "" {
		return nil
	}
	return []report.Site{probe.ReportSite(Probe.Manifest.Name, h.begin),
		probe.ReportSite(Probe.Manifest.Name, h.ends[0])}
}

func (r *running) Sites(t *target.Target) []report.Site {
	var all []report.Site
	for side := range sides {
		all = append(all, r.sitesOf(t, side)...)
	}
	return all
}

func (r *running) Unavailable(t *target.Target) map[string]string {
	reasons := map[string]string{}
	for side, reason := range r.unavailable[t] {
		reasons[sides[side].metric] = reason
	}
	if len(reasons) == len(sides) {
		reasons[countsMetric] = r.unavailable[t][0]
	}
	return reasons
}

func (r *running) Read(t *target.Target, out *report.Target) error {
	if !r.loaded {
		return nil
	}
	counters, err := r.sum(t)
	if err != nil {
		return err
	}
	details := Details{}
	for side, counts := range []*Counts{&details.Server, &details.Client} {
		sites := r.sitesOf(t, side)
		if len(sites) == 0 {
			continue
		}
		h, err := attach.ReadHistogram(r.objects.TlsHistograms, t.Slot*len(sides)+side)
		if err != nil {
			return err
		}
		out.Histograms[sides[side].metric] = h
		sites[0].Hits, sites[1].Hits = counters.Begun[side], counters.Returned[side]
		out.Sites = append(out.Sites, sites...)
		*counts = Counts{Completed: h.Count, Failed: counters.Failed[side]}
	}
	out.Lost["tlsMapFull"] += counters.MapFull
	if err := r.inFlight(t.Slot, out.InFlight); err != nil {
		return err
	}
	return out.SetDetails(Probe.Manifest.Name, details)
}

func (r *running) sum(t *target.Target) (sum tlsTlsCounters, err error) {
	err = attach.SumPerCPU(r.objects.TlsCounters, t.Slot, func(c tlsTlsCounters) {
		for side := range sides {
			sum.Begun[side] += c.Begun[side]
			sum.Returned[side] += c.Returned[side]
			sum.Failed[side] += c.Failed[side]
		}
		sum.MapFull += c.MapFull
	})
	return sum, err
}

// inFlight counts the handshakes of a target that have begun and not returned.
func (r *running) inFlight(slot int, counts map[string]uint64) error {
	const slotShift = 56 // SLOT_SHIFT in tls.bpf.c
	counts["tlsHandshakes"] += 0
	var key, value uint64
	entries := r.objects.TlsBeganAt.Iterate()
	for entries.Next(&key, &value) {
		if int(key>>slotShift) == slot {
			counts["tlsHandshakes"]++
		}
	}
	if err := entries.Err(); err != nil {
		return fmt.Errorf("read handshakes under way: %w", err)
	}
	return nil
}

// Events tells how often the uprobes of a target were hit so far.
func (r *running) Events(t *target.Target) (events probe.Events, err error) {
	if !r.loaded {
		return events, nil
	}
	sum, err := r.sum(t)
	for side := range sides {
		events.UprobeHits += sum.Begun[side] + sum.Returned[side]
	}
	return events, err
}

func (r *running) Close() error {
	err := r.links.Close()
	if !r.loaded {
		return err
	}
	return errors.Join(err, r.objects.Close())
}

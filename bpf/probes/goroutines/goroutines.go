// Package goroutines tells which go statements make goroutines, which of those never end, and what
// they wait for.
package goroutines

import (
	_ "embed"
	"errors"

	"github.com/cilium/ebpf"

	"pollgate/bpf/internal/attach"
	"pollgate/bpf/internal/goruntime"
	"pollgate/bpf/internal/gosym"
	"pollgate/bpf/internal/probe"
	"pollgate/bpf/internal/report"
	"pollgate/bpf/internal/target"
)

const metric = "goroutines"

//go:embed probe.json
var manifest []byte

// Probe is this probe, ready to be attached.
var Probe = probe.Probe{Manifest: probe.MustManifest(manifest), Attach: attachProbe}

type running struct {
	session     *attach.Session
	objects     goroutinesObjects
	links       attach.Links
	watched     map[*target.Target]*watched
	unavailable map[*target.Target]string
}

// watched is what is known of a target that can be probed.
type watched struct {
	sites  []gosym.Site
	layout gosym.Goroutine
	names  namer
	// state is nil where the memory may not be read, and stateErr says why.
	state    *goruntime.Reader
	stateErr error
	// looks reads by state.
	looks *goruntime.Looks
}

func attachProbe(session *attach.Session) (probe.Running, error) {
	r := &running{
		session:     session,
		watched:     map[*target.Target]*watched{},
		unavailable: map[*target.Target]string{},
	}
	spec, err := loadGoroutines()
	if err != nil {
		return nil, err
	}
	var layouts [target.Max]goroutinesG_layout
	for _, t := range session.Targets {
		w, err := inspect(t)
		if err != nil {
			r.unavailable[t] = err.Error()
			continue
		}
		layouts[t.Slot] = goroutinesG_layout{
			Goid: w.layout.GoID, GoPc: w.layout.GoPC, StartPc: w.layout.StartPC}
		r.watched[t] = w
	}
	if len(r.watched) == 0 {
		return r, nil // no target can be probed: load nothing
	}
	if err := spec.Variables["g_layout"].Set(layouts); err != nil {
		return nil, err
	}
	if err := session.Load(spec, &r.objects); err != nil {
		return nil, err
	}
	for t, w := range r.watched {
		if err := r.attachTo(t, w); err != nil {
			// It may have ended meanwhile: that costs its own metric only.
			r.unavailable[t] = err.Error()
			continue
		}
		if w.state, w.stateErr = goruntime.Open(t, w.layout); w.stateErr == nil {
			w.looks = &goruntime.Looks{Reader: w.state}
		}
	}
	return r, nil
}

// inspect finds the sites and the layout in a program, or the reason why it cannot be probed. The
// order of the sites is that of attachTo.
func inspect(t *target.Target) (*watched, error) {
	const newproc, newcoro = "runtime.newproc.func1", "runtime.newcoro.func1"
	binary := t.Binary
	birth, err := binary.CallSite(newproc, "runtime.runqput")
	if err != nil {
		return nil, err
	}
	death, err := deathSite(binary)
	if err != nil {
		return nil, err
	}
	w := &watched{sites: []gosym.Site{birth, death}}
	coroutine, err := binary.ReturnSite(newcoro, "runtime.newproc1")
	switch {
	case err == nil:
		w.sites = append(w.sites, coroutine)
	case !errors.Is(err, gosym.ErrNoSymbol): // without the symbol the program has no coroutines
		return nil, err
	}
	if w.layout, err = binary.Goroutine(); err != nil {
		return nil, err
	}
	w.names = namer{t}
	return w, nil
}

// deathSite has the g as first argument. On arm64 the prologue has no instruction that the kernel
// emulates, but the first thing done to the g is a call with it.
func deathSite(binary *gosym.Binary) (gosym.Site, error) {
	const gdestroy = "runtime.gdestroy"
	site, err := binary.Site(gdestroy, 1)
	if err != nil || site.Class == gosym.Emulated {
		return site, err
	}
	if call, err := binary.CallSite(gdestroy, "runtime.casgstatus"); err == nil {
		return call, nil
	}
	return site, nil
}

func (r *running) attachTo(t *target.Target, w *watched) error {
	programs := []*ebpf.Program{r.objects.OnGoroutine, r.objects.OnGdestroy, r.objects.OnCoroutine}
	for i, site := range w.sites {
		attached, err := r.session.Uprobe(programs[i], t, site)
		if err != nil {
			return err
		}
		r.links = append(r.links, attached)
	}
	return nil
}

func (r *running) Sites(t *target.Target) []report.Site {
	if r.unavailable[t] != "" {
		return nil
	}
	var sites []report.Site
	for _, site := range r.watched[t].sites {
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
	w := r.watched[t]
	// First of all, because the goroutines go on.
	var now map[uint64]goruntime.Goroutine
	stateErr := w.stateErr
	if stateErr == nil {
		now, stateErr = w.state.Goroutines()
	}
	if err := r.readCounters(t, out); err != nil {
		return err
	}
	begin, end := r.session.Window()
	book, err := r.readBook(t.Slot)
	if err != nil {
		return err
	}
	book.names = w.names
	book.window = window{uint64(begin), uint64(end)}
	book.leakAge = uint64(r.session.LeakAge)
	if r.session.LeakAge == 0 {
		book.leakAge = uint64(end-begin) / 4
	}
	book.now, book.stateErr, book.looks = now, stateErr, w.looks
	return out.SetDetails(Probe.Manifest.Name, book.details())
}

func (r *running) readCounters(t *target.Target, out *report.Target) error {
	sites := r.Sites(t)
	err := attach.SumPerCPU(r.objects.GoroutineCounters, t.Slot, func(c goroutinesGoroutineCounters) {
		for i, hits := range []uint64{c.Births, c.Deaths, c.Coroutines} {
			if i < len(sites) {
				sites[i].Hits += hits
			}
		}
		out.Lost["goroutineDeathsMissed"] += c.DeathsMissed
		out.Lost["goroutinesUnreadable"] += c.Unreadable
		out.Lost["goroutineStacksLost"] += c.StacksLost
		out.Lost["goroutineMapFull"] += c.LiveFull
		out.Lost["goroutineCreationsFull"] += c.CreationsFull
		out.Lost["goroutineOlderDeathsFull"] += c.OlderFull
	})
	out.Sites = append(out.Sites, sites...)
	return err
}

// Look looks where the goroutines are.
func (r *running) Look(int64) []probe.Alarm {
	for _, w := range r.watched {
		if w.looks != nil {
			w.looks.Look()
		}
	}
	return nil
}

// Events tells how often the uprobes of a target were hit so far.
func (r *running) Events(t *target.Target) (events probe.Events, err error) {
	if len(r.watched) == 0 {
		return events, nil
	}
	err = attach.SumPerCPU(r.objects.GoroutineCounters, t.Slot, func(c goroutinesGoroutineCounters) {
		events.UprobeHits += c.Births + c.Deaths + c.Coroutines
	})
	return events, err
}

func (r *running) Close() error {
	err := r.links.Close()
	for _, w := range r.watched {
		if w.state != nil {
			err = errors.Join(err, w.state.Close())
		}
	}
	if len(r.watched) == 0 {
		return err
	}
	return errors.Join(err, r.objects.Close())
}

// window is when the window was open, in nanoseconds.
type window struct{ begin, end uint64 }

// quarter is the one of the window that a time lies in, 0 to 3.
func (w window) quarter(at uint64) int {
	if at <= w.begin || w.end <= w.begin {
		return 0
	}
	return int(min(3, (at-w.begin)*4/(w.end-w.begin)))
}

// age is how old something is at the end of the window, in nanoseconds.
func (w window) age(at uint64) uint64 { return w.end - min(at, w.end) }

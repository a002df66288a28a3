// Package wakeup measures how long a goroutine that was made ready waits until it runs, and the
// loop in which the netpoller makes goroutines ready.
package wakeup

import (
	_ "embed"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/cilium/ebpf"

	"pollgate/bpf/internal/attach"
	"pollgate/bpf/internal/gosym"
	"pollgate/bpf/internal/hist"
	"pollgate/bpf/internal/probe"
	"pollgate/bpf/internal/report"
	"pollgate/bpf/internal/target"
)

// metrics is in the order of the histograms in wakeup.h.
var metrics = []string{"wakeupNs", "wakeupWaitPNs", "wakeupWaitCpuNs", goroutineMetric,
	birthMetric, loopMetric}

const (
	goroutineMetric = "goroutineWakeupNs"
	birthMetric     = "goroutineBirthNs"
	loopMetric      = "netpollLoopNs"
	alarmMetric     = "netpollLoopAlarms"

	// HeatCells is under which name the session shares the joint distributions that the probe
	// heatmap reads; HeatCounters has what is missing in them.
	HeatCells = "heat_cells"
	// HeatCounters is the name of the shared counters: see HeatLosses.
	HeatCounters = "wakeup_counters"
)

//go:embed probe.json
var manifest []byte

// Probe is this probe, ready to be attached.
var Probe = probe.Probe{Manifest: probe.MustManifest(manifest), Attach: attachProbe}

type running struct {
	session     *attach.Session
	objects     wakeupObjects
	links       attach.Links
	uprobes     attach.Links
	ring        *attach.Ring[event]
	examples    examples
	alarm       time.Duration
	loaded      bool
	sites       map[*target.Target][]gosym.Site
	unavailable map[*target.Target]string
	// withoutGoroutines and withoutLoops have the reasons for the metrics that need these.
	withoutGoroutines map[*target.Target]string
	withoutLoops      map[*target.Target]string
}

func attachProbe(session *attach.Session) (probe.Running, error) {
	r := &running{
		session:           session,
		alarm:             session.NetpollAlarm,
		sites:             map[*target.Target][]gosym.Site{},
		unavailable:       map[*target.Target]string{},
		withoutGoroutines: map[*target.Target]string{},
		withoutLoops:      map[*target.Target]string{},
	}
	for _, t := range session.Targets {
		if reason := reasonForNoLoops(session, t); reason != "" {
			r.withoutLoops[t] = reason
		}
	}
	spec, err := loadWakeup()
	if err != nil {
		return nil, err
	}
	layouts, goids := r.inspectAll(session.Targets)
	if len(r.sites) == 0 {
		return r, nil // no target can be probed: load nothing
	}
	heatWanted := session.Selected["heatmap"]
	if !heatWanted {
		spec.Maps[HeatCells].MaxEntries = 1
	}
	err = errors.Join(
		spec.Variables["poll_desc"].Set(layouts),
		spec.Variables["goid_offset"].Set(goids),
		spec.Variables["loop_alarm_ns"].Set(uint64(r.alarm.Nanoseconds())),
		spec.Variables["follows_loops"].Set(number(session.Shared("observed_threads") != nil)),
		spec.Variables["heat_wanted"].Set(number(heatWanted)),
	)
	if err != nil {
		return nil, err
	}
	if err := session.Load(spec, &r.objects); err != nil {
		return nil, err
	}
	r.loaded = true
	if err := r.attachAll(session); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	if heatWanted {
		session.Share(HeatCells, r.objects.HeatCells)
		session.Share(HeatCounters, r.objects.WakeupCounters)
	}
	return r, nil
}

func number(is bool) uint32 {
	if is {
		return 1
	}
	return 0
}

// attachAll attaches the scheduler's tracepoints for all targets, and the uprobes to each that
// has the sites.
func (r *running) attachAll(session *attach.Session) error {
	err := r.links.Tracepoints(r.objects.OnSchedSwitch, r.objects.OnSchedWakeup,
		r.objects.OnSchedWakeupNew)
	if err != nil {
		return err
	}
	r.attachUprobes()
	for t := range r.sites {
		if err := r.followThreads(session, t); err != nil {
			return err
		}
	}
	r.examples.floor = r.objects.SlowFloor
	r.ring, err = attach.OpenRingFunc(r.objects.Events, r.examples.keep)
	return err
}

// attachUprobes attaches those of all targets. One that refuses (it may have ended meanwhile) costs its
// own metrics only.
func (r *running) attachUprobes() {
	programs := []*ebpf.Program{r.objects.OnNetpollready, r.objects.OnExecute, r.objects.OnReady,
		r.objects.OnNewproc}
	for t, sites := range r.sites {
		for i, site := range sites {
			if r.unavailable[t] != "" {
				break
			}
			attached, err := r.session.Uprobe(programs[i], t, site)
			if err != nil {
				r.unavailable[t] = err.Error()
				break
			}
			r.uprobes = append(r.uprobes, attached)
		}
	}
}

// Pause takes the uprobes off. The tracepoints stay: what threads do must be known without a gap.
func (r *running) Pause() error { return r.uprobes.Close() }

// Resume puts them back.
func (r *running) Resume() (cutOff uint64, err error) {
	if !r.loaded {
		return 0, nil
	}
	cutOff, err = attach.Clear(r.objects.ReadyAt)
	if err != nil {
		return 0, err
	}
	r.attachUprobes()
	return cutOff, nil
}

// followThreads enters the threads that a target has; later ones are entered by the kernel, and
// the scheduler's tracepoints are there already, so none falls between. From within a PID
// namespace the kernel's numbers of the threads are not to be had.
func (r *running) followThreads(session *attach.Session, t *target.Target) error {
	if session.Namespaced() {
		return nil
	}
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", t.PID))
	if err != nil {
		return nil // it has ended: nothing will be seen of it
	}
	for _, entry := range entries {
		tid, err := strconv.ParseUint(entry.Name(), 10, 32)
		if err != nil {
			return err
		}
		err = r.objects.ObservedThreads.Update(uint32(tid), &wakeupThread{Slot: uint32(t.Slot)},
			ebpf.UpdateNoExist)
		if err != nil && !errors.Is(err, ebpf.ErrKeyExist) {
			return fmt.Errorf("follow thread %d: %w", tid, err)
		}
	}
	return nil
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
		return reasons
	}
	if reason, ok := r.withoutGoroutines[t]; ok {
		reasons[goroutineMetric], reasons[birthMetric] = reason, reason
	}
	if reason, ok := r.withoutLoops[t]; ok {
		reasons[loopMetric], reasons[alarmMetric] = reason, reason
	}
	return reasons
}

func (r *running) Read(t *target.Target, out *report.Target) error {
	if r.unavailable[t] != "" {
		return nil
	}
	if _, err := r.ring.Events(); err != nil {
		return err
	}
	if r.examples.err != nil {
		return fmt.Errorf("raise the floor of the slowest wake-ups: %w", r.examples.err)
	}
	open, err := openLoops(r.objects.ObservedThreads, t.Slot)
	if err != nil {
		return err
	}
	if err := r.readHistograms(t, out, open); err != nil {
		return err
	}
	counters, err := r.sum(t.Slot)
	if err != nil {
		return err
	}
	sites := r.Sites(t)
	hits := []uint64{counters.NetpollreadyHits, counters.ExecuteHits, counters.ReadyHits,
		counters.NewprocHits}
	for i := range sites {
		sites[i].Hits = hits[i]
	}
	out.Sites = append(out.Sites, sites...)
	out.Lost["wakeupMapFull"] += counters.MapFull
	out.Lost["unmatchedWakeups"] += counters.Restamped
	out.Lost["wakeupWaiterUnreadable"] += counters.WaiterUnreadable
	out.Lost["threadStateFull"] += counters.ThreadStateLost
	out.Lost["cpuWaitUnknown"] += counters.CpuWaitUnknown
	out.Lost["cpuWaitTruncated"] += counters.CpuWaitTruncated
	out.Lost["wakeupEventsFull"] += counters.EventsLost
	if err := r.inFlight(t.Slot, out.InFlight); err != nil {
		return err
	}
	return out.SetDetails(Probe.Manifest.Name, r.details(t, counters, open))
}

func (r *running) readHistograms(t *target.Target, out *report.Target, open []Loop) error {
	unavailable := r.Unavailable(t)
	for i, metric := range metrics {
		if unavailable[metric] != "" {
			continue
		}
		var perCPU []hist.Raw
		index := uint32(t.Slot*len(metrics) + i)
		if err := r.objects.WakeupHistograms.Lookup(index, &perCPU); err != nil {
			return fmt.Errorf("read histogram %s: %w", metric, err)
		}
		if metric == loopMetric {
			for _, loop := range open {
				perCPU[0].Sum += loop.LoopNs
				perCPU[0].Max = max(perCPU[0].Max, loop.LoopNs)
				perCPU[0].Buckets[hist.Index(loop.LoopNs)]++
			}
		}
		out.Histograms[metric] = hist.Merge(perCPU)
	}
	return nil
}

// inFlight counts the goroutines of a target that were made ready and have not run.
func (r *running) inFlight(slot int, counts map[string]uint64) error {
	const slotShift = 56                                                  // SLOT_SHIFT in wakeup.h
	origins := []string{"wakeups", "goroutineWakeups", "goroutineBirths"} // enum origin
	for _, name := range origins {
		counts[name] += 0
	}
	var key uint64
	var ready wakeupReady
	entries := r.objects.ReadyAt.Iterate()
	for entries.Next(&key, &ready) {
		if int(key>>slotShift) == slot {
			counts[origins[ready.Origin]]++
		}
	}
	return entries.Err()
}

// HeatLosses are the wake-ups of a target that are in no joint distribution: because the poll
// that found them is not known, and because there was no room. The map is that of HeatCounters.
func HeatLosses(counters *ebpf.Map, slot int) (withoutLoop, lost uint64, err error) {
	err = attach.SumPerCPU(counters, slot, func(c wakeupWakeupCounters) {
		withoutLoop += c.HeatWithoutLoop
		lost += c.HeatLost
	})
	return withoutLoop, lost, err
}

// Events tells how often the uprobes of a target were hit so far.
func (r *running) Events(t *target.Target) (probe.Events, error) {
	if !r.loaded {
		return probe.Events{}, nil
	}
	c, err := r.sum(t.Slot)
	return probe.Events{
		UprobeHits: c.NetpollreadyHits + c.ExecuteHits + c.ReadyHits + c.NewprocHits}, err
}

func (r *running) Close() error {
	err := errors.Join(r.uprobes.Close(), r.links.Close())
	if r.ring != nil {
		err = errors.Join(err, r.ring.Close())
	}
	if !r.loaded {
		return err
	}
	return errors.Join(err, r.objects.Close())
}

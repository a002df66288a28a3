// Package uring follows the requests of io_uring instances from submission to completion.
package uring

import (
	_ "embed"
	"errors"
	"fmt"

	"github.com/cilium/ebpf"

	"pollgate/bpf/internal/attach"
	"pollgate/bpf/internal/hist"
	"pollgate/bpf/internal/probe"
	"pollgate/bpf/internal/report"
	"pollgate/bpf/internal/target"
)

// metrics is in the order of `enum metric` in book.bpf.h.
var metrics = []string{"uringReadNs", "uringWriteNs", "uringRecvNs", "uringSendNs", "uringAcceptNs",
	"uringConnectNs", "uringPollNs", "uringTimeoutNs", "uringOtherNs", "uringCqBacklog",
	multishotMetric}

const multishotMetric = "uringCompletionsPerMultishot"

//go:embed probe.json
var manifest []byte

// Probe is this probe, ready to be attached.
var Probe = probe.Probe{Manifest: probe.MustManifest(manifest), Fit: fitKernel, Attach: attachProbe}

type running struct {
	objects uringObjects
	links   attach.Links
	session *attach.Session
	kernel  *variant
	// reason is why nothing was loaded, empty if it was.
	reason string
	// watches are of the targets with a ring.
	watches map[*target.Target]*watch
}

func attachProbe(session *attach.Session) (probe.Running, error) {
	r := &running{session: session, watches: map[*target.Target]*watch{}}
	if !anyRing(session.Targets) {
		r.reason = "no target holds an io_uring"
		return r, nil
	}
	kernel, err := variantOf(session.Kernel)
	if err != nil {
		r.reason = err.Error()
		return r, nil
	}
	r.kernel = kernel
	spec, err := loadUring()
	if err != nil {
		return nil, err
	}
	if err := kernel.fit(spec); err != nil {
		return nil, err
	}
	if err := session.Load(spec, &r.objects); err != nil {
		return nil, err
	}
	if err := r.links.Tracepoints(r.programs()...); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	for _, t := range session.Targets {
		if t.HasRing {
			r.watches[t] = newWatch(t)
		}
	}
	return r, nil
}

func anyRing(targets []*target.Target) bool {
	for _, t := range targets {
		if t.HasRing {
			return true
		}
	}
	return false
}

// programs are those to be attached, the ends of requests before their begins: what is under way
// must be seen to end.
func (r *running) programs() []*ebpf.Program {
	o := &r.objects
	programs := []*ebpf.Program{o.UringComplete}
	for _, optional := range []struct {
		name    string
		program *ebpf.Program
	}{
		{"uring_overflow", o.UringOverflow}, {"uring_refused", o.UringRefused},
		{"uring_punt", o.UringPunt}, {"uring_task_work", o.UringTaskWork},
		{"uring_local_work", o.UringLocalWork},
	} {
		if !r.kernel.absent[optional.name] {
			programs = append(programs, optional.program)
		}
	}
	return append(programs, o.UringSubmit)
}

func (r *running) Sites(*target.Target) []report.Site { return nil }

func (r *running) Unavailable(t *target.Target) map[string]string {
	reason := r.reason
	if reason == "" && !t.HasRing {
		reason = "the process held no io_uring when the probe was attached"
	}
	if reason == "" {
		return nil
	}
	reasons := map[string]string{}
	for _, metric := range Probe.Manifest.Metrics {
		reasons[metric.Name] = reason
	}
	return reasons
}

func (r *running) Read(t *target.Target, out *report.Target) error {
	if r.Unavailable(t) != nil {
		return nil
	}
	d := &Details{Operations: []Operation{}, Rings: []Ring{}, Alarms: []Alarm{}, Missing: r.kernel.missing}
	underWay, err := r.readRequests(t)
	if err != nil {
		return err
	}
	if err := errors.Join(
		r.readOperations(t, d, underWay),
		r.readRings(t, d),
		r.readCounters(t, d, out),
		r.readHistograms(t, out, underWay),
	); err != nil {
		return err
	}
	beginNs, _ := r.session.Window()
	r.watches[t].read(d, beginNs)
	for i := range d.Operations {
		o := &d.Operations[i]
		out.InFlight["uringRequests"] += o.InFlight
		d.DriftRequests += int64(o.Submitted) -
			int64(o.Quiet+o.Completed+o.EndedUnseen+o.InFlight)
	}
	return out.SetDetails(Probe.Manifest.Name, d)
}

// readMissed counts the runs that the kernel left out because the same program ran on the CPU
// already. It does not tell whose they were: every target has them all.
func (r *running) readMissed(out *report.Target) error {
	for _, program := range r.programs() {
		stats, err := program.Stats()
		if err != nil {
			return fmt.Errorf("read what the kernel tells of a program: %w", err)
		}
		out.Lost["uringEventsMissed"] += stats.RecursionMisses
	}
	return nil
}

func (r *running) readCounters(t *target.Target, d *Details, out *report.Target) error {
	for _, cause := range []string{"uringRequestsFull", "uringUserDataFull", "uringRingsFull",
		"uringUnreadable", "uringEventsMissed"} {
		out.Lost[cause] += 0
	}
	out.InFlight["uringRequests"] += 0
	var overflows, dropped uint64
	var work TaskWork
	err := attach.SumPerCPU(r.objects.UringCounters, t.Slot, func(c uringUringCounters) {
		d.Unknown += c.Unknown
		d.Messages += c.Messages
		d.Notifications += c.Notifications
		overflows += c.Overflowed
		dropped += c.OverflowLost
		work.Runs += c.TaskWorkRuns
		work.Items += c.TaskWorkItems
		out.Lost["uringRequestsFull"] += c.RequestsFull
		out.Lost["uringUserDataFull"] += c.UserDataFull
		out.Lost["uringRingsFull"] += c.RingsFull
		out.Lost["uringUnreadable"] += c.Unreadable
	})
	if err != nil {
		return err
	}
	if !r.kernel.absent["uring_overflow"] {
		d.CqOverflows, d.CqOverflowsDropped = &overflows, &dropped
	}
	if !r.kernel.absent["uring_task_work"] {
		d.TaskWork = &work
	}
	return r.readMissed(out)
}

func (r *running) readHistograms(t *target.Target, out *report.Target, underWay []uringRequest) error {
	for i, metric := range metrics {
		var perCPU []hist.Raw
		index := uint32(t.Slot*len(metrics) + i)
		if err := r.objects.UringHistograms.Lookup(index, &perCPU); err != nil {
			return fmt.Errorf("read histogram %s: %w", metric, err)
		}
		if metric == multishotMetric {
			perCPU = append(perCPU, openMultishots(underWay))
		}
		out.Histograms[metric] = hist.Merge(perCPU)
	}
	return nil
}

// openMultishots has the completions so far of multishot requests that have not ended.
func openMultishots(underWay []uringRequest) (raw hist.Raw) {
	for _, request := range underWay {
		if more := uint64(request.More); more > 0 {
			raw.Sum += more
			raw.Max = max(raw.Max, more)
			raw.Buckets[hist.Index(more)]++
		}
	}
	return raw
}

func (r *running) Close() error {
	err := r.links.Close()
	for _, w := range r.watches {
		err = errors.Join(err, w.Close())
	}
	if r.kernel == nil {
		return err
	}
	return errors.Join(err, r.objects.Close())
}

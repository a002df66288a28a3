// Package descriptors keeps the balance of what a process opens and closes.
package descriptors

import (
	_ "embed"
	"errors"

	"pollgate/bpf/internal/attach"
	"pollgate/bpf/internal/probe"
	"pollgate/bpf/internal/report"
	"pollgate/bpf/internal/target"
)

// kinds is in the order of `enum kind` in descriptors.bpf.c.
var kinds = []string{"socket", "accept", "file", "pipe", "epoll", "eventfd", "io_uring", "other"}

//go:embed probe.json
var manifest []byte

// Probe is this probe, ready to be attached.
var Probe = probe.Probe{Manifest: probe.MustManifest(manifest), Attach: attachProbe}

type running struct {
	objects descriptorsObjects
	links   attach.Links
}

func attachProbe(session *attach.Session) (probe.Running, error) {
	r := &running{}
	spec, err := loadDescriptors()
	if err != nil {
		return nil, err
	}
	if err := session.Load(spec, &r.objects); err != nil {
		return nil, err
	}
	if err := r.links.Tracepoints(r.objects.DescriptorsEnter, r.objects.DescriptorsExit); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

func (r *running) Sites(*target.Target) []report.Site { return nil }

func (r *running) Unavailable(*target.Target) map[string]string { return nil }

func (r *running) Read(t *target.Target, out *report.Target) error {
	d := &report.Descriptors{Opened: zeroes(), Closed: zeroes(), OpenAtEnd: zeroes()}
	err := attach.SumPerCPU(r.objects.DescriptorCounters, t.Slot,
		func(c descriptorsDescriptorCounters) {
			for i, kind := range kinds {
				d.Opened[kind] += c.Opened[i]
				d.Closed[kind] += c.Closed[i]
			}
			d.ClosedPreexisting += c.ClosedPreexisting
			out.Lost.FdMapFull += c.MapFull
			out.Lost.ThreadStateFull += c.ThreadStateLost
		})
	if err != nil {
		return err
	}
	out.Descriptors = d

	var key uint64
	var kind uint32
	entries := r.objects.OpenDescriptors.Iterate()
	for entries.Next(&key, &kind) {
		if int(key>>32) == t.Slot {
			d.OpenAtEnd[kinds[kind]]++
		}
	}
	return entries.Err()
}

func zeroes() map[string]uint64 {
	counts := map[string]uint64{}
	for _, kind := range kinds {
		counts[kind] = 0
	}
	return counts
}

func (r *running) Close() error { return errors.Join(r.links.Close(), r.objects.Close()) }

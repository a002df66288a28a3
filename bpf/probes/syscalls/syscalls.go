// Package syscalls counts system calls and times those that move data.
package syscalls

import (
	_ "embed"
	"errors"

	"pollgate/bpf/internal/attach"
	"pollgate/bpf/internal/probe"
	"pollgate/bpf/internal/report"
	"pollgate/bpf/internal/sysnum"
	"pollgate/bpf/internal/target"
)

// slots is SYSCALL_SLOTS in syscalls.bpf.c; the last collects numbers beyond the table.
const slots = 512

// metrics is in the order of the histograms in syscalls.bpf.c.
var metrics = []string{"readNs", "writeNs"}

//go:embed probe.json
var manifest []byte

// Probe is this probe, ready to be attached.
var Probe = probe.Probe{Manifest: probe.MustManifest(manifest), Attach: attachProbe}

type running struct {
	objects syscallsObjects
	links   attach.Links
}

func attachProbe(session *attach.Session) (probe.Running, error) {
	r := &running{}
	spec, err := loadSyscalls()
	if err != nil {
		return nil, err
	}
	if err := session.Load(spec, &r.objects); err != nil {
		return nil, err
	}
	if err := r.links.Tracepoints(r.objects.SyscallsEnter, r.objects.SyscallsExit); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

func (r *running) Sites(*target.Target) []report.Site { return nil }

func (r *running) Unavailable(*target.Target) map[string]string { return nil }

func (r *running) Read(t *target.Target, out *report.Target) error {
	for i, metric := range metrics {
		histogram, err := attach.ReadHistogram(r.objects.SyscallHistograms, t.Slot*len(metrics)+i)
		if err != nil {
			return err
		}
		out.Histograms[metric] = histogram
	}
	out.Syscalls = map[string]uint64{}
	for number := range slots {
		var calls uint64
		err := attach.SumPerCPU(r.objects.SyscallCounts, t.Slot*slots+number,
			func(n uint64) { calls += n })
		if err != nil {
			return err
		}
		if calls > 0 {
			out.Syscalls[sysnum.Name(number)] = calls
		}
	}
	return attach.SumPerCPU(r.objects.SyscallThreadStateLost, t.Slot,
		func(n uint64) { out.Lost["threadStateFull"] += n })
}

func (r *running) Close() error { return errors.Join(r.links.Close(), r.objects.Close()) }

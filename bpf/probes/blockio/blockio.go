// Package blockio times the requests that a process issues to block devices.
package blockio

import (
	_ "embed"
	"errors"
	"fmt"

	"github.com/cilium/ebpf"

	"pollgate/bpf/internal/attach"
	"pollgate/bpf/internal/probe"
	"pollgate/bpf/internal/report"
	"pollgate/bpf/internal/target"
	"pollgate/bpf/probes/syscalls"
)

// operations is in the order of `enum operation` in blockio.bpf.c.
var operations = []string{"read", "write", "flush", "discard", "other"}

//go:embed probe.json
var manifest []byte

// Probe is this probe, ready to be attached.
var Probe = probe.Probe{Manifest: probe.MustManifest(manifest), Fit: fitKernel, Attach: attachProbe}

type running struct {
	objects      blockioObjects
	links        attach.Links
	followsCalls bool
}

// tracepoints and how many arguments each must hand over.
var tracepoints = map[string]int{"block_rq_issue": 1, "block_rq_requeue": 1, "block_rq_complete": 3}

// fitKernel is the probe's Fit: it has one variant, and says which kernels cannot take it.
func fitKernel(_ *ebpf.CollectionSpec, kernel attach.KernelTypes) (map[string]string, error) {
	for name, want := range tracepoints {
		if args, exists := kernel.TracepointArgs(name); !exists || args != want {
			return nil, fmt.Errorf("tracepoint %s: found %d arguments, expected %d "+
				"(a kernel without block devices, or not from 5.15 to 7.3)", name, args, want)
		}
	}
	return nil, nil
}

func attachProbe(session *attach.Session) (probe.Running, error) {
	if _, err := fitKernel(nil, session.Kernel); err != nil {
		return nil, err
	}
	r := &running{followsCalls: session.Shared(syscalls.BlocksMap) != nil}
	spec, err := loadBlockio()
	if err != nil {
		return nil, err
	}
	if r.followsCalls {
		err = spec.Variables["follows_calls"].Set(uint32(1))
	} else {
		spec.Maps[syscalls.BlocksMap].MaxEntries = 1
	}
	if err != nil {
		return nil, err
	}
	if err := session.Load(spec, &r.objects); err != nil {
		return nil, err
	}
	// Completions first: what is issued from now on is seen to its end.
	err = r.links.Tracepoints(r.objects.BlockioComplete, r.objects.BlockioRequeue,
		r.objects.BlockioIssue)
	if err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

func (r *running) Sites(*target.Target) []report.Site { return nil }

func (r *running) Unavailable(*target.Target) map[string]string { return nil }

func (r *running) Read(t *target.Target, out *report.Target) error {
	histogram, err := attach.ReadHistogram(r.objects.BlockioHistograms, t.Slot)
	if err != nil {
		return err
	}
	out.Histograms["blockIoNs"] = histogram
	d := Details{Requests: map[string]Requests{}}
	for _, cause := range []string{"blockIoUnfinished", "blockIoRequestsFull", "blockIoCallsFull"} {
		out.Lost[cause] += 0
	}
	var inCalls, outside uint64
	err = attach.SumPerCPU(r.objects.BlockioCounters, t.Slot, func(c blockioBlockioCounters) {
		for i, operation := range operations {
			if more := c.Completed[i]; more.Requests > 0 {
				sum := d.Requests[operation]
				d.Requests[operation] = Requests{sum.Requests + more.Requests,
					sum.Bytes + more.Bytes, sum.TotalNs + more.Ns}
			}
		}
		d.Requeued += c.Requeued
		inCalls += c.InCalls
		outside += c.OutsideCalls
		out.Lost["blockIoUnfinished"] += c.Unfinished
		out.Lost["blockIoRequestsFull"] += c.RequestsFull
		out.Lost["blockIoCallsFull"] += c.CallsFull
	})
	if err != nil {
		return err
	}
	if r.followsCalls {
		d.InCalls, d.OutsideCalls = &inCalls, &outside
	}
	err = attach.SumPerCPU(r.objects.BlockioForeign, 0, func(f blockioForeign) {
		d.Foreign.KernelThreads += f.KernelThreads
		d.Foreign.OtherProcesses += f.Processes
	})
	if err != nil {
		return err
	}
	if err := r.inFlight(t.Slot, out.InFlight); err != nil {
		return err
	}
	return out.SetDetails(Probe.Manifest.Name, d)
}

// inFlight counts the requests of a target that were at a device when the window closed.
func (r *running) inFlight(slot int, counts map[string]uint64) error {
	counts["blockIoRequests"] += 0
	var key uint64
	var value blockioIssued
	entries := r.objects.Requests.Iterate()
	for entries.Next(&key, &value) {
		if int(value.Slot) == slot {
			counts["blockIoRequests"]++
		}
	}
	if err := entries.Err(); err != nil {
		return fmt.Errorf("read requests under way: %w", err)
	}
	return nil
}

func (r *running) Close() error { return errors.Join(r.links.Close(), r.objects.Close()) }

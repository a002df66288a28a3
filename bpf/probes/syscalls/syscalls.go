// Package syscalls counts system calls, times those that can make a program wait, and tells which
// were slow and who made them.
package syscalls

import (
	_ "embed"
	"errors"
	"fmt"

	"pollgate/bpf/internal/attach"
	"pollgate/bpf/internal/hist"
	"pollgate/bpf/internal/probe"
	"pollgate/bpf/internal/report"
	"pollgate/bpf/internal/sysnum"
	"pollgate/bpf/internal/target"
)

// slots is SYSCALL_SLOTS in syscalls.bpf.c; the last collects numbers beyond the table.
const slots = 512

// The maps that the probe blockio adds to; include/calls.bpf.h.
const (
	ThreadsMap = "syscall_threads"
	BlocksMap  = "call_blocks"
)

//go:embed probe.json
var manifest []byte

// Probe is this probe, ready to be attached.
var Probe = probe.Probe{Manifest: probe.MustManifest(manifest), Attach: attachProbe}

type running struct {
	objects       syscallsObjects
	links         attach.Links
	ring          *attach.Ring[slowCall]
	examples      examples
	slowCallNs    uint64
	followsBlocks bool
}

func attachProbe(session *attach.Session) (probe.Running, error) {
	r := &running{slowCallNs: uint64(session.SlowCall.Nanoseconds()),
		followsBlocks: session.Selected["blockio"]}
	spec, err := loadSyscalls()
	if err != nil {
		return nil, err
	}
	if !r.followsBlocks {
		spec.Maps[BlocksMap].MaxEntries = 1
	}
	var isGo [target.Max]uint32
	for _, t := range session.Targets {
		if t.Binary.GoVersion != "" {
			isGo[t.Slot] = 1
		}
	}
	err = errors.Join(
		spec.Variables["timed"].Set(codes()),
		spec.Variables["is_go"].Set(isGo),
		spec.Variables["slow_call_ns"].Set(r.slowCallNs),
	)
	if err != nil {
		return nil, fmt.Errorf("set table of timed calls: %w", err)
	}
	if err := session.Load(spec, &r.objects); err != nil {
		return nil, err
	}
	if r.ring, err = attach.OpenRingFunc(r.objects.Events, r.examples.keep); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	if err := session.Join(r.objects.SyscallsEnter, r.objects.SyscallsExit); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	if r.followsBlocks {
		session.Share(ThreadsMap, r.objects.SyscallThreads)
		session.Share(BlocksMap, r.objects.CallBlocks)
	}
	return r, nil
}

func (r *running) Sites(*target.Target) []report.Site { return nil }

func (r *running) Unavailable(*target.Target) map[string]string { return nil }

func (r *running) Read(t *target.Target, out *report.Target) error {
	if _, err := r.ring.Events(); err != nil {
		return err
	}
	if err := r.readHistograms(t, out); err != nil {
		return err
	}
	calls, err := r.calls(t)
	if err != nil {
		return err
	}
	out.Syscalls = calls
	err = attach.SumPerCPU(r.objects.SyscallThreadStateLost, t.Slot,
		func(n uint64) { out.Lost["threadStateFull"] += n })
	if err != nil {
		return err
	}
	totals, err := r.sum(t, out)
	if err != nil {
		return err
	}
	d, err := r.details(t, totals)
	if err != nil {
		return err
	}
	return out.SetDetails(Probe.Manifest.Name, d)
}

// calls counts those of a target so far, by name.
func (r *running) calls(t *target.Target) (map[string]uint64, error) {
	byName := map[string]uint64{}
	for number := range slots {
		var calls uint64
		err := attach.SumPerCPU(r.objects.SyscallCounts, t.Slot*slots+number,
			func(n uint64) { calls += n })
		if err != nil {
			return nil, err
		}
		if calls > 0 {
			byName[sysnum.Name(number)] = calls
		}
	}
	return byName, nil
}

// Events tells how many system calls a target made so far.
func (r *running) Events(t *target.Target) (events probe.Events, err error) {
	calls, err := r.calls(t)
	for _, n := range calls {
		events.SystemCalls += n
	}
	return events, err
}

// readHistograms reads each row once and adds up those of a family.
func (r *running) readHistograms(t *target.Target, out *report.Target) error {
	inFamily := map[string][]hist.Raw{}
	for i, row := range rows {
		var perCPU []hist.Raw
		index := uint32(t.Slot*len(rows) + i)
		if err := r.objects.SyscallHistograms.Lookup(index, &perCPU); err != nil {
			return fmt.Errorf("read histogram %s: %w", row.metric, err)
		}
		out.Histograms[row.metric] = hist.Merge(perCPU)
		if row.family != "" {
			inFamily[row.family] = append(inFamily[row.family], perCPU...)
		}
	}
	for _, family := range families {
		out.Histograms[family] = hist.Merge(inFamily[family])
	}
	return nil
}

// slowTotals are the counts of all CPUs together.
type slowTotals struct {
	slow, waits []syscallsTotal
}

// sum adds up the counts of slow calls, and tells what of them was lost.
func (r *running) sum(t *target.Target, out *report.Target) (slowTotals, error) {
	sums := slowTotals{make([]syscallsTotal, len(rows)*len(fileKinds)), make([]syscallsTotal, len(rows))}
	for _, cause := range []string{"slowCallEventsFull", "slowCallPlacesFull", "slowCallStacks"} {
		out.Lost[cause] += 0
	}
	err := attach.SumPerCPU(r.objects.SlowCounts, t.Slot, func(c syscallsSlowCounts) {
		for i, total := range c.Slow {
			addTotal(&sums.slow[i], total)
		}
		for i, total := range c.Waits {
			addTotal(&sums.waits[i], total)
		}
		out.Lost["slowCallEventsFull"] += c.EventsLost
		out.Lost["slowCallPlacesFull"] += c.PlacesFull
		out.Lost["slowCallStacks"] += c.StacksLost
	})
	return sums, err
}

func addTotal(sum *syscallsTotal, more syscallsTotal) {
	sum.Calls += more.Calls
	sum.Ns += more.Ns
	sum.BlockNs += more.BlockNs
	sum.MaxNs = max(sum.MaxNs, more.MaxNs)
}

func (r *running) Close() error {
	err := r.links.Close()
	if r.ring != nil {
		err = errors.Join(err, r.ring.Close())
	}
	return errors.Join(err, r.objects.Close())
}

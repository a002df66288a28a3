// Package oncpu samples where a process spends CPU time, as the kernel sees it.
package oncpu

import (
	_ "embed"
	"errors"
	"fmt"

	"github.com/cilium/ebpf"

	"pollgate/bpf/internal/attach"
	"pollgate/bpf/internal/probe"
	"pollgate/bpf/internal/report"
	"pollgate/bpf/internal/target"
)

// frequencyHz is not a round number, so that the samples do not run in step with what a program does
// every 10 ms or 100 ms.
const frequencyHz = 99

// periodNs is as the kernel cuts it (perf_swevent_init_hrtimer in kernel/events/core.c).
const periodNs = 1_000_000_000 / frequencyHz

//go:embed probe.json
var manifest []byte

// Probe is this probe, ready to be attached.
var Probe = probe.Probe{Manifest: probe.MustManifest(manifest), Attach: attachProbe}

type running struct {
	session *attach.Session
	objects oncpuObjects
	links   attach.Links
	cpus    int
	// code has what else than the program lies in the memory of a target, empty where that may not
	// be looked at.
	code map[*target.Target]target.Mappings
}

func attachProbe(session *attach.Session) (probe.Running, error) {
	spec, err := loadOncpu()
	if err != nil {
		return nil, err
	}
	return attachSpec(session, spec)
}

func attachSpec(session *attach.Session, spec *ebpf.CollectionSpec) (probe.Running, error) {
	r := &running{session: session, code: map[*target.Target]target.Mappings{}}
	var code [target.Max]oncpuCode
	for _, t := range session.Targets {
		code[t.Slot] = goCode(t)
		// Read now: the right to read is given up when everything is attached.
		r.code[t], _ = t.Mappings()
	}
	if err := spec.Variables["code"].Set(code); err != nil {
		return nil, err
	}
	if err := session.Load(spec, &r.objects); err != nil {
		return nil, err
	}
	var err error
	if r.cpus, err = r.links.Sample(r.objects.OncpuSample, frequencyHz); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

// goCode is where the code of a Go program lies, empty for others and where it is not known.
func goCode(t *target.Target) oncpuCode {
	bias, err := t.LoadBias()
	if err != nil || t.Binary.GoVersion == "" {
		return oncpuCode{}
	}
	from, to := t.Binary.Text()
	return oncpuCode{From: from + bias, To: to + bias}
}

func (r *running) Sites(*target.Target) []report.Site { return nil }

func (r *running) Unavailable(*target.Target) map[string]string { return nil }

func (r *running) Read(t *target.Target, out *report.Target) error {
	d := &Details{FrequencyHz: frequencyHz, PeriodNs: periodNs}
	for _, cause := range []string{"onCpuThreadsFull", "onCpuStacksFull"} {
		out.Lost[cause] += 0
	}
	err := attach.SumPerCPU(r.objects.OncpuCounters, t.Slot, func(c oncpuOncpuCounters) {
		d.add(c.All)
		d.ProgramNs += c.ProgramNs
		d.DeepStacks += c.DeepStacks
		out.Lost["onCpuThreadsFull"] += c.ThreadsFull
		out.Lost["onCpuStacksFull"] += c.StacksFull
	})
	if err != nil {
		return err
	}
	if d.Machine, err = r.machine(); err != nil {
		return err
	}
	threads, err := r.threads(t.Slot)
	if err != nil {
		return err
	}
	stacks, err := r.stacks(t)
	if err != nil {
		return err
	}
	d.fill(threads, stacks)
	out.SampledNs = int64(d.ProgramNs)
	return out.SetDetails(Probe.Manifest.Name, d)
}

// machine sums up what ran on any CPU.
func (r *running) machine() (Machine, error) {
	begin, end := r.session.Window()
	m := Machine{CPUs: uint64(r.cpus), ExpectedSamples: uint64(end-begin) / periodNs * uint64(r.cpus)}
	err := attach.SumPerCPU(r.objects.OncpuMachine, 0, func(c oncpuOncpuMachine) {
		m.Samples += c.Samples
		m.Idle += c.Idle
		m.Targets += c.Targets
	})
	return m, err
}

func (r *running) threads(slot int) ([]Thread, error) {
	var threads []Thread
	var key oncpuSampledThread
	var value oncpuSampleCounts
	entries := r.objects.OncpuThreads.Iterate()
	for entries.Next(&key, &value) {
		if int(key.Slot) == slot {
			threads = append(threads, Thread{key.Tid, countsOf(value)})
		}
	}
	if err := entries.Err(); err != nil {
		return nil, fmt.Errorf("read samples by thread: %w", err)
	}
	return threads, nil
}

// stacks has one entry for each that the program kept, which differ in addresses: many are the same
// lines.
func (r *running) stacks(t *target.Target) ([]Stack, error) {
	var stacks []Stack
	var key oncpuUserStack
	var value oncpuSampleCounts
	names := namer{t, r.code[t]}
	entries := r.objects.OncpuStacks.Iterate()
	for entries.Next(&key, &value) {
		if int(key.Slot) == t.Slot {
			stacks = append(stacks, Stack{names.stack(key), countsOf(value)})
		}
	}
	if err := entries.Err(); err != nil {
		return nil, fmt.Errorf("read samples by stack: %w", err)
	}
	return stacks, nil
}

func (r *running) Close() error { return errors.Join(r.links.Close(), r.objects.Close()) }

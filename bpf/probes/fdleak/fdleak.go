// Package fdleak keeps the balance of what a process opens and closes, and of who does it.
package fdleak

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

// kinds is in the order of `enum kind` in fdleak.bpf.c.
var kinds = []string{"socket", "accept", "file", "pipe", "epoll", "eventfd", "io_uring", "other"}

// What else an origin can stand for: `enum misuse` in fdleak.bpf.c.
const (
	doubleClose = iota + 8 // behind the kinds
	closeOfUnknown
	epollOutlivesClose
)

//go:embed probe.json
var manifest []byte

// Probe is this probe, ready to be attached.
var Probe = probe.Probe{Manifest: probe.MustManifest(manifest), Fit: fitKernel, Attach: attachProbe}

const (
	submitTracepoint = "io_uring_submit_req"
	submitProgram    = "fdleak_submit"
)

// objects are those that every kernel can load.
type objects struct {
	fdleakMaps
	Enter *ebpf.Program `ebpf:"fdleak_enter"`
	Exit  *ebpf.Program `ebpf:"fdleak_exit"`
}

// ringObjects has what hangs on the tracepoint of io_uring requests too.
type ringObjects struct {
	objects
	Submit *ebpf.Program `ebpf:"fdleak_submit"`
}

type running struct {
	ringObjects
	session *attach.Session
	links   attach.Links
}

// fitKernel is the probe's Fit: kernels before Linux 6.4 have no tracepoint of io_uring requests.
func fitKernel(spec *ebpf.CollectionSpec, kernel attach.KernelTypes) (map[string]string, error) {
	if args, exists := kernel.TracepointArgs(submitTracepoint); exists && args == 1 {
		return nil, nil
	}
	delete(spec.Programs, submitProgram)
	return map[string]string{"ring": "the kernel has no tracepoint " + submitTracepoint}, nil
}

func attachProbe(session *attach.Session) (probe.Running, error) {
	r := &running{session: session}
	spec, err := loadFdleak()
	if err != nil {
		return nil, err
	}
	var isGo [target.Max]uint32
	for _, t := range session.Targets {
		if t.Binary.GoVersion != "" {
			isGo[t.Slot] = 1
		}
	}
	if err := spec.Variables["is_go"].Set(isGo); err != nil {
		return nil, err
	}
	if _, err := fitKernel(spec, session.Kernel); err != nil {
		return nil, err
	}
	var wanted any = &r.objects
	if spec.Programs[submitProgram] != nil {
		wanted = &r.ringObjects
	}
	if err := session.Load(spec, wanted); err != nil {
		return nil, err
	}
	if r.Submit != nil {
		if err := r.links.Tracepoints(r.Submit); err != nil {
			return nil, errors.Join(err, r.Close())
		}
	}
	if err := session.Join(r.Enter, r.Exit); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

func (r *running) Sites(*target.Target) []report.Site { return nil }

func (r *running) Unavailable(*target.Target) map[string]string { return nil }

func (r *running) Read(t *target.Target, out *report.Target) error {
	d := &report.Descriptors{Opened: zeroes(), Closed: zeroes(), OpenAtEnd: zeroes()}
	details := &Details{}
	ring := &RingRequests{}
	for _, cause := range []string{"fdMapFull", "fdMarksFull", "fdOriginsFull", "fdStacks"} {
		out.Lost[cause] += 0
	}
	err := attach.SumPerCPU(r.FdleakCounters, t.Slot, func(c fdleakFdleakCounters) {
		for i, kind := range kinds {
			d.Opened[kind] += c.Opened[i]
			d.Closed[kind] += c.Closed[i]
		}
		d.ClosedPreexisting += c.ClosedPreexisting
		details.ClosedUnseen += c.CloseUnseen
		details.DoubleClose.Count += c.DoubleCloses
		details.CloseOfUnknown.Count += c.ClosesOfUnknown
		details.EpollOutlivingClose.Count += c.EpollOutlives
		ring.OpenedDirect += c.RingOpensDirect
		ring.ClosedDirect += c.RingClosesDirect
		ring.Opened += c.RingOpens
		ring.Closed += c.RingCloses
		out.Lost["fdMapFull"] += c.MapFull
		out.Lost["fdMarksFull"] += c.MarksFull
		out.Lost["fdOriginsFull"] += c.OriginsFull
		out.Lost["fdStacks"] += c.StacksLost
		out.Lost["threadStateFull"] += c.ThreadStateLost
	})
	if err != nil {
		return err
	}
	out.Descriptors = d
	if r.Submit != nil {
		details.Ring = ring
	}

	open, err := r.openAtEnd(t)
	if err != nil {
		return err
	}
	for _, o := range open {
		d.OpenAtEnd[kinds[o.Origin.What]]++
	}
	counts, err := r.origins(t)
	if err != nil {
		return err
	}
	begin, end := r.session.Window()
	book := book{begin: begin, end: end, counts: counts, open: open,
		stackOf: func(o fdleakOrigin) ([]Frame, error) { return r.stackOf(t, o) }}
	if err := book.fill(details); err != nil {
		return err
	}
	return out.SetDetails(Probe.Manifest.Name, details)
}

// numbered is a descriptor that was open when the window closed.
type numbered struct {
	fdleakDescriptor
	number uint32
}

func (r *running) openAtEnd(t *target.Target) ([]numbered, error) {
	var open []numbered
	var key uint64
	var value fdleakDescriptor
	entries := r.Descriptors.Iterate()
	for entries.Next(&key, &value) {
		if int(key>>32) == t.Slot && value.OpenedNs != 0 {
			open = append(open, numbered{value, uint32(key)})
		}
	}
	if err := entries.Err(); err != nil {
		return nil, fmt.Errorf("read open descriptors: %w", err)
	}
	return open, nil
}

func (r *running) origins(t *target.Target) (map[fdleakOrigin]fdleakOriginCounts, error) {
	all := map[fdleakOrigin]fdleakOriginCounts{}
	var key fdleakOrigin
	var value fdleakOriginCounts
	entries := r.Origins.Iterate()
	for entries.Next(&key, &value) {
		if int(key.Slot) == t.Slot {
			all[key] = value
		}
	}
	if err := entries.Err(); err != nil {
		return nil, fmt.Errorf("read origins: %w", err)
	}
	return all, nil
}

// stackOf puts together what the program took apart (origin.bpf.h).
func (r *running) stackOf(t *target.Target, o fdleakOrigin) ([]Frame, error) {
	rest, err := attach.ReadStack(r.Stacks, o.Stack)
	if err != nil {
		return nil, err
	}
	if len(rest) > 0 && rest[0] == o.Ip {
		rest = rest[1:]
	}
	addresses := []uint64{o.Ip}
	if o.Caller != 0 {
		addresses = append(addresses, o.Caller)
	}
	return frames(t, append(addresses, rest...)), nil
}

func zeroes() map[string]uint64 {
	counts := map[string]uint64{}
	for _, kind := range kinds {
		counts[kind] = 0
	}
	return counts
}

func (r *running) Close() error {
	err := errors.Join(r.links.Close(), r.fdleakMaps.Close())
	for _, program := range []*ebpf.Program{r.Enter, r.Exit, r.Submit} {
		err = errors.Join(err, program.Close())
	}
	return err
}

// Package attach loads BPF objects and hangs their programs on tracepoints, user-space instructions
// and the kernel's clock. It uses tp_btf, perf_event and uprobe_multi only (perf uprobes where the
// kernel is older): none needs tracefs, kprobes or fentry.
package attach

import (
	"errors"
	"fmt"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
	"github.com/cilium/ebpf/features"
	"github.com/cilium/ebpf/link"
	"github.com/cilium/ebpf/rlimit"
	"golang.org/x/sys/unix"

	"pollgate/bpf/internal/gosym"
	"pollgate/bpf/internal/target"
)

// DefaultMapEntries is enough for 10,000 connections several times over, at 5 MB.
const DefaultMapEntries = 65_536

// Session is what all probes of one run share: the targets, the window and the kernel's types.
type Session struct {
	Targets []*target.Target
	Kernel  KernelTypes
	// PerfUprobes is set where the kernel has no uprobe_multi links: before Linux 6.6, and in
	// those later ones whose filter takes one thread for the process.
	PerfUprobes bool
	// MapEntries is the room per target in each hash map: open descriptors, goroutines made ready.
	MapEntries uint32
	// LeakAge is how old a goroutine must be at the end of the window to be a candidate for a leak;
	// 0 for a quarter of the window.
	LeakAge time.Duration
	// Selected has the names of the probes that this session is to attach: one probe can do more
	// where another is there too.
	Selected map[string]bool
	// NetpollAlarm is how long a loop of the netpoller may take before it is counted as an alarm.
	NetpollAlarm time.Duration
	// SlowCall is from how long on a system call is told of as slow.
	SlowCall time.Duration
	// UringAlarmPercent is how full a completion queue may be before it is an alarm; 0 for no alarms.
	UringAlarmPercent uint64

	shared    map[string]*ebpf.Map
	joint     joint
	loaded    map[*ebpf.Program]loadedProgram
	window    *ebpf.Map
	barrier   *ebpf.Map
	beginNs   int64
	endNs     int64
	cache     *btf.Cache
	namespace target.Namespace
}

// NewSession prepares for observing targets. The window is closed.
func NewSession(targets []*target.Target) (*Session, error) {
	namespace, err := target.CommonNamespace(targets)
	if err != nil {
		return nil, err
	}
	// Needed before Linux 5.11 only, where map memory counted as locked memory.
	if err := rlimit.RemoveMemlock(); err != nil {
		return nil, fmt.Errorf("lift the limit of locked memory: %w", err)
	}
	types, err := RunningKernel()
	if err != nil {
		return nil, err
	}
	s := &Session{
		Targets:     targets,
		Kernel:      types,
		cache:       btf.NewCache(),
		namespace:   namespace,
		MapEntries:  DefaultMapEntries,
		Selected:    map[string]bool{},
		shared:      map[string]*ebpf.Map{},
		joint:       joint{parts: map[string][]part{}},
		loaded:      map[*ebpf.Program]loadedProgram{},
		PerfUprobes: features.HaveBPFLinkUprobeMulti() != nil,
	}
	if s.window, err = ebpf.NewMap(windowSpec); err != nil {
		return nil, fmt.Errorf("create window map: %w", err)
	}
	if s.barrier, err = newBarrier(); err != nil {
		s.window.Close()
		return nil, fmt.Errorf("create barrier map: %w", err)
	}
	return s, nil
}

// Close releases the session's own maps; probes are closed by their owners.
func (s *Session) Close() error {
	return errors.Join(s.DetachJoint(), s.window.Close(), s.barrier.Close())
}

// Load fits a probe's object to the targets, loads it and assigns its maps and programs to the
// fields of objects (a struct that bpf2go generated).
func (s *Session) Load(spec *ebpf.CollectionSpec, objects any) error {
	var tgids [target.Max]uint32
	for _, t := range s.Targets {
		tgids[t.Slot] = uint32(t.PID)
	}
	err := errors.Join(
		spec.Variables["target_tgid"].Set(tgids),
		spec.Variables["pid_namespace_dev"].Set(s.namespace.Dev),
		spec.Variables["pid_namespace_ino"].Set(s.namespace.Ino),
	)
	if err != nil {
		return fmt.Errorf("set target list: %w", err)
	}
	for _, m := range spec.Maps {
		s.resize(m)
	}
	for _, program := range spec.Programs {
		if program.Type == ebpf.Kprobe && !s.PerfUprobes {
			program.AttachType = ebpf.AttachTraceUprobeMulti
		}
	}
	replacements := map[string]*ebpf.Map{"window": s.window}
	for name, m := range s.shared {
		if _, used := spec.Maps[name]; used {
			replacements[name] = m
		}
	}
	err = spec.LoadAndAssign(objects, &ebpf.CollectionOptions{
		MapReplacements: replacements,
		Cache:           s.cache,
	})
	if err != nil {
		return fmt.Errorf("load BPF object: %w", explain(err))
	}
	s.remember(spec, objects)
	return nil
}

// Share makes all probes that are loaded from now on use this map where their C source declares
// one of that name, which must be declared alike. The map still belongs to the probe that shares
// it.
func (s *Session) Share(name string, m *ebpf.Map) { s.shared[name] = m }

// Shared is a map that another probe has shared, nil if none has.
func (s *Session) Shared(name string) *ebpf.Map { return s.shared[name] }

// Namespaced tells that the numbers of processes and threads seen by the observer are not the
// kernel's own.
func (s *Session) Namespaced() bool { return s.namespace != target.Namespace{} }

// explain adds to the kernel's bare refusal what can be behind it: whoever attaches has made sure
// of the capabilities before.
func explain(err error) error {
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) {
		return fmt.Errorf("%w (refused although the capabilities are there: kernel lockdown, a "+
			"seccomp filter or an LSM; `netprobe check` tells which program types work)", err)
	}
	return err
}

// resize gives a map room for the targets that there are. The C source declares per-CPU arrays
// for the most targets possible, and hash maps for one: with DefaultMapEntries where the user may
// choose the size.
func (s *Session) resize(m *ebpf.MapSpec) {
	switch m.Type {
	case ebpf.PerCPUArray:
		m.MaxEntries = m.MaxEntries / target.Max * uint32(len(s.Targets))
	case ebpf.Hash, ebpf.LRUHash:
		if m.MaxEntries == DefaultMapEntries {
			m.MaxEntries = s.MapEntries
		}
		m.MaxEntries *= uint32(len(s.Targets))
	}
}

// Uprobe attaches a program to one instruction of one target. Other processes that run the same
// file are not touched.
func (s *Session) Uprobe(
	program *ebpf.Program, t *target.Target, site gosym.Site,
) (link.Link, error) {
	executable, err := link.OpenExecutable(t.Binary.Path)
	if err != nil {
		return nil, fmt.Errorf("open executable: %w", err)
	}
	var l link.Link
	if s.PerfUprobes {
		l, err = executable.Uprobe("", program,
			&link.UprobeOptions{Address: site.FileOffset, PID: t.PID})
	} else {
		l, err = executable.UprobeMulti(nil, program,
			&link.UprobeMultiOptions{Addresses: []uint64{site.FileOffset}, PID: uint32(t.PID)})
	}
	if err != nil {
		return nil, fmt.Errorf("attach uprobe to %s+%d: %w", site.Symbol, site.Offset, explain(err))
	}
	return l, nil
}

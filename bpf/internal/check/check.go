// Package check finds out what this machine lets netprobe do, by doing it: it loads and attaches
// one program of each kind to its own process and waits for none but provokes one event of each.
package check

import (
	"errors"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/btf"
	"golang.org/x/sys/unix"

	"pollgate/bpf/internal/attach"
	"pollgate/bpf/internal/caps"
	"pollgate/bpf/internal/probe"
	"pollgate/bpf/internal/selfprobe"
)

// Result is one capability of the machine.
type Result struct {
	// Capability is "privileges", "btf", "tp_btf", "uprobe_multi", "perf_uprobe",
	// "perf_event" or "ptrace".
	Capability string `json:"capability"`
	OK         bool   `json:"ok"`
	// Error is what the kernel said, empty if OK.
	Error string `json:"error"`
	// LostMetrics cannot be taken without it.
	LostMetrics []string `json:"lostMetrics"`
	// Remedy is one command or one thing to change, empty if OK.
	Remedy string `json:"remedy"`
}

// Events of selfcheck.bpf.c.
const (
	sysEnter = iota
	sysExit
	uprobe
)

// Run tries everything. The probes say which metrics hang on what.
func Run(probes []probe.Probe) ([]Result, error) {
	held, err := caps.Effective()
	if err != nil {
		return nil, err
	}
	// Without these the kernel refuses everything, each time with another misleading reason.
	privileged := func(attempt func() error) func() error {
		if err := held.Check(); err != nil {
			return held.Check
		}
		return attempt
	}
	all, byHook := metricsByHook(probes)
	traced, probed, sampled := byHook["tp_btf"], byHook["uprobe"], byHook["perf_event"]
	multi := try("uprobe_multi", probed, privileged(func() error { return tryUprobe(false) }))
	perf := try("perf_uprobe", probed, privileged(func() error { return tryUprobe(true) }))
	// One of the two is enough.
	if multi.OK {
		perf.LostMetrics = []string{}
	}
	if perf.OK {
		multi.LostMetrics = []string{}
	}
	return []Result{
		try("privileges", all, held.Check),
		try("btf", all, func() error { _, err := btf.LoadKernelSpec(); return err }),
		try("tp_btf", traced, privileged(tryTracepoints)),
		multi,
		perf,
		try("perf_event", sampled, privileged(trySampling)),
		try("ptrace", nil, func() error { return tryPtrace(held) }),
	}, nil
}

// metricsByHook has all metrics, and by type of hook those that need one of it in every case.
func metricsByHook(probes []probe.Probe) (all []string, byHook map[string][]string) {
	byHook = map[string][]string{}
	for _, p := range probes {
		needs := map[string]bool{}
		for _, hook := range p.Manifest.Hooks {
			if hook.When == "" {
				needs[hook.Type] = true
			}
		}
		for _, metric := range p.Manifest.Metrics {
			all = append(all, metric.Name)
			for hook := range needs {
				byHook[hook] = append(byHook[hook], metric.Name)
			}
		}
	}
	return all, byHook
}

func try(capability string, metrics []string, attempt func() error) Result {
	result := Result{Capability: capability, LostMetrics: []string{}}
	err := attempt()
	if err == nil {
		result.OK = true
		return result
	}
	result.Error = err.Error()
	result.LostMetrics = append(result.LostMetrics, metrics...)
	result.Remedy = remedy(capability, err)
	return result
}

func remedy(capability string, err error) string {
	var missing *caps.MissingError
	held, capsErr := caps.Effective()
	switch {
	case errors.As(err, &missing), capsErr == nil && held.Check() != nil:
		return caps.Remedy()
	case capability == "btf":
		return "boot a kernel built with CONFIG_DEBUG_INFO_BTF=y, as all distributions' kernels are"
	case capability == "perf_uprobe" && !held.Has(unix.CAP_SYS_ADMIN):
		return "none needed where uprobe_multi works; otherwise run as root (CAP_SYS_ADMIN)"
	case errors.Is(err, unix.EPERM), errors.Is(err, unix.EACCES):
		return "in a container: --pid=host --cap-add BPF,PERFMON,SYS_PTRACE and a seccomp profile " +
			"that allows bpf and perf_event_open; elsewhere: cat /sys/kernel/security/lockdown"
	case errors.Is(err, ebpf.ErrNotSupported):
		return "boot a newer kernel: Linux 5.15 for tp_btf and perf uprobes, 6.6 for uprobe_multi"
	default:
		return "report this error; netprobe runs without this metric meanwhile"
	}
}

func tryTracepoints() error {
	return observe(false, func(session *selfprobe.Session, objects *selfcheckObjects) ([]int, error) {
		var links attach.Links
		defer links.Close()
		if err := links.Tracepoints(objects.CheckSysEnter, objects.CheckSysExit); err != nil {
			return nil, err
		}
		return []int{sysEnter, sysExit}, provoke(session)
	})
}

func tryUprobe(perf bool) error {
	return observe(perf, func(session *selfprobe.Session, objects *selfcheckObjects) ([]int, error) {
		link, err := session.Uprobe(objects.CheckUprobe, session.Targets[0], session.Site)
		if err != nil {
			return nil, err
		}
		defer link.Close()
		return []int{uprobe}, provoke(session)
	})
}

// observe loads the programs with this process as their target, lets attempt attach some and
// provoke events, and checks that each event it names was seen.
func observe(perf bool,
	attempt func(*selfprobe.Session, *selfcheckObjects) (events []int, err error)) error {
	session, err := selfprobe.Open(perf)
	if err != nil {
		return err
	}
	defer session.Close()
	session.PerfUprobes = perf
	spec, err := loadSelfcheck()
	if err != nil {
		return err
	}
	var objects selfcheckObjects
	if err := session.Load(spec, &objects); err != nil {
		return err
	}
	defer objects.Close()
	events, err := attempt(session, &objects)
	if err != nil {
		return err
	}
	for _, event := range events {
		var count uint64
		if err := objects.Seen.Lookup(uint32(event), &count); err != nil {
			return err
		}
		if count == 0 {
			return errors.New("attached, but the event that was provoked was not seen")
		}
	}
	return nil
}

// provoke makes one system call and one call of the probed function while the window is open.
func provoke(session *selfprobe.Session) error {
	if _, err := session.OpenWindow(); err != nil {
		return err
	}
	unix.Getppid()
	selfprobe.Touch()
	_, err := session.CloseWindow()
	return err
}

// trySampling hangs a program that does nothing on a clock of each CPU.
func trySampling() error {
	program, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Name: "check_sample", Type: ebpf.PerfEvent, License: "Dual BSD/GPL",
		Instructions: asm.Instructions{asm.Mov.Imm(asm.R0, 0), asm.Return()},
	})
	if err != nil {
		return err
	}
	defer program.Close()
	var links attach.Links
	defer links.Close()
	_, err = links.Sample(program, 1)
	return err
}

func tryPtrace(held caps.Set) error {
	if held.Has(unix.CAP_SYS_PTRACE) {
		return nil
	}
	return caps.MissingPtrace()
}

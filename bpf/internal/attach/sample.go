package attach

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"
)

// Sample runs a program of type perf_event frequencyHz times a second on each CPU that is online now,
// whatever runs there, and tells how many CPUs these are. The clock is the kernel's own
// (PERF_COUNT_SW_CPU_CLOCK): virtual machines often have no counters of the hardware. After an error
// the caller closes the links, as it would have to anyhow.
func (l *Links) Sample(program *ebpf.Program, frequencyHz uint64) (cpus int, err error) {
	online, err := onlineCPUs()
	if err != nil {
		return 0, err
	}
	for _, cpu := range online {
		if err := l.sampleCPU(program, frequencyHz, cpu); err != nil {
			return 0, fmt.Errorf("sample CPU %d: %w", cpu, explain(err))
		}
	}
	return len(online), nil
}

func (l *Links) sampleCPU(program *ebpf.Program, frequencyHz uint64, cpu int) error {
	clock, err := unix.PerfEventOpen(&unix.PerfEventAttr{
		Type:   unix.PERF_TYPE_SOFTWARE,
		Config: unix.PERF_COUNT_SW_CPU_CLOCK,
		Sample: frequencyHz,
		Bits:   unix.PerfBitFreq,
	}, -1, cpu, -1, unix.PERF_FLAG_FD_CLOEXEC)
	if err != nil {
		return fmt.Errorf("perf_event_open: %w", err)
	}
	defer unix.Close(clock) // the link keeps it
	attached, err := link.AttachRawLink(link.RawLinkOptions{
		Target: clock, Program: program, Attach: ebpf.AttachPerfEvent,
	})
	if err != nil {
		return err
	}
	*l = append(*l, attached)
	return nil
}

// onlineCPUs has the numbers of the CPUs in use, which need not be consecutive.
func onlineCPUs() ([]int, error) {
	const path = "/sys/devices/system/cpu/online"
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	cpus, err := parseCPUs(strings.TrimSpace(string(text)))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return cpus, nil
}

// parseCPUs reads the kernel's list format, such as "0-3,6".
func parseCPUs(list string) ([]int, error) {
	var cpus []int
	for part := range strings.SplitSeq(list, ",") {
		low, high, isRange := strings.Cut(part, "-")
		if !isRange {
			high = low
		}
		from, fromErr := strconv.Atoi(low)
		to, toErr := strconv.Atoi(high)
		if fromErr != nil || toErr != nil || from < 0 || from > to {
			return nil, fmt.Errorf("%q: expected a list of CPUs such as 0-3,6", list)
		}
		for cpu := from; cpu <= to; cpu++ {
			cpus = append(cpus, cpu)
		}
	}
	return cpus, nil
}

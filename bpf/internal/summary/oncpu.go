package summary

import (
	"fmt"

	"pollgate/bpf/probes/oncpu"
)

const mostFunctions = 8

// onCPU is where CPU time went.
func (v view) onCPU() section {
	d, known := details[oncpu.Details](v, "oncpu")
	if !known {
		return nil
	}
	all := float64(d.Samples)
	lines := section{fmt.Sprintf("on CPU: %s of %d Hz (%s), %s in the kernel; machine %s idle",
		counted(d.Samples, "sample"), d.FrequencyHz, duration(d.Samples*d.PeriodNs),
		percent(float64(d.KernelSamples), all), percent(float64(d.Machine.Idle), float64(d.Machine.Samples)))}
	for i, f := range d.Functions {
		if i == mostFunctions || f.Samples == 0 {
			break
		}
		name := function(f.Function)
		if name == "" {
			name = "(no code of the process)"
		}
		inKernel := ""
		if f.KernelSamples > 0 {
			inKernel = fmt.Sprintf(", %s of it in the kernel", percent(float64(f.KernelSamples), float64(f.Samples)))
		}
		lines = append(lines, fmt.Sprintf("  %7s  %s (with what it calls %s%s)", percent(float64(f.Samples), all), name,
			percent(float64(f.CumulativeSamples), all), inKernel))
	}
	return lines
}

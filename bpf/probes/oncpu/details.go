package oncpu

import (
	"cmp"
	"slices"

	"pollgate/bpf/internal/gosym"
)

const (
	mostThreads   = 32
	mostStacks    = 256
	mostFunctions = 64
)

// Details is all that the probe tells. A sample stands for PeriodNs of CPU time: of n samples, the
// root of n at most is chance.
type Details struct {
	// FrequencyHz is how often each CPU is looked at, every PeriodNs.
	FrequencyHz uint64 `json:"frequencyHz"`
	PeriodNs    uint64 `json:"periodNs"`
	// Counts are of all samples in which a thread of the process ran.
	Counts
	Machine Machine `json:"machine"`
	// Threads are those with the most samples, at most 32.
	Threads        []Thread `json:"threads"`
	ThreadsLeftOut uint64   `json:"threadsLeftOut"`
	// Functions are those with the most samples of their own, at most 64.
	Functions        []Function `json:"functions"`
	FunctionsLeftOut uint64     `json:"functionsLeftOut"`
	// Stacks are those with the most samples, at most 256; SamplesLeftOut are of the others.
	Stacks         []Stack `json:"stacks"`
	StacksLeftOut  uint64  `json:"stacksLeftOut"`
	SamplesLeftOut uint64  `json:"samplesLeftOut"`
	// DeepStacks counts samples whose stack was cut behind 64 frames.
	DeepStacks uint64 `json:"deepStacks"`
	// ProgramNs is the CPU time that taking the samples of this process took, without the interrupt
	// that led there.
	ProgramNs uint64 `json:"programNs"`
}

// Counts are samples.
type Counts struct {
	Samples uint64 `json:"samples"`
	// KernelSamples are those of them in which the thread was in the kernel: in a system call, a
	// page fault, an interrupt.
	KernelSamples uint64 `json:"kernelSamples"`
}

// Machine counts the samples of all CPUs together, whatever ran there.
type Machine struct {
	// CPUs that were online when the probe was attached.
	CPUs uint64 `json:"cpus"`
	// ExpectedSamples is what the length of the window gives. Clearly fewer Samples are time in which
	// the hypervisor ran something else, or in which the kernel had its interrupts turned off.
	ExpectedSamples uint64 `json:"expectedSamples"`
	Samples         uint64 `json:"samples"`
	// Idle of them had nothing to run, in Targets ran one of the observed processes; in the others
	// anything else, kernel threads too.
	Idle    uint64 `json:"idle"`
	Targets uint64 `json:"targets"`
}

// Thread is one thread of the process.
type Thread struct {
	ThreadID uint32 `json:"threadId"`
	Counts
}

// Function sums up the stacks on which it is.
type Function struct {
	// Function is empty for samples without a stack: threads of the kernel that work for the process.
	Function string `json:"function"`
	// Counts are of samples with the function innermost. Those of the kernel are under the function
	// that called it.
	Counts
	// CumulativeSamples have it anywhere on the stack, once each.
	CumulativeSamples uint64 `json:"cumulativeSamples"`
}

// Stack is one way to where the process was.
type Stack struct {
	// Frames begin with the innermost; empty where there is no code of the process.
	Frames []Frame `json:"frames"`
	Counts
}

func countsOf(c oncpuSampleCounts) Counts { return Counts{c.Samples, c.InKernel} }

func (c *Counts) add(more oncpuSampleCounts) { c.plus(countsOf(more)) }

func (c *Counts) plus(more Counts) {
	c.Samples += more.Samples
	c.KernelSamples += more.KernelSamples
}

// most orders falling by samples.
func most(x, y Counts) int { return cmp.Compare(y.Samples, x.Samples) }

// fill puts in what was counted by thread and by stack. Stacks that differ in addresses only become
// one.
func (d *Details) fill(threads []Thread, stacks []Stack) {
	slices.SortFunc(threads, func(x, y Thread) int {
		return cmp.Or(most(x.Counts, y.Counts), cmp.Compare(x.ThreadID, y.ThreadID))
	})
	d.Threads, d.ThreadsLeftOut = cut(threads, mostThreads)

	folded := fold(stacks)
	d.Functions, d.FunctionsLeftOut = cut(functions(folded), mostFunctions)
	for _, stack := range folded[min(mostStacks, len(folded)):] {
		d.SamplesLeftOut += stack.Samples
	}
	d.Stacks, d.StacksLeftOut = cut(folded, mostStacks)
}

// cut is the beginning of a list, and the number of the others.
func cut[T any](list []T, most int) (kept []T, leftOut uint64) {
	kept = append([]T{}, list[:min(most, len(list))]...)
	return kept, uint64(len(list) - len(kept))
}

// fold joins stacks with the same functions and lines, those with the most samples first.
func fold(stacks []Stack) []Stack {
	slices.SortFunc(stacks, func(x, y Stack) int { return gosym.CompareFrames(x.Frames, y.Frames) })
	var folded []Stack
	for _, stack := range stacks {
		if last := len(folded) - 1; last >= 0 && slices.Equal(folded[last].Frames, stack.Frames) {
			folded[last].plus(stack.Counts)
			continue
		}
		folded = append(folded, stack)
	}
	slices.SortStableFunc(folded, func(x, y Stack) int { return most(x.Counts, y.Counts) })
	return folded
}

// functions sums up by name.
func functions(stacks []Stack) []Function {
	sums := map[string]*Function{}
	of := func(name string) *Function {
		if sums[name] == nil {
			sums[name] = &Function{Function: name}
		}
		return sums[name]
	}
	for _, stack := range stacks {
		names := []string{""}
		if len(stack.Frames) > 0 {
			names = names[:0]
		}
		for _, frame := range stack.Frames {
			names = append(names, frame.Function)
		}
		of(names[0]).plus(stack.Counts)
		slices.Sort(names)
		for _, name := range slices.Compact(names) {
			of(name).CumulativeSamples += stack.Samples
		}
	}
	var found []Function
	for _, sum := range sums {
		found = append(found, *sum)
	}
	slices.SortFunc(found, func(x, y Function) int {
		return cmp.Or(most(x.Counts, y.Counts), cmp.Compare(y.CumulativeSamples, x.CumulativeSamples),
			cmp.Compare(x.Function, y.Function))
	})
	return found
}

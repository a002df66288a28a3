package main

import (
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"pollgate/bpf/internal/report"
	"pollgate/bpf/probes/oncpu"
)

// burnTime is some 990 samples. If each 10 ms of it were seen or not by mere chance, the share of a
// CPU that the process gets, their number would vary by the root of 990, 3.2 %: 10 % is more than
// three times as much, and sampling by the clock varies less.
const burnTime = "10s"

func TestOnCpuAgreesWithTheKernelAndWithGo(t *testing.T) {
	needPrivileges(t)
	profile := filepath.Join(t.TempDir(), "cpu.pb.gz")
	busy := startWorkload(t, workloadPath, "burn", burnTime, profile)
	busy.expect("ready")
	idle := startWorkload(t, workloadPath, "calls")
	idle.expect("ready")
	idle.say("go")
	idle.expect("done")
	before, interruptedBefore := statCPUNs(t, busy), interruptNs(t)
	o := observe(t, []string{"--probes", "oncpu"}, map[string]*process{"busy": busy, "idle": idle})
	o.begin()
	busy.say("go")
	used, err := strconv.ParseFloat(busy.hear(), 64)
	if err != nil {
		t.Fatal(err)
	}
	busy.expect("done")
	file := o.end()

	seen := details[oncpu.Details](t, file.Targets["busy"], "oncpu")
	checkOnCpuSums(t, file.Targets["busy"], seen)
	sampled := float64(seen.Samples * seen.PeriodNs)
	told := statCPUNs(t, busy) - before
	t.Logf("%d samples, %.3f s; /proc/PID/stat %.3f s; by its own clock %.3f s",
		seen.Samples, sampled/1e9, told/1e9, used/1e9)
	if math.Abs(sampled-told) > told/10 {
		t.Errorf("samples stand for %.3f s, /proc/PID/stat says %.3f s: more than 10 %% apart",
			sampled/1e9, told/1e9)
	}

	top := seen.Functions[0]
	share := 100 * float64(top.Samples) / float64(seen.Samples)
	if top.Function != "main.burnHere" || share < 95 {
		t.Errorf("top function %+v of %d samples (%.1f %%), want main.burnHere with at least 95 %%",
			top, seen.Samples, share)
	}
	name, goShare := topOfProfile(t, profile)
	t.Logf("%s %.1f %%; Go's own profile: %s %.1f %%", top.Function, share, name, goShare)
	if name != top.Function || math.Abs(goShare-share) > 3 {
		t.Errorf("Go's own profile has %s with %.1f %%, the samples %s with %.1f %%", name, goShare,
			top.Function, share)
	}
	stack := seen.Stacks[0].Frames
	if len(stack) < 3 || stack[1].Function != "main.burn" || stack[2].Function != "main.main" ||
		!strings.HasSuffix(stack[0].File, "burn.go") || stack[0].Line == 0 {
		t.Errorf("most frequent stack %+v, want main.burnHere in burn.go < main.burn < main.main", stack)
	}
	// Interrupts are nobody's time, and are sampled with the thread that they stop.
	interrupted := interruptNs(t) - interruptedBefore
	if kernel := float64(seen.KernelSamples * seen.PeriodNs); kernel > told/20+interrupted {
		t.Errorf("%d of %d samples in the kernel, want next to none beside %.3f s of interrupts",
			seen.KernelSamples, seen.Samples, interrupted/1e9)
	}

	rested := details[oncpu.Details](t, file.Targets["idle"], "oncpu")
	checkOnCpuSums(t, file.Targets["idle"], rested)
	if rested.Samples != 0 || len(rested.Threads) != 0 || len(rested.Stacks) != 0 {
		t.Errorf("an idle process has %+v", rested)
	}
	checkMachine(t, file, seen.Machine, seen.Samples)
}

// checkMachine holds what is told of all CPUs against the window.
func checkMachine(t *testing.T, file *report.File, m oncpu.Machine, ofTargets uint64) {
	t.Helper()
	period := float64(1e9 / 99)
	expected := float64(file.Window.EndNs-file.Window.BeginNs) / period * float64(m.CPUs)
	if m.CPUs != uint64(runtime.NumCPU()) || math.Abs(float64(m.ExpectedSamples)-expected) > float64(m.CPUs) {
		t.Errorf("%+v, want %d CPUs and %.0f expected samples", m, runtime.NumCPU(), expected)
	}
	// A clock ticks once more at most; an idle or stolen CPU may miss ticks, a busy one cannot.
	if m.Samples > m.ExpectedSamples+2*m.CPUs || m.Targets != ofTargets || m.Idle+m.Targets > m.Samples {
		t.Errorf("%+v with %d samples of targets", m, ofTargets)
	}
}

// checkOnCpuSums: nothing is lost, and every sample is in each of the three places.
func checkOnCpuSums(t *testing.T, seen *report.Target, d oncpu.Details) {
	t.Helper()
	if anyCounted(seen.Lost) {
		t.Errorf("lost %v", seen.Lost)
	}
	var byThread, byStack, byFunction, inKernel uint64
	for _, thread := range d.Threads {
		byThread += thread.Samples
	}
	for _, stack := range d.Stacks {
		byStack += stack.Samples
		inKernel += stack.KernelSamples
	}
	for _, function := range d.Functions {
		byFunction += function.Samples
	}
	if d.ThreadsLeftOut == 0 && byThread != d.Samples || byStack+d.SamplesLeftOut != d.Samples ||
		d.FunctionsLeftOut == 0 && byFunction != d.Samples ||
		d.StacksLeftOut == 0 && inKernel != d.KernelSamples {
		t.Errorf("%d samples, %d in the kernel; by thread %d, by stack %d + %d (kernel %d), by function %d",
			d.Samples, d.KernelSamples, byThread, byStack, d.SamplesLeftOut, inKernel, byFunction)
	}
	if seen.Cost == nil || seen.Cost.SampledNs != int64(d.ProgramNs) || d.Samples > 0 && d.ProgramNs == 0 {
		t.Errorf("cost %+v, and the programs took %d ns", seen.Cost, d.ProgramNs)
	}
}

// statCPUNs is utime and stime of /proc/PID/stat, in ns. Their unit is 10 ms.
func statCPUNs(t *testing.T, p *process) float64 {
	t.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	// The name, in brackets, may hold anything; utime is the 14th field, the 12th behind it.
	fields := strings.Fields(string(data[strings.LastIndexByte(string(data), ')')+1:]))
	user, userErr := strconv.ParseFloat(fields[11], 64)
	system, systemErr := strconv.ParseFloat(fields[12], 64)
	if userErr != nil || systemErr != nil {
		t.Fatalf("/proc/PID/stat: %s", data)
	}
	return (user + system) * 1e7
}

// interruptNs is the time that all CPUs have spent in interrupts and soft interrupts (/proc/stat).
func interruptNs(t *testing.T) float64 {
	t.Helper()
	data, err := os.ReadFile("/proc/stat")
	if err != nil {
		t.Fatal(err)
	}
	var user, nice, system, idle, ioWait, hard, soft float64
	if _, err := fmt.Sscanf(string(data), "cpu %g %g %g %g %g %g %g", &user, &nice, &system, &idle, &ioWait, &hard, &soft); err != nil {
		t.Fatalf("/proc/stat: %v", err)
	}
	return (hard + soft) * 1e7
}

// topOfProfile is the function with the most samples of its own in a profile of Go, and the share of
// samples with it on the stack, in per cent. Not of its own ones: where threads wait for a CPU, the signals
// of Go's profiler and of its preemption arrive together, and up to a fifth of the samples of a
// function that calls nobody are under runtime.asyncPreempt, which the other signal has made it call.
func topOfProfile(t *testing.T, path string) (name string, share float64) {
	t.Helper()
	cmd := exec.Command("go", "tool", "pprof", "-top", "-nodecount=1", path)
	cmd.Env = append(os.Environ(), "PPROF_BINARY_PATH="+filepath.Dir(path))
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	fields := strings.Fields(lines[len(lines)-1]) // flat flat% sum% cum cum% name
	if len(fields) != 6 {
		t.Fatalf("pprof said %s", out)
	}
	share, err = strconv.ParseFloat(strings.TrimSuffix(fields[4], "%"), 64)
	if err != nil {
		t.Fatalf("pprof said %s", out)
	}
	return fields[5], share
}

// The walk by frame pointers leaves out who called a function without a frame; most of what is dear
// in a Go program are such functions: memmove, and the one with the instruction of a system call.
func TestOnCpuKnowsTheCallersOfFramelessFunctions(t *testing.T) {
	needPrivileges(t)
	for name, path := range map[string]string{"with symbols": workloadPath, "stripped": strippedPath} {
		t.Run(name, func(t *testing.T) { checkFrameless(t, path) })
	}
}

func checkFrameless(t *testing.T, path string) {
	w := startWorkload(t, path, "copies", "2s")
	w.expect("ready")
	o := observe(t, []string{"--probes", "oncpu"}, map[string]*process{"it": w})
	o.begin()
	w.say("go")
	w.hear()
	w.expect("done")
	target := o.end().Targets["it"]
	seen := details[oncpu.Details](t, target, "oncpu")
	checkOnCpuSums(t, target, seen)
	var copies, copiesOfOurs, calls, callsOfOurs, callsInKernel uint64
	for _, stack := range seen.Stacks {
		if len(stack.Frames) < 2 {
			continue
		}
		leaf, caller := stack.Frames[0].Function, stack.Frames[1].Function
		switch {
		case leaf == "runtime.memmove":
			copies += stack.Samples
			if caller == "main.copyHere" {
				copiesOfOurs += stack.Samples
			}
		case strings.HasSuffix(leaf, "syscall/linux.Syscall6"), strings.HasSuffix(leaf, "syscall.Syscall6"):
			calls += stack.Samples
			callsInKernel += stack.KernelSamples
			if strings.HasPrefix(caller, "syscall.RawSyscall6") {
				callsOfOurs += stack.Samples
			}
		}
	}
	t.Logf("copies %d, of them called by ours %d; calls %d, with their caller %d, in the kernel %d",
		copies, copiesOfOurs, calls, callsOfOurs, callsInKernel)
	if copies < 10 || copiesOfOurs*10 < copies*9 {
		t.Errorf("%d of %d samples of memmove have main.copyHere as caller, want nine in ten at least", copiesOfOurs, copies)
	}
	if calls < 10 || callsOfOurs*10 < calls*9 || callsInKernel*2 < calls {
		t.Errorf("%d samples of calls: %d with their caller, %d in the kernel; want nine in ten and most",
			calls, callsOfOurs, callsInKernel)
	}
}

// What lies outside of the program has the name of its file: the kernel's own code for reading clocks
// in a Go program, and everything in one without symbols.
func TestOnCpuNamesTheFileOfForeignCode(t *testing.T) {
	needPrivileges(t)
	clock := startWorkload(t, workloadPath, "clocks", "1s")
	clock.expect("ready")
	foreign := start(t, exec.Command("sh", "-c", "i=0; while [ $i -lt 20000000 ]; do i=$((i+1)); done"))
	o := observe(t, []string{"--probes", "oncpu"}, map[string]*process{"clock": clock, "shell": foreign})
	o.begin()
	clock.say("go")
	clock.hear()
	clock.expect("done")
	file := o.end()
	for name, wants := range map[string]string{"clock": "[vdso]", "shell": "["} {
		target := file.Targets[name]
		d := details[oncpu.Details](t, target, "oncpu")
		checkOnCpuSums(t, target, d)
		found := false
		for _, f := range d.Functions {
			found = found || f.Samples > 0 && strings.HasPrefix(f.Function, wants)
			if strings.HasPrefix(f.Function, "0x") && f.Samples > 0 {
				t.Errorf("%s: %+v, want the name of a file", name, f)
			}
		}
		if !found {
			t.Errorf("%s: no function %s in %+v", name, wants, d.Functions)
		}
	}
}

// CAP_BPF and CAP_PERFMON are enough, and the process of the same user can be watched.
func TestOnCpuNeedsNoMorePrivilege(t *testing.T) {
	needPrivileges(t)
	w := start(t, asNobody(t, workloadPath, []string{"burn", "300ms"}))
	w.expect("ready")
	out := filepath.Join(openFolder(t), "out.json")
	args := []string{"run", "--probes", "oncpu", "--out", out, "--target", fmt.Sprintf("it=%d", w.Process.Pid)}
	o := &observer{path: out, process: start(t, asNobody(t, netprobePath, args, unix.CAP_BPF, unix.CAP_PERFMON))}
	o.expectEvent("ready")
	o.begin()
	w.say("go")
	w.hear()
	w.expect("done")
	target := o.end().Targets["it"]
	seen := details[oncpu.Details](t, target, "oncpu")
	if seen.Samples == 0 || seen.Functions[0].Function != "main.burnHere" {
		t.Errorf("%+v, want samples of main.burnHere", seen)
	}
}

package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/features"
	"golang.org/x/sys/unix"

	"pollgate/bpf/internal/caps"
	"pollgate/bpf/internal/report"
	"pollgate/bpf/probes/goroutines"
)

// observeGoroutines runs a workload that says runtime.NumGoroutine at its beginning and its end.
func observeGoroutines(t *testing.T, work string, args ...string) (
	seen *report.Target, d goroutines.Details, numBefore, numAfter int,
) {
	t.Helper()
	needPrivileges(t)
	w := startWorkload(t, workloadPath, work)
	w.expect("ready")
	args = append([]string{"--probes", "goroutines"}, args...)
	o := observe(t, args, map[string]*process{"it": w})
	o.begin()
	w.say("go")
	numBefore, numAfter = hearNumber(w), hearNumber(w)
	w.expect("done")
	seen = o.end().Targets["it"]
	d = details[goroutines.Details](t, seen, "goroutines")
	if d.AtEnd == nil {
		t.Fatalf("nothing known of the end: %s", d.AtEndUnavailable)
	}
	if anyCounted(seen.Lost) || len(seen.Lost) == 0 {
		t.Errorf("lost %v, want all causes named and nothing lost", seen.Lost)
	}
	// The runtime's own count is the second source.
	if int(d.Births)-int(d.Deaths) != numAfter-numBefore {
		t.Errorf("%d births, %d deaths; runtime.NumGoroutine went from %d to %d",
			d.Births, d.Deaths, numBefore, numAfter)
	}
	if int(d.AtEnd.Live) != numAfter {
		t.Errorf("%d alive at the end; runtime.NumGoroutine said %d", d.AtEnd.Live, numAfter)
	}
	for _, site := range seen.Sites {
		if site.Class != "emulated" {
			t.Errorf("site %+v is not emulated", site)
		}
	}
	return seen, d, numBefore, numAfter
}

func hearNumber(p *process) int {
	p.t.Helper()
	number, err := strconv.Atoi(p.hear())
	if err != nil {
		p.t.Fatal(err)
	}
	return number
}

// siteOf is the site whose go statement is in the function with this name.
func siteOf(t *testing.T, d goroutines.Details, function string) goroutines.Site {
	t.Helper()
	at := slices.IndexFunc(d.Sites, func(s goroutines.Site) bool {
		name, _, _ := strings.Cut(s.GoStatement.Function, "[") // of type parameters
		return name == function
	})
	if at < 0 {
		t.Fatalf("no site in %s: %+v", function, d.Sites)
	}
	return d.Sites[at]
}

func TestBirthsAndDeathsOfGoroutines(t *testing.T) {
	t.Run("uprobe_multi", func(t *testing.T) {
		if err := features.HaveBPFLinkUprobeMulti(); errors.Is(err, ebpf.ErrNotSupported) {
			t.Skipf("uprobe_multi is missing: %v", err)
		}
		countGoroutines(t)
	})
	t.Run("perf uprobe", func(t *testing.T) {
		if held, _ := caps.Effective(); !held.Has(unix.CAP_SYS_ADMIN) {
			t.Skip("CAP_SYS_ADMIN is missing, which perf uprobes need")
		}
		countGoroutines(t, "--perf-uprobes")
	})
}

func countGoroutines(t *testing.T, args ...string) {
	seen, d, _, _ := observeGoroutines(t, "lives", args...)
	if d.Births != 101+23+11+17 || d.Deaths != 101+7+11 || d.DeathsOlder != 7 {
		t.Errorf("%d births, %d deaths, %d of older ones; want 152, 119, 7",
			d.Births, d.Deaths, d.DeathsOlder)
	}
	site := siteOf(t, d, "main.bearChild")
	if site.Births != 101 || site.Deaths != 101 || site.LiveAtEnd != 0 ||
		site.Start.Function != "main.bearChild.func1" {
		t.Errorf("%+v\nwant 101 births and deaths of main.bearChild.func1", site)
	}
	if len(site.Stacks) != 1 || !startsWith(site.Stacks[0].Frames, "main.bearChild", "main.bear",
		"main.lives.func1", "main.inGoroutines", "main.lives", "main.main") {
		t.Errorf("stacks %+v", site.Stacks)
	}
	coroutines := siteOf(t, d, "iter.Pull")
	if coroutines.Births != 11+17 || coroutines.Deaths != 11 || coroutines.LiveAtEnd != 17 {
		t.Errorf("%+v\nwant 28 coroutines, 11 of them ended", coroutines)
	}
	if len(coroutines.Waits) != 1 || coroutines.Waits[0].Reason != "coroutine" ||
		coroutines.Waits[0].Count != 17 {
		t.Errorf("coroutines wait %+v, want 17 as coroutines", coroutines.Waits)
	}
	// 5 older ones and 23 of the window have the same function, from two go statements.
	if n := d.AtEnd.ByWaitReason["chan receive"]; n != 5+23 {
		t.Errorf("%d wait for a channel, want 28: %+v", n, d.AtEnd)
	}
	if hits := seen.Sites[0].Hits; hits < 101+23 {
		t.Errorf("%d hits, want at least 124", hits)
	}
}

func startsWith(frames []goroutines.Frame, functions ...string) bool {
	if len(frames) < len(functions) {
		return false
	}
	for i, function := range functions {
		if frames[i].Function != function {
			return false
		}
	}
	return true
}

func TestReusedGoroutinesAreNotMixedUp(t *testing.T) {
	_, d, _, _ := observeGoroutines(t, "rebirths")
	site := siteOf(t, d, "sync.(*WaitGroup).Go")
	if d.Births != 100_003 || d.Deaths != 100_003 || site.Births != 100_003 || site.Deaths != 100_003 {
		t.Errorf("%d births, %d deaths; at the site %d and %d; want 100,003 each", d.Births, d.Deaths,
			site.Births, site.Deaths)
	}
	if d.LeakCandidates != 0 {
		t.Errorf("%d candidates for a leak, want none", d.LeakCandidates)
	}
}

// blocked are the counts of the workload and what its goroutines wait for.
var blocked = []struct {
	kind, reason, frame string
	count               uint64
}{
	{"onChannel", "chan receive", "main.(*blockers).onChannel.func1", 41},
	{"onMutex", "sync.Mutex.Lock", "sync.(*Mutex).lockSlow", 43},
	{"onSelect", "select", "main.(*blockers).onSelect.func1", 47},
	{"onNetwork", "IO wait", "internal/poll.(*FD).Read", 53},
	{"onContext", "chan receive", "main.(*blockers).onContext.func1", 59},
}

func TestEveryLeakedGoroutineIsFound(t *testing.T) {
	_, d, _, _ := observeGoroutines(t, "forgets", "--leak-age", "1ns")
	var all uint64
	for _, want := range blocked {
		all += want.count
		function := "main.(*blockers)." + want.kind
		site := siteOf(t, d, function)
		if site.LeakCandidates != want.count || site.LiveAtEnd != want.count ||
			site.Births != want.count || site.Deaths != 0 || site.Start.Function != function+".func1" {
			t.Errorf("%s: %+v\nwant %d candidates", want.kind, site, want.count)
		}
		if len(site.Waits) != 1 || site.Waits[0].Reason != want.reason ||
			site.Waits[0].State != "waiting" || site.Waits[0].Count != want.count {
			t.Errorf("%s: waits %+v, want %d for %q", want.kind, site.Waits, want.count, want.reason)
			continue
		}
		if !slices.ContainsFunc(site.Waits[0].Frames, func(f goroutines.Frame) bool {
			return strings.HasSuffix(f.Function, want.frame)
		}) {
			t.Errorf("%s: waits in %+v, want %s among them", want.kind, site.Waits[0].Frames, want.frame)
		}
	}
	if d.LeakCandidates != all {
		t.Errorf("%d candidates, want %d: the pool of 13 is none", d.LeakCandidates, all)
	}
	pool := siteOf(t, d, "main.block.func1")
	if pool.LiveAtEnd != 13 || pool.LeakCandidates != 0 || pool.LiveByQuarter != [4]uint64{13} {
		t.Errorf("pool %+v, want 13 alive, of the first quarter", pool)
	}
	if d.AtEnd.ByWaitReason["chan receive"] != 41+59+13 {
		t.Errorf("%+v, want 113 waiting for a channel", d.AtEnd)
	}
}

// Without --leak-age those of the last quarter are too young.
func TestYoungGoroutinesAreNotYetLeaked(t *testing.T) {
	_, d, _, _ := observeGoroutines(t, "forgets")
	for _, want := range blocked {
		site := siteOf(t, d, "main.(*blockers)."+want.kind)
		old := want.count - site.LiveByQuarter[3]
		if site.LeakCandidates != old || old == 0 || old == want.count {
			t.Errorf("%s: %d candidates, want the %d born before the last quarter: %v", want.kind,
				site.LeakCandidates, old, site.LiveByQuarter)
		}
	}
}

func TestReleasedGoroutinesAreNoLeak(t *testing.T) {
	_, d, _, _ := observeGoroutines(t, "remembers", "--leak-age", "1ns")
	const births = 13 + 41 + 43 + 47 + 53 + 59
	if d.LeakCandidates != 0 || d.Births != births || d.Deaths != births-13 {
		t.Errorf("%d candidates, %d births, %d deaths; want 0, %d, %d", d.LeakCandidates, d.Births,
			d.Deaths, births, births-13)
	}
}

// Births and deaths are found in the table of functions that stripping leaves; where the runtime
// keeps all its goroutines only the symbol table tells.
func TestStrippedProgramHasGoroutinesButNoWaits(t *testing.T) {
	needPrivileges(t)
	w := startWorkload(t, strippedPath, "lives")
	w.expect("ready")
	o := observe(t, []string{"--probes", "goroutines"}, map[string]*process{"it": w})
	o.begin()
	w.say("go")
	hearNumber(w)
	hearNumber(w)
	w.expect("done")
	d := details[goroutines.Details](t, o.end().Targets["it"], "goroutines")
	if d.AtEnd != nil || !strings.Contains(d.AtEndUnavailable, "not found") {
		t.Errorf("at the end %+v, unavailable %q; want null and a reason", d.AtEnd, d.AtEndUnavailable)
	}
	if d.Births != 101+23+11+17 || d.Deaths != 101+7+11 {
		t.Errorf("%d births, %d deaths; want 152, 119", d.Births, d.Deaths)
	}
}

// What a process did until it ended is known; what its goroutines waited for is not.
func TestGoroutinesOfAProcessThatEnded(t *testing.T) {
	needPrivileges(t)
	w := startWorkload(t, workloadPath, "lives")
	w.expect("ready")
	o := observe(t, []string{"--probes", "goroutines"}, map[string]*process{"it": w})
	o.begin()
	w.say("go")
	hearNumber(w)
	hearNumber(w)
	w.expect("done")
	w.signal(syscall.SIGKILL)
	w.exit()
	d := details[goroutines.Details](t, o.end().Targets["it"], "goroutines")
	if d.AtEnd != nil || !strings.Contains(d.AtEndUnavailable, "has it ended?") {
		t.Errorf("at the end %+v, unavailable %q; want null and a reason", d.AtEnd, d.AtEndUnavailable)
	}
	if d.Births != 101+23+11+17 || d.Deaths != 101+7+11 {
		t.Errorf("%d births, %d deaths; want 152, 119", d.Births, d.Deaths)
	}
}

func TestFullGoroutineMapIsReported(t *testing.T) {
	needPrivileges(t)
	w := startWorkload(t, workloadPath, "lives")
	w.expect("ready")
	o := observe(t, []string{"--probes", "goroutines", "--map-entries", "16"},
		map[string]*process{"it": w})
	o.begin()
	w.say("go")
	hearNumber(w)
	hearNumber(w)
	w.expect("done")
	seen := o.end().Targets["it"]
	d := details[goroutines.Details](t, seen, "goroutines")
	if seen.Lost["goroutineMapFull"] == 0 || d.Births != 101+23+11+17 {
		t.Errorf("lost %v, %d births; want some that found no room, and 152", seen.Lost, d.Births)
	}
}

// A program that is loaded anywhere has its variables and functions elsewhere than its file says.
func TestGoroutinesOfAPositionFreeProgram(t *testing.T) {
	needPrivileges(t)
	path := filepath.Join(t.TempDir(), "workload")
	build := exec.Command("go", "build", "-trimpath", "-buildmode=pie", "-o", path, "./testdata/workload")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", build, err, out)
	}
	w := startWorkload(t, path, "lives")
	w.expect("ready")
	o := observe(t, []string{"--probes", "goroutines"}, map[string]*process{"it": w})
	o.begin()
	w.say("go")
	numBefore, numAfter := hearNumber(w), hearNumber(w)
	w.expect("done")
	d := details[goroutines.Details](t, o.end().Targets["it"], "goroutines")
	if d.AtEnd == nil || int(d.AtEnd.Live) != numAfter || int(d.Births-d.Deaths) != numAfter-numBefore {
		t.Errorf("%d births, %d deaths, at the end %+v (%s); runtime.NumGoroutine went from %d to %d",
			d.Births, d.Deaths, d.AtEnd, d.AtEndUnavailable, numBefore, numAfter)
	}
	if site := siteOf(t, d, "main.bearChild"); site.Births != 101 {
		t.Errorf("%+v, want 101 births", site)
	}
}

func TestLeakAgeMustBeATimeAboveZero(t *testing.T) {
	for _, age := range []string{"0s", "-1s", "5", "soon"} {
		p := start(t, exec.Command(netprobePath, "run", "--target", "it=1", "--out", "x", "--leak-age", age))
		if code := p.exit(); code != exitUsage || !strings.Contains(p.stderr.String(), "leak-age") {
			t.Errorf("--leak-age %s: exit code %d, %q; want %d and the option named", age, code, &p.stderr, exitUsage)
		}
	}
}

// The right to read the memory of the process is taken before the capabilities are dropped. Of a
// process of the same user it needs none, unless the machine restricts debuggers.
func TestGoroutinesWithLeastPrivilege(t *testing.T) {
	needPrivileges(t)
	w := start(t, asNobody(t, workloadPath, []string{"lives"}))
	w.expect("ready")
	out := filepath.Join(openFolder(t), "out.json")
	args := []string{"run", "--probes", "goroutines", "--out", out, "--target",
		fmt.Sprintf("it=%d", w.Process.Pid)}
	o := &observer{path: out, process: start(t,
		asNobody(t, netprobePath, args, unix.CAP_BPF, unix.CAP_PERFMON))}
	o.expectEvent("ready")
	if held := capabilitiesOf(t, o.Process.Pid); held != 0 {
		t.Errorf("still holds capabilities %#x after attaching", held)
	}
	o.begin()
	w.say("go")
	hearNumber(w)
	numAfter := hearNumber(w)
	w.expect("done")
	d := details[goroutines.Details](t, o.end().Targets["it"], "goroutines")
	if d.Births != 101+23+11+17 {
		t.Errorf("%d births, want 152", d.Births)
	}
	if scope, _ := os.ReadFile("/proc/sys/kernel/yama/ptrace_scope"); len(scope) > 0 && scope[0] != '0' {
		if d.AtEnd != nil || d.AtEndUnavailable == "" {
			t.Errorf("at the end %+v, want null and a reason: debuggers are restricted", d.AtEnd)
		}
	} else if d.AtEnd == nil || int(d.AtEnd.Live) != numAfter {
		t.Errorf("at the end %+v (%s), want %d alive", d.AtEnd, d.AtEndUnavailable, numAfter)
	}
}

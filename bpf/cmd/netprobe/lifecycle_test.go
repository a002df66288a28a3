package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"pollgate/bpf/internal/caps"
	"pollgate/bpf/internal/check"
	"pollgate/bpf/probes"
)

func TestNothingStaysAttached(t *testing.T) {
	needPrivileges(t)
	w := startWorkload(t, workloadPath, "calls")
	w.expect("ready")
	for name, stop := range map[string]func(*observer){
		"end":                  func(o *observer) { o.begin(); o.end() },
		"SIGTERM":              func(o *observer) { o.begin(); o.signal(unix.SIGTERM); o.exit() },
		"SIGKILL":              func(o *observer) { o.begin(); o.signal(unix.SIGKILL); o.exit() },
		"end of input":         func(o *observer) { o.in.Close(); o.exit() },
		"end without a window": func(o *observer) { o.say("end"); o.exit() },
	} {
		t.Run(name, func(t *testing.T) {
			o := observe(t, nil, map[string]*process{"it": w})
			held := programsOf(t, o.Process.Pid)
			if len(held) < 8 {
				t.Fatalf("netprobe holds programs %v while attached, expected at least 8", held)
			}
			stop(o)
			for _, id := range held {
				awaitGone(t, id)
			}
			if entries, err := os.ReadDir(filepath.Dir(o.path)); err != nil {
				t.Error(err)
			} else if name != "end" && name != "SIGKILL" && len(entries) > 0 {
				t.Errorf("left behind: %v", entries)
			}
		})
	}
}

var progID = regexp.MustCompile(`(?m)^prog_id:\s+(\d+)$`)

// programsOf has the ids of the BPF programs that a process holds, from its descriptors.
func programsOf(t *testing.T, pid int) []ebpf.ProgramID {
	t.Helper()
	infos, err := filepath.Glob(fmt.Sprintf("/proc/%d/fdinfo/*", pid))
	if err != nil {
		t.Fatal(err)
	}
	var ids []ebpf.ProgramID
	for _, path := range infos {
		data, _ := os.ReadFile(path) // descriptors come and go
		if match := progID.FindSubmatch(data); match != nil {
			id, _ := strconv.Atoi(string(match[1]))
			ids = append(ids, ebpf.ProgramID(id))
		}
	}
	return ids
}

// awaitGone returns when the kernel has freed a program, which it does after a grace period.
func awaitGone(t *testing.T, id ebpf.ProgramID) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); {
		program, err := ebpf.NewProgramFromID(id)
		if errors.Is(err, os.ErrNotExist) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		program.Close()
		runtime.Gosched()
	}
	t.Errorf("BPF program %d still exists 10 s after netprobe ended", id)
}

func TestExitCodes(t *testing.T) {
	needPrivileges(t)
	w := startWorkload(t, workloadPath, "calls")
	w.expect("ready")
	for name, c := range map[string]struct {
		stop func(*observer)
		want int
	}{
		"SIGTERM": {func(o *observer) { o.signal(unix.SIGTERM) }, exitInterrupted},
		"SIGINT in the window": {func(o *observer) {
			o.begin()
			o.signal(unix.SIGINT)
		}, exitInterrupted},
		"end of input":           {func(o *observer) { o.in.Close() }, exitInterrupted},
		"end of input in window": {func(o *observer) { o.begin(); o.in.Close() }, exitInterrupted},
		"end before begin":       {func(o *observer) { o.say("end") }, exitUsage},
		"begin twice":            {func(o *observer) { o.begin(); o.say("begin") }, exitUsage},
		"unknown line":           {func(o *observer) { o.say("start") }, exitUsage},
	} {
		t.Run(name, func(t *testing.T) {
			o := observe(t, []string{"--probes", "syscalls"}, map[string]*process{"it": w})
			c.stop(o)
			if code := o.exit(); code != c.want {
				t.Errorf("exit code %d, want %d; standard error: %s", code, c.want, &o.stderr)
			}
			expectOneLine(t, o.stderr.String())
		})
	}
}

func expectOneLine(t *testing.T, text string) {
	t.Helper()
	if strings.Count(text, "\n") != 1 || !strings.HasPrefix(text, "netprobe: ") {
		t.Errorf("standard error is not one line of netprobe: %q", text)
	}
}

func TestUnobservableTargets(t *testing.T) {
	needPrivileges(t)
	out := filepath.Join(t.TempDir(), "out.json")
	dead := exec.Command("true")
	if err := dead.Run(); err != nil {
		t.Fatal(err)
	}
	self := fmt.Sprintf("self=%d", os.Getpid())
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"ended process": {[]string{"--out", out, "--target",
			fmt.Sprintf("it=%d", dead.Process.Pid)}, "no such process"},
		"thread": {[]string{"--out", out, "--target", fmt.Sprintf("it=%d", otherThread(t))},
			"is a thread, not a process"},
		"folder that is not there": {[]string{"--out", "/nowhere/out.json", "--target", self},
			"--out /nowhere/out.json"},
	} {
		t.Run(name, func(t *testing.T) {
			p := start(t, exec.Command(netprobePath, append([]string{"run"}, c.args...)...))
			if code := p.exit(); code != exitAttach || !strings.Contains(p.stderr.String(), c.want) {
				t.Errorf("exit code %d, %q; want %d and %q", code, &p.stderr, exitAttach, c.want)
			}
			expectOneLine(t, p.stderr.String())
		})
	}
}

// otherThread is a thread of this process that is not its first.
func otherThread(t *testing.T) int {
	t.Helper()
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	for _, thread := range threads {
		if id, err := strconv.Atoi(thread.Name()); err == nil && id != os.Getpid() {
			return id
		}
	}
	t.Fatal("the Go runtime has a single thread")
	return 0
}

func TestWrongUsage(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{nil, "no command given"},
		{[]string{"observe"}, `unknown command "observe"`},
		{[]string{"run", "--target", "a=1"}, "--out FILE is missing"},
		{[]string{"run", "--out", "x"}, "0 targets given, expected 1 to 8"},
		{[]string{"run", "--out", "x", "--target", "a"}, "expected NAME=PID"},
		{[]string{"run", "--out", "x", "--target", "a=-1"}, "expected NAME=PID"},
		{[]string{"run", "--out", "x", "--target", "a b=1"}, "expected NAME=PID"},
		{[]string{"run", "--out", "x", "--target", "a=1", "--target", "a=2"}, "given twice"},
		{[]string{"run", "--out", "x", "--target", "a=1", "--target", "b=1"}, "given twice"},
		{[]string{"run", "--out", "x", "--target", "a=1", "--probes", "wakeup,x"}, `no probe "x"`},
		{[]string{"run", "--out", "x", "--target", "a=1", "--map-entries", "0"}, "expected 1 to"},
		{[]string{"run", "--out", "x", "--target", "a=1", "--netpoll-alarm", "soon"},
			"expected a positive number of nanoseconds"},
		{[]string{"run", "--out", "x", "--target", "a=1", "more"}, `unexpected argument "more"`},
	} {
		p := start(t, exec.Command(netprobePath, c.args...))
		if code := p.exit(); code != exitUsage || !strings.Contains(p.stderr.String(), c.want) {
			t.Errorf("netprobe %v: exit code %d, %q; want %d and %q",
				c.args, code, &p.stderr, exitUsage, c.want)
		}
	}
}

const nobody = 65534

// asNobody makes a command run as an ordinary user with just the given capabilities. Where the
// test itself is unprivileged it can still start programs without any.
func asNobody(t *testing.T, path string, args []string, capabilities ...uintptr) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(path, args...)
	held, err := caps.Effective()
	if err != nil {
		t.Fatal(err)
	}
	if !held.Has(unix.CAP_SETUID) {
		if len(capabilities) > 0 || held.Check() == nil {
			t.Skip("CAP_SETUID is missing: this test runs programs as another user")
		}
		return cmd
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Credential:  &syscall.Credential{Uid: nobody, Gid: nobody},
		AmbientCaps: capabilities,
	}
	cmd.Env = []string{"GOMAXPROCS=2"}
	return cmd
}

func openFolder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "netprobe-out-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestMissingPrivilegesAreNamed(t *testing.T) {
	own := start(t, asNobody(t, workloadPath, []string{"calls"}))
	own.expect("ready")
	foreign := startWorkload(t, workloadPath, "calls")
	foreign.expect("ready")
	for name, c := range map[string]struct {
		target       *process
		capabilities []uintptr
		want         []string
	}{
		"none": {own, nil, []string{"CAP_BPF to load", "CAP_PERFMON to trace", "sudo setcap"}},
		"no CAP_PERFMON": {own, []uintptr{unix.CAP_BPF},
			[]string{"missing privilege: CAP_PERFMON to trace"}},
		"another user's process": {foreign, []uintptr{unix.CAP_BPF, unix.CAP_PERFMON},
			[]string{"CAP_SYS_PTRACE to look at a process of another user"}},
	} {
		t.Run(name, func(t *testing.T) {
			args := []string{"run", "--out", filepath.Join(openFolder(t), "out.json"), "--target",
				fmt.Sprintf("it=%d", c.target.Process.Pid)}
			p := start(t, asNobody(t, netprobePath, args, c.capabilities...))
			if code := p.exit(); code != exitPrivilege {
				t.Errorf("exit code %d, want %d", code, exitPrivilege)
			}
			for _, want := range c.want {
				if !strings.Contains(p.stderr.String(), want) {
					t.Errorf("standard error %q lacks %q", &p.stderr, want)
				}
			}
			expectOneLine(t, p.stderr.String())
		})
	}
}

// Everything works with the two capabilities alone, and with them gone once it is attached.
func TestLeastPrivilege(t *testing.T) {
	needPrivileges(t)
	w := start(t, asNobody(t, workloadPath, []string{"calls"}))
	w.expect("ready")
	out := filepath.Join(openFolder(t), "out.json")
	args := []string{"run", "--set", "full", "--out", out, "--target", fmt.Sprintf("it=%d", w.Process.Pid)}
	o := &observer{path: out, process: start(t,
		asNobody(t, netprobePath, args, unix.CAP_BPF, unix.CAP_PERFMON))}
	o.expectEvent("ready")
	if held := capabilitiesOf(t, o.Process.Pid); held != 0 {
		t.Errorf("still holds capabilities %#x after attaching", held)
	}
	o.begin()
	w.say("go")
	w.expect("done")
	seen := o.end().Targets["it"]
	if h := seen.Histograms["readNs"]; h == nil || h.Count != 23 {
		t.Errorf("readNs %+v, want count 23", h)
	}
	if h := seen.Histograms["wakeupNs"]; h == nil {
		t.Errorf("wakeupNs unavailable: %v", seen.Unavailable)
	}
}

func TestSudoCallerOwnsTheResult(t *testing.T) {
	needPrivileges(t)
	if held, _ := caps.Effective(); os.Geteuid() != 0 || !held.Has(unix.CAP_SETUID) {
		t.Skip("root is missing: this test acts as sudo does")
	}
	w := startWorkload(t, workloadPath, "calls")
	w.expect("ready")
	out := filepath.Join(openFolder(t), "out.json")
	cmd := exec.Command(netprobePath, "run", "--out", out, "--target",
		fmt.Sprintf("it=%d", w.Process.Pid))
	cmd.Env = append(os.Environ(), "SUDO_UID=65534", "SUDO_GID=65534")
	o := &observer{path: out, process: start(t, cmd)}
	o.expectEvent("ready")
	if held := capabilitiesOf(t, o.Process.Pid); held != 0 {
		t.Errorf("still holds capabilities %#x after attaching", held)
	}
	o.begin()
	o.end()
	info, err := os.Stat(out)
	if err != nil {
		t.Fatal(err)
	}
	if owner := info.Sys().(*syscall.Stat_t).Uid; owner != nobody {
		t.Errorf("the result belongs to uid %d, want %d", owner, nobody)
	}
}

// capabilitiesOf joins the effective and permitted capabilities of all threads of a process.
func capabilitiesOf(t *testing.T, pid int) (held uint64) {
	t.Helper()
	paths, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
	if err != nil || len(paths) == 0 {
		t.Fatalf("threads of %d: %v", pid, err)
	}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(data)) {
			var bits uint64
			for _, set := range []string{"CapEff:\t%x", "CapPrm:\t%x"} {
				if _, err := fmt.Sscanf(line, set, &bits); err == nil {
					held |= bits
				}
			}
		}
	}
	return held
}

func TestCheckFindsEveryCapability(t *testing.T) {
	needPrivileges(t)
	out, err := exec.Command(netprobePath, "check", "--json").Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var found struct {
		Capabilities []check.Result `json:"capabilities"`
	}
	if err := json.Unmarshal(out, &found); err != nil {
		t.Fatal(err)
	}
	if len(found.Capabilities) != 7 {
		t.Errorf("%d capabilities, want 7: %s", len(found.Capabilities), out)
	}
	for _, c := range found.Capabilities {
		// A perf uprobe is the substitute for uprobe_multi and needs more privileges.
		if !c.OK && c.Capability != "perf_uprobe" && c.Capability != "ptrace" {
			t.Errorf("%s: %s", c.Capability, c.Error)
		}
	}
}

func TestCheckNamesWhatIsLost(t *testing.T) {
	p := start(t, asNobody(t, netprobePath, []string{"check", "--json"}))
	var found struct {
		Capabilities []check.Result `json:"capabilities"`
	}
	if err := json.Unmarshal([]byte(p.hear()), &found); err != nil {
		t.Fatal(err)
	}
	if code := p.exit(); code != exitPrivilege {
		t.Errorf("exit code %d, want %d", code, exitPrivilege)
	}
	for _, c := range found.Capabilities {
		if c.Capability == "tp_btf" && (c.OK || len(c.LostMetrics) < 7 || c.Remedy == "") {
			t.Errorf("tp_btf without privileges: %+v, want 7 lost metrics at least and a remedy", c)
		}
	}
}

func TestListNamesEveryProbe(t *testing.T) {
	out, err := exec.Command(netprobePath, "list").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range probes.All {
		if !strings.Contains(string(out), p.Manifest.Name) {
			t.Errorf("list lacks probe %s:\n%s", p.Manifest.Name, out)
		}
	}
}

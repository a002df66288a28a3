//go:build linux && (amd64 || arm64)

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// build compiles a program under testdata with the given netpoller the way the
// harness builds fixtures, and returns its path.
func build(t *testing.T, program string, poller map[string]string, flags ...string) string {
	t.Helper()
	tc, err := installedGo()
	if err != nil {
		t.Fatal(err)
	}
	o, err := generate(tc, poller)
	if err != nil {
		t.Fatal(err)
	}
	res, err := o.write(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	binary := filepath.Join(t.TempDir(), program)
	goBuild(t, binary, program, append(flags, "-overlay", res.Overlay, "-tags", buildTag)...)
	return binary
}

// goBuild compiles a program under testdata with the stock netpoller, unless
// flags say otherwise.
func goBuild(t *testing.T, binary, program string, flags ...string) {
	t.Helper()
	args := append([]string{"build", "-trimpath", "-o", binary}, flags...)
	cmd := exec.Command("go", append(args, "./testdata/"+program)...)
	cmd.Env = append(os.Environ(), "GOENV=off", "GOFLAGS=-mod=readonly", "GOWORK=off", "CGO_ENABLED=0", "GOTOOLCHAIN=local")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", cmd, err, out)
	}
}

func TestProgramPollsByIOUringOnly(t *testing.T) {
	needRing(t)
	out := output(t, exec.Command(build(t, "tinynet", netpoller())))
	if got, want := strings.TrimSpace(string(out)), `["anon_inode:[io_uring]"]`; got != want {
		t.Errorf("poll descriptors of the process: got %s, want %s", got, want)
	}
}

func TestProgramPollsByEpollWithoutTheTag(t *testing.T) {
	out := output(t, exec.Command("go", "run", "./testdata/tinynet"))
	if got, want := strings.TrimSpace(string(out)), `["anon_inode:[eventpoll]"]`; got != want {
		t.Errorf("poll descriptors of the process: got %s, want %s", got, want)
	}
}

// A program whose ring is refused must say so and end, never poll by epoll.
// It needs no ring, so it runs everywhere.
func TestRefusedRingEndsTheProcess(t *testing.T) {
	binary := build(t, "tinynet", netpoller())
	for errno, texts := range map[syscall.Errno][]string{
		syscall.EPERM:  {"EPERM", "kernel.io_uring_disabled", "seccomp"},
		syscall.ENOSYS: {"ENOSYS", "Linux 5.17"},
		syscall.ENOMEM: {"ENOMEM", "memory limit"},
		syscall.EMFILE: {"EMFILE", "ulimit -n"},
		syscall.EACCES: {"io_uring_setup(2)"},
	} {
		cmd := exec.Command(os.Args[0], binary)
		cmd.Env = append(os.Environ(), refuseEnv+"="+strconv.Itoa(int(errno)))
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != 71 {
			t.Errorf("%v: process ended with %v, want exit status 71\n%s", errno, err, &stderr)
		}
		if len(out) != 0 {
			t.Errorf("%v: output %q, want none", errno, out)
		}
		for _, text := range append(texts, "errno "+strconv.Itoa(int(errno)), "does not fall back to epoll") {
			if !strings.Contains(stderr.String(), text) {
				t.Errorf("%v: message does not name %q:\n%s", errno, text, &stderr)
			}
		}
	}
}

// stressReport is what the tests read of testdata/stress's output.
type stressReport struct {
	Connections, ThreadExits, Timers, Rebinds, Pipes, Reuses int64

	LeakedSockets, PinnedSockets int

	Poller struct {
		RearmedCanceled, RearmedOverflow, Overflows, ReplacedStale, Silenced, Failed uint64
	}
}

// stress runs a build of testdata/stress, for POLLGATE_STRESS_DURATION (default
// 2s) and until it has made POLLGATE_STRESS_CONNECTIONS and fired
// POLLGATE_STRESS_TIMERS (default 0), and checks what holds for every netpoller.
// Where the kernel lets it, the program has a network of its own.
func stress(t *testing.T, binary string, args ...string) stressReport {
	t.Helper()
	for name, initial := range map[string]string{"duration": "2s", "connections": "0", "timers": "0"} {
		value := os.Getenv("POLLGATE_STRESS_" + strings.ToUpper(name))
		if value == "" {
			value = initial
		}
		args = append(args, "-"+name, value)
	}
	cmd := exec.Command(binary, args...)
	if err := ownNetwork(); err != nil {
		t.Logf("missing capability: a network of its own (%v): sockets without name are not counted", err)
	} else {
		cmd.Args = append(cmd.Args, "-netns")
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	}
	out := output(t, cmd)
	t.Logf("%s", out)
	var r stressReport
	if err := json.Unmarshal(out, &r); err != nil {
		t.Fatalf("output %q: %v", out, err)
	}
	for part, n := range map[string]int64{
		"connections": r.Connections, "thread exits": r.ThreadExits, "timers": r.Timers,
		"rebinds": r.Rebinds, "pipes": r.Pipes, "reuses": r.Reuses,
	} {
		if n == 0 {
			t.Errorf("%s: none, the part did not run", part)
		}
	}
	if r.LeakedSockets != 0 || r.PinnedSockets != 0 {
		t.Errorf("%d leaked sockets, %d pinned ones", r.LeakedSockets, r.PinnedSockets)
	}
	// Where only sysmon polls, it has armed the polls, and never exits.
	if r.Poller.RearmedCanceled == 0 && !slices.Contains(args, "-busy") {
		t.Error("threads exited but no poll was renewed: the counter or the test is broken")
	}
	if r.Poller.ReplacedStale != 0 || r.Poller.Silenced != 0 || r.Poller.Failed != 0 {
		t.Errorf("counters of things that must not happen here: %+v", r.Poller)
	}
	return r
}

// ownNetwork tries whether a process may have a network of its own.
func ownNetwork() error {
	cmd := exec.Command("/bin/true")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	return cmd.Run()
}

func TestStress(t *testing.T) {
	needRing(t)
	if r := stress(t, build(t, "stress", netpoller())); r.Poller.RearmedOverflow != 0 {
		t.Errorf("%d polls ended by a full completion queue of 65536", r.Poller.RearmedOverflow)
	}
}

// With room for eight completions the queue overflows all the time, so every
// event goes through the kernel's backlog. A one-shot poll survives that; a
// multishot one ends, so in the third run, in which every poll is multishot from
// its second wait on, they have to be renewed.
// The second run leaves all polling to sysmon, which never blocks in the ring:
// only the netpoller's own flush then empties the backlog.
func TestStressWithOverflowingQueue(t *testing.T) {
	needRing(t)
	const ring, arming = "runtime/netpoll_iouring_ring.go", "runtime/netpoll_iouring_arming.go"
	poller := netpoller()
	set := func(file, constant, value, other string) {
		old := constant + " = " + value + "\n"
		if strings.Count(poller[file], old) != 1 {
			t.Fatalf("%s does not contain %q once", file, old)
		}
		poller[file] = strings.Replace(poller[file], old, constant+" = "+other+"\n", 1)
	}
	set(ring, "iouringCQEntries", "65536", "8")
	set(ring, "iouringSQEntries", "256", "4") // no more than the other
	binary := build(t, "stress", poller)
	t.Run("idle", func(t *testing.T) { wantOverflow(t, stress(t, binary), false) })
	t.Run("busy", func(t *testing.T) {
		t.Setenv("GOMAXPROCS", "1")
		wantOverflow(t, stress(t, binary, "-busy"), false)
	})
	set(arming, "iouringEdgeAfter", "64", "1")
	multishot := build(t, "stress", poller)
	t.Run("multishot", func(t *testing.T) { wantOverflow(t, stress(t, multishot), true) })
}

func wantOverflow(t *testing.T, r stressReport, renewed bool) {
	t.Helper()
	if r.Poller.Overflows == 0 {
		t.Errorf("the queue of 8 did not overflow: %+v", r.Poller)
	}
	if (r.Poller.RearmedOverflow > 0) != renewed {
		t.Errorf("polls renewed because of it: %d, want any: %t", r.Poller.RearmedOverflow, renewed)
	}
}

func output(t *testing.T, cmd *exec.Cmd) []byte {
	t.Helper()
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v\n%s%s", cmd, err, out, &stderr)
	}
	return out
}

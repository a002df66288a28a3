package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"pollgate/go-fixtures/internal/loadgen/record"
	"pollgate/go-fixtures/internal/loadgen/testserver"
	"pollgate/go-fixtures/internal/loadgen/validity"
)

// A fault is something that happens to a running generator. The tests below do it
// to real processes; none of the runs may call its figures valid. (Package
// validity has the same faults, and clean runs, as data.)

// faultRun is one short run, of which a seed decides the length and the rate.
type faultRun struct {
	*program
	folder   string
	rate     int
	duration time.Duration
	random   *rand.Rand
}

func startFaultRun(t *testing.T, address netip.AddrPort, seed uint64, longest time.Duration, cpus string, rates ...int) *faultRun {
	t.Helper()
	random := rand.New(rand.NewPCG(seed, 0))
	run := &faultRun{
		folder:   t.TempDir(),
		rate:     rates[random.IntN(len(rates))],
		duration: 300*time.Millisecond + time.Duration(random.Int64N(int64(longest-300*time.Millisecond))),
		random:   random,
	}
	path := filepath.Join(run.folder, "spec.json")
	text := fmt.Sprintf(`{"schema":2,"protocol":"block-4k","arms":[{"name":"a","address":"%s"}],"connectionsPerArm":4,
		"ratePerSec":%d,"seed":"%d","block":{"pages":10}%s,"phases":[{"name":"only","durationMs":%d}]}`,
		address, run.rate, seed, cpus, run.duration.Milliseconds())
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	run.program = launch(t, "--spec", path, "--out", run.folder)
	run.waitFor(t, "connected")
	return run
}

// finish lets the run end and returns what it thinks of itself.
func (run *faultRun) finish(t *testing.T) record.Validity {
	t.Helper()
	run.waitFor(t, "phase-end")
	run.next(t)
	run.expectExit(t, 0, "")
	text, err := os.ReadFile(filepath.Join(run.folder, "load.json"))
	if err != nil {
		t.Fatal(err)
	}
	var report record.Report
	if err := json.Unmarshal(text, &report); err != nil {
		t.Fatal(err)
	}
	return report.Phases[0].Arms["a"].Validity
}

// expectNotValid wants one of the rules among the reasons.
func (run *faultRun) expectNotValid(t *testing.T, rules ...string) {
	t.Helper()
	got := run.finish(t)
	if got.Absolute == validity.Valid {
		t.Errorf("%d per second for %v: called valid", run.rate, run.duration)
	}
	for _, reason := range got.Reasons {
		for _, rule := range rules {
			if reason.Rule == rule {
				return
			}
		}
	}
	t.Errorf("%d per second for %v: the reasons %+v have none of %v", run.rate, run.duration, got.Reasons, rules)
}

func TestAStoppedGeneratorIsNeverValid(t *testing.T) {
	address := testserver.Serve(t, testserver.Blocks)
	for seed := range uint64(60) {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			t.Parallel()
			run := startFaultRun(t, address, seed, 5*time.Second, "", 2, 20, 200, 2000, 5000)
			run.next(t)
			run.waitFor(t, "phase-start")
			// Anywhere in the phase, which begins 50 ms after its event. This is the
			// fault itself, not a wait for something.
			at := 60*time.Millisecond + time.Duration(run.random.Int64N(int64(run.duration-150*time.Millisecond)))
			<-time.After(at)
			process := run.command.Process
			if err := process.Signal(syscall.SIGSTOP); err != nil {
				t.Fatal(err)
			}
			<-time.After(100 * time.Millisecond)
			if err := process.Signal(syscall.SIGCONT); err != nil {
				t.Fatal(err)
			}
			run.expectNotValid(t, "largest-gap")
		})
	}
}

// lastCPU is the CPU on which these tests put generators and those who disturb
// them.
func lastCPU(t *testing.T) int {
	t.Helper()
	var allowed unix.CPUSet
	if err := unix.SchedGetaffinity(0, &allowed); err != nil {
		t.Fatal(err)
	}
	cpu := len(allowed)*64 - 1
	for !allowed.IsSet(cpu) {
		cpu--
	}
	return cpu
}

// hog takes a CPU for itself, with real-time priority above the generator's, until
// the context ends.
func hog(ctx context.Context, t *testing.T, cpu int) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("real-time priority needs CAP_SYS_NICE: run as root")
	}
	loop := exec.CommandContext(ctx, "chrt", "-f", "50", "taskset", "-c", strconv.Itoa(cpu), "sh", "-c", "while :; do :; done")
	if err := loop.Start(); err != nil {
		t.Skipf("chrt and taskset (util-linux) are needed: %v", err)
	}
	t.Cleanup(func() { _ = loop.Wait() }) // ends by the context's kill
}

func TestAGeneratorWithoutItsCoreIsNeverValid(t *testing.T) {
	if runtime.NumCPU() < 2 {
		t.Skip("a second CPU is needed, for the server and the test")
	}
	address := testserver.Serve(t, testserver.Blocks)
	cpu := lastCPU(t)
	for seed := range uint64(15) {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			run := startFaultRun(t, address, 1000+seed, time.Second, fmt.Sprintf(`,"cpus":[%d]`, cpu), 200, 2000, 5000)
			run.next(t)
			run.waitFor(t, "phase-start")
			ctx, stop := context.WithTimeout(context.Background(), 60*time.Millisecond+run.duration/2)
			defer stop()
			hog(ctx, t, cpu)
			run.expectNotValid(t, "largest-gap", "send-lag", "run-queue", "preempted")
		})
	}
}

// quotaGroup makes a control group that may use a fifth of one CPU, 20 ms of each
// 100 ms, and returns the file that takes process ids into it.
func quotaGroup(t *testing.T) string {
	t.Helper()
	name := fmt.Sprintf("pollgate-test-%d", os.Getpid())
	layouts := []struct{ root, file, quota string }{
		{"/sys/fs/cgroup", "cpu.max", "20000 100000"},
		{"/sys/fs/cgroup/cpu", "cpu.cfs_quota_us", "20000"},
	}
	for _, layout := range layouts {
		group := filepath.Join(layout.root, name)
		if os.Mkdir(group, 0o755) != nil {
			continue
		}
		t.Cleanup(func() { _ = os.Remove(group) })
		// The kernel makes the files of a group; where the root is an ordinary folder there are none.
		if writeExisting(filepath.Join(group, layout.file), layout.quota) == nil {
			return filepath.Join(group, "cgroup.procs")
		}
	}
	t.Skip("no control group with a CPU quota can be made: run as root, with the cpu controller")
	return ""
}

func writeExisting(path, text string) error {
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = file.WriteString(text)
	return errors.Join(err, file.Close())
}

func TestAThrottledGeneratorIsNeverValid(t *testing.T) {
	procs := quotaGroup(t)
	address := testserver.Serve(t, testserver.Blocks)
	for seed := range uint64(15) {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			// At lower rates the generator needs no more than the quota.
			run := startFaultRun(t, address, 2000+seed, time.Second, "", 5000, 8000)
			if err := writeExisting(procs, strconv.Itoa(run.command.Process.Pid)); err != nil {
				t.Fatal(err)
			}
			run.next(t)
			run.waitFor(t, "phase-start")
			run.expectNotValid(t, "largest-gap", "send-lag", "receive-lag", "run-queue", "preempted")
		})
	}
}

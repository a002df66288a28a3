package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"sync/atomic"
	"testing"

	"pollgate/go-fixtures/internal/fixturetest"
)

// quotaCPUs is the quota that the test gives: so little that the process gets more of the CPU than that
// on a busy machine, too. The runtime chooses 2 Ps for it, the least it does.
const quotaCPUs = 0.1

// expectThrottled runs the fault and its twin in a cgroup with a CPU quota.
func expectThrottled(t *testing.T, name string) {
	if runtime.NumCPU() < 2 {
		t.Skip("missing capability: two CPUs")
	}
	inQuota := func(correct bool) (gomaxprocs, throttled int) {
		cgroup := newCPUCgroup(t)
		arguments := []string{"-c", `echo $$ > "$0"/cgroup.procs && exec "$@"`, cgroup, serverBinary, "--fault", name}
		if correct {
			arguments = append(arguments, "--correct")
		}
		s := &server{fixturetest.Start(t, "/bin/sh", arguments...), name}
		s.drive(t, 4, 17)
		gomaxprocs = s.Ready.GoMaxProcs
		s.stop(t)
		return gomaxprocs, throttledPeriods(t, cgroup)
	}
	gomaxprocs, throttled := inQuota(false)
	t.Logf("fault: GOMAXPROCS %d, stopped in %d periods", gomaxprocs, throttled)
	if gomaxprocs != runtime.NumCPU() || throttled == 0 {
		t.Errorf("GOMAXPROCS %d, stopped in %d periods; want %d, and some", gomaxprocs, throttled, runtime.NumCPU())
	}
	if runtime.NumCPU() < 3 {
		t.Skip("missing capability: three CPUs; on two the runtime chooses as many Ps as the fault, whatever the quota")
	}
	if gomaxprocs, _ := inQuota(true); gomaxprocs != 2 {
		t.Errorf("the twin's GOMAXPROCS is %d, want 2", gomaxprocs)
	}
}

// newCPUCgroup makes a cgroup with the quota, of version 1 or 2, for the time of the test, and returns its folder.
func newCPUCgroup(t *testing.T) string {
	t.Helper()
	const periodUs = 100_000
	quotaUs := strconv.Itoa(int(quotaCPUs * periodUs))
	for _, version := range []struct{ root, file, value string }{
		{"/sys/fs/cgroup/cpu", "cpu.cfs_quota_us", quotaUs},
		{"/sys/fs/cgroup", "cpu.max", fmt.Sprint(quotaUs, " ", periodUs)},
	} {
		folder := filepath.Join(version.root, fmt.Sprintf("pollgate-faulty-%d-%d", os.Getpid(), cgroups.Add(1)))
		if os.Mkdir(folder, 0o755) != nil {
			continue
		}
		// Empty by then: cleanups run last in, first out.
		t.Cleanup(func() {
			if err := os.Remove(folder); err != nil {
				t.Error(err)
			}
		})
		// Without O_CREATE: in a folder that is no cgroup the file is missing.
		file, err := os.OpenFile(filepath.Join(folder, version.file), os.O_WRONLY, 0)
		if err != nil {
			continue
		}
		_, err = file.WriteString(version.value)
		file.Close()
		if err == nil {
			return folder
		}
	}
	t.Skip("missing capability: a cgroup of one's own with the CPU controller (root)")
	return ""
}

// cgroups numbers the cgroups of this process.
var cgroups atomic.Int64

var nrThrottled = regexp.MustCompile(`(?m)^nr_throttled (\d+)$`)

// throttledPeriods is in how many periods the kernel has stopped the cgroup.
func throttledPeriods(t *testing.T, cgroup string) int {
	t.Helper()
	stat, err := os.ReadFile(filepath.Join(cgroup, "cpu.stat"))
	if err != nil {
		t.Fatal(err)
	}
	found := nrThrottled.FindSubmatch(stat)
	if found == nil {
		t.Fatalf("cpu.stat without nr_throttled: %s", stat)
	}
	n, err := strconv.Atoi(string(found[1]))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

package oncpu

import (
	"encoding/json"
	"errors"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pollgate/bpf/internal/caps"
	"pollgate/bpf/internal/report"
	"pollgate/bpf/internal/selfprobe"
)

// needPrivileges skips where attaching is impossible from the start.
func needPrivileges(t testing.TB) {
	t.Helper()
	held, err := caps.Effective()
	if err != nil {
		t.Fatal(err)
	}
	var missing *caps.MissingError
	if errors.As(held.Check(), &missing) {
		t.Skipf("missing: %s", strings.Join(missing.Names, ", "))
	}
	if _, err := os.Stat("/sys/kernel/btf/vmlinux"); err != nil {
		t.Skipf("kernel BTF is missing: %v", err)
	}
}

// Where there is no room for a thread or a stack the sample is counted all the same, and the loss too.
func TestWhatFindsNoRoomIsCounted(t *testing.T) {
	needPrivileges(t)
	session, err := selfprobe.Open(false)
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	spec, err := loadOncpu()
	if err != nil {
		t.Fatal(err)
	}
	spec.Maps[oncpuMapOncpuStacks].MaxEntries = 1
	spec.Maps[oncpuMapOncpuThreads].MaxEntries = 1
	probe, err := attachSpec(session.Session, spec)
	if err != nil {
		t.Fatal(err)
	}
	defer probe.Close()
	if _, err := session.OpenWindow(); err != nil {
		t.Fatal(err)
	}
	// Two threads work until samples of more than one were taken.
	var done atomic.Bool
	var threads sync.WaitGroup
	for range 2 {
		threads.Go(func() {
			runtime.LockOSThread()
			for !done.Load() {
			}
		})
	}
	defer threads.Wait()
	defer done.Store(true)
	deadline := time.Now().Add(20 * time.Second)
	lost := func() (byThread, byStack uint64) {
		var counters []oncpuOncpuCounters
		if err := probe.(*running).objects.OncpuCounters.Lookup(uint32(0), &counters); err != nil {
			t.Fatal(err)
		}
		for _, c := range counters {
			byThread += c.ThreadsFull
			byStack += c.StacksFull
		}
		return byThread, byStack
	}
	for byThread, byStack := lost(); (byThread == 0 || byStack == 0) && time.Now().Before(deadline); {
		byThread, byStack = lost()
	}
	if _, err := session.CloseWindow(); err != nil {
		t.Fatal(err)
	}
	out := &report.Target{Lost: map[string]uint64{}, Details: map[string]json.RawMessage{}}
	if err := probe.Read(session.Targets[0], out); err != nil {
		t.Fatal(err)
	}
	var d Details
	if err := json.Unmarshal(out.Details["oncpu"], &d); err != nil {
		t.Fatal(err)
	}
	if out.Lost["onCpuThreadsFull"] == 0 || out.Lost["onCpuStacksFull"] == 0 {
		t.Fatalf("lost %v with room for one thread and one stack", out.Lost)
	}
	if len(d.Threads) != 1 || d.Threads[0].Samples+out.Lost["onCpuThreadsFull"] != d.Samples ||
		len(d.Stacks) != 1 || d.Stacks[0].Samples+out.Lost["onCpuStacksFull"] != d.Samples {
		t.Errorf("%d samples, threads %+v, %d stacks, lost %v: they do not add up", d.Samples, d.Threads,
			len(d.Stacks), out.Lost)
	}
}

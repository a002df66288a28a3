package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"pollgate/bpf/internal/report"
	"pollgate/bpf/probes/blockio"
	"pollgate/bpf/probes/syscalls"
)

// observeIn is observeWork for work with an argument of its own. before runs when the window is
// about to open, after when the work is done.
func observeIn(t *testing.T, argument, work string, before, after func(pid int), args ...string,
) *report.Target {
	t.Helper()
	needPrivileges(t)
	w := startWorkload(t, workloadPath, work, argument)
	if first := w.hear(); strings.HasPrefix(first, "refused") {
		t.Skipf("this machine lacks what the workload needs: %s", first)
	}
	o := observe(t, args, map[string]*process{"it": w})
	before(w.Process.Pid)
	o.begin()
	w.say("go")
	w.expect("done")
	after(w.Process.Pid)
	return o.end().Targets["it"]
}

func nothing(int) {}

// ioOf reads the kernel's own counts for a process.
func ioOf(t *testing.T, pid int) map[string]uint64 {
	t.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/io", pid))
	if err != nil {
		t.Skipf("the kernel has no CONFIG_TASK_IO_ACCOUNTING: %v", err)
	}
	counts := map[string]uint64{}
	for _, line := range strings.Split(strings.TrimSpace(string(data)), "\n") {
		var name string
		var n uint64
		if _, err := fmt.Sscanf(line, "%s %d", &name, &n); err != nil {
			t.Fatalf("line %q: %v", line, err)
		}
		counts[strings.TrimSuffix(name, ":")] = n
	}
	return counts
}

func TestEachTimedCallIsInItsHistogram(t *testing.T) {
	// A call that the runtime's preemption signal interrupts is entered once more, and counted twice.
	t.Setenv("GODEBUG", "asyncpreemptoff=1")
	var before, after map[string]uint64
	seen := observeIn(t, t.TempDir(), "timedcalls",
		func(pid int) { before = ioOf(t, pid) }, func(pid int) { after = ioOf(t, pid) },
		"--probes", "syscalls")
	for metric, want := range map[string]uint64{
		"syscallReadNs": 13, "syscallPread64Ns": 7, "syscallReadvNs": 3, "syscallPreadvNs": 5,
		"syscallRecvfromNs": 23, "syscallRecvmsgNs": 29, "readNs": 13 + 7 + 3 + 5 + 23 + 29,
		"syscallWriteNs": 31 + 1, "syscallPwrite64Ns": 11, "syscallWritevNs": 17,
		"syscallPwritevNs": 19, "syscallSendtoNs": 23, "syscallSendmsgNs": 29,
		"writeNs":        31 + 1 + 11 + 17 + 19 + 23 + 29,
		"syscallFstatNs": 37, "syscallFtruncateNs": 41, "syscallFallocateNs": 43,
		"syscallFsyncNs": 2 + 3 + 5, "syscallGetdents64Ns": 47, "syscallRenameNs": 53,
		"syscallOpenNs": 59, "syscallUnlinkNs": 59, "syscallConnectNs": 61, "syscallAcceptNs": 61,
		"syscallCloseNs":    59 + 2*61,
		"syscallRecvmmsgNs": 0, "syscallSendmmsgNs": 0, "syscallSendfileNs": 0, "syscallSpliceNs": 0,
		"syscallIoUringEnterNs": 0, "syscallIoUringEnterWaitNs": 0,
	} {
		if h := seen.Histograms[metric]; h == nil || h.Count != want {
			t.Errorf("%s: %+v, want count %d", metric, h, want)
		}
	}
	// The runtime wakes and waits as well.
	if h := seen.Histograms["syscallFutexNs"]; h.Count < 67 {
		t.Errorf("%d futex calls that do not wait, want at least 67", h.Count)
	}
	// The kernel counts reads and writes of files, not those of sockets. The read that starts the
	// work began before the window, so the histogram does not have it.
	sockets := uint64(23 + 29)
	if got, want := seen.Histograms["readNs"].Count-sockets+1, after["syscr"]-before["syscr"]; got != want {
		t.Errorf("%d reads of files, /proc says %d", got, want)
	}
	if got, want := seen.Histograms["writeNs"].Count-sockets, after["syscw"]-before["syscw"]; got != want {
		t.Errorf("%d writes of files, /proc says %d", got, want)
	}
	expectNoLoss(t, seen)
}

// Every call that another one is a part of is counted once: the family's histogram is the sum of
// its rows in every respect.
func TestFamilyIsTheSumOfItsRows(t *testing.T) {
	seen := observeIn(t, t.TempDir(), "timedcalls", nothing, nothing, "--probes", "syscalls")
	var count, sum, most uint64
	for _, metric := range []string{"syscallReadNs", "syscallPread64Ns", "syscallReadvNs",
		"syscallPreadvNs", "syscallRecvfromNs", "syscallRecvmsgNs", "syscallRecvmmsgNs"} {
		h := seen.Histograms[metric]
		count, sum, most = count+h.Count, sum+h.Sum, max(most, h.Max)
	}
	if h := seen.Histograms["readNs"]; h.Count != count || h.Sum != sum || h.Max != most {
		t.Errorf("readNs %d, %d, %d; its rows %d, %d, %d", h.Count, h.Sum, h.Max, count, sum, most)
	}
}

func TestSlowCallsHaveTheirKindAndPlace(t *testing.T) {
	const delay = 20_000_000 // the workload injects 25 ms
	seen := observeIn(t, t.TempDir(), "slowcalls", nothing, nothing, "--probes", "syscalls,blockio",
		"--slow-call", "20ms")
	d := details[syscalls.Details](t, seen, "syscalls")
	if d.SlowCallThresholdNs != delay {
		t.Errorf("threshold %d, want %d", d.SlowCallThresholdNs, delay)
	}
	for kind, want := range map[string]struct {
		call  string
		calls uint64
	}{"pipe": {"read", 5 + 3}, "socket": {"recvfrom", 2}} {
		slow := slowOf(d, want.call, kind)
		if slow.Calls != want.calls || slow.TotalNs < want.calls*delay || slow.MaxNs < delay {
			t.Errorf("%s of a %s: %+v, want %d of at least 20 ms", want.call, kind, slow, want.calls)
		}
		if slow.BlockNs == nil || *slow.BlockNs != 0 {
			t.Errorf("%s of a %s: %v ns at a block device, want 0", want.call, kind, slow.BlockNs)
		}
	}
	for _, wait := range d.Waits {
		if wait.Call == "accept4" && (wait.Calls != 2 || wait.TotalNs < 2*delay) {
			t.Errorf("%+v, want 2 waits of at least 20 ms", wait)
		}
	}
	if slow := slowOf(d, "accept4", "socket"); slow.Calls != 0 {
		t.Errorf("%+v: waiting for a connection is not slow", slow)
	}
	if !hasWait(d, "accept4") || !hasWait(d, "nanosleep") {
		t.Errorf("waits %+v, want accept4 and nanosleep among them", d.Waits)
	}
	for _, want := range []struct {
		call, function string
		calls          uint64
	}{{"read", "main.readPipe", 5}, {"read", "main.readFIFO", 3}, {"recvfrom", "main.receive", 2}} {
		if n := callsOf(t, d, want.call, want.function); n != want.calls {
			t.Errorf("%d slow calls in %s, want %d", n, want.function, want.calls)
		}
	}
	checkExamples(t, d)
	expectNoLoss(t, seen)
}

func slowOf(d syscalls.Details, call, kind string) syscalls.SlowCall {
	for _, slow := range d.SlowCalls {
		if slow.Call == call && slow.FileKind == kind {
			return slow
		}
	}
	return syscalls.SlowCall{}
}

func hasWait(d syscalls.Details, call string) bool {
	for _, wait := range d.Waits {
		if wait.Call == call {
			return true
		}
	}
	return false
}

// callsOf adds up the slow calls whose stacks have a function of the workload, and looks whether
// the frames have no gap.
func callsOf(t *testing.T, d syscalls.Details, call, function string) (calls uint64) {
	t.Helper()
	for _, stack := range d.Stacks {
		for i, frame := range stack.Frames {
			if frame.Function != function || stack.Call != call {
				continue
			}
			calls += stack.Calls
			// The function with the instruction has no frame of its own; its caller must not be missing.
			if i < 3 || !strings.HasSuffix(stack.Frames[0].Function, ".Syscall6") ||
				stack.Frames[1].Function != "syscall.RawSyscall6" {
				t.Errorf("stack with a gap: %+v", stack.Frames)
			}
			break
		}
	}
	return calls
}

// checkExamples looks whether single calls, places and counts tell the same.
func checkExamples(t *testing.T, d syscalls.Details) {
	t.Helper()
	var counted, inStacks uint64
	for _, slow := range d.SlowCalls {
		counted += slow.Calls
	}
	byStack := map[int]uint64{}
	for i, e := range d.Examples {
		stack := d.Stacks[e.Stack]
		byStack[e.Stack]++
		if stack.Call != e.Call || stack.FileKind != e.FileKind || e.DurationNs > stack.MaxNs ||
			e.DurationNs < d.SlowCallThresholdNs || e.ThreadID == 0 || e.AtNs == 0 {
			t.Errorf("example %+v does not fit its stack %+v", e, stack)
		}
		if (e.Call == "read" || e.Call == "recvfrom") && (e.Descriptor == nil || e.Result != 1) {
			t.Errorf("example %+v, want a descriptor and one byte", e)
		}
		if i > 0 && e.DurationNs > d.Examples[i-1].DurationNs {
			t.Errorf("example %d is slower than the one before", i)
		}
	}
	for i, stack := range d.Stacks {
		inStacks += stack.Calls
		if d.ExamplesLeftOut == 0 && byStack[i] != stack.Calls {
			t.Errorf("stack %d: %d examples, %d calls", i, byStack[i], stack.Calls)
		}
	}
	if uint64(len(d.Examples))+d.ExamplesLeftOut != counted || inStacks != counted {
		t.Errorf("%d examples and %d left out, %d in stacks, %d counted",
			len(d.Examples), d.ExamplesLeftOut, inStacks, counted)
	}
}

// fileOnDisk is a file of so many pages that lie on a block device.
func fileOnDisk(t *testing.T, pages int) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var stat unix.Stat_t
	if err := unix.Fstat(int(file.Fd()), &stat); err != nil {
		t.Fatal(err)
	}
	device := fmt.Sprintf("/sys/dev/block/%d:%d", unix.Major(stat.Dev), unix.Minor(stat.Dev))
	if _, err := os.Stat(device); err != nil {
		t.Skipf("no block device below the temporary folder: %v (set TMPDIR to a folder on a disk)", err)
	}
	if _, err := file.Write(make([]byte, 4096*pages)); err != nil {
		t.Fatal(err)
	}
	if err := file.Sync(); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestRequestsToTheBlockDeviceAreCounted(t *testing.T) {
	const reads, syncs = 101, 3
	var before, after map[string]uint64
	seen := observeIn(t, fileOnDisk(t, reads), "directreads",
		func(pid int) { before = ioOf(t, pid) }, func(pid int) { after = ioOf(t, pid) },
		"--probes", "syscalls,blockio", "--slow-call", "1us")
	d := details[blockio.Details](t, seen, "blockio")
	if got := d.Requests["read"]; got.Requests != reads || got.Bytes != reads*4096 ||
		got.Bytes != after["read_bytes"]-before["read_bytes"] {
		t.Errorf("read %+v, want %d requests of a page; /proc says %d bytes", got, reads,
			after["read_bytes"]-before["read_bytes"])
	}
	var total uint64
	for _, r := range d.Requests {
		total += r.Requests
	}
	h := seen.Histograms["blockIoNs"]
	if h.Count != total || *d.InCalls+*d.OutsideCalls != total+d.Requeued+seen.InFlight["blockIoRequests"] {
		t.Errorf("%d in the histogram, %d by operation, %d and %d issued in and outside calls, "+
			"%d requeued, %d under way", h.Count, total, *d.InCalls, *d.OutsideCalls, d.Requeued,
			seen.InFlight["blockIoRequests"])
	}
	// One request after the other, each in a call of its own: the calls' time at the device is that
	// of the requests.
	checkBlockedCalls(t, details[syscalls.Details](t, seen, "syscalls"), reads, syncs,
		d.Requests["read"].TotalNs)
	expectNoLoss(t, seen)
}

// checkBlockedCalls looks for the device's time inside the calls that went there.
func checkBlockedCalls(t *testing.T, d syscalls.Details, reads, syncs, readNs uint64) {
	t.Helper()
	for _, b := range d.BlockIO {
		if b.Call == "pread64" && (b.Calls != reads || b.Requests != reads || b.BlockNs != readNs) {
			t.Errorf("%+v, want %d calls with one request each and %d ns", b, reads, readNs)
		}
	}
	slow := slowOf(d, "pread64", "regular")
	if slow.Calls != reads || *slow.BlockNs == 0 || *slow.BlockNs > slow.TotalNs {
		t.Errorf("slow pread64: %+v, want %d with time at the device, at most their own", slow, reads)
	}
	if slow := slowOf(d, "fsync", "regular"); slow.Calls != syncs {
		t.Errorf("slow fsync: %+v, want %d", slow, syncs)
	}
	if n := callsOf(t, d, "pread64", "main.readDirect"); n != reads {
		t.Errorf("%d slow calls in main.readDirect, want %d", n, reads)
	}
	if n := callsOf(t, d, "fsync", "main.syncFile"); n != syncs {
		t.Errorf("%d slow calls in main.syncFile, want %d", n, syncs)
	}
	for _, e := range d.Examples {
		if *e.BlockNs > e.DurationNs {
			t.Errorf("example %+v was longer at the device than it took", e)
		}
	}
}

// Without the probe syscalls nothing is known of calls, and requests are counted all the same.
func TestRequestsAreCountedWithoutTheCalls(t *testing.T) {
	const reads = 101
	seen := observeIn(t, fileOnDisk(t, reads), "directreads", nothing, nothing, "--probes", "blockio")
	d := details[blockio.Details](t, seen, "blockio")
	if d.Requests["read"].Requests != reads || d.InCalls != nil || d.OutsideCalls != nil {
		t.Errorf("%+v, want %d reads and nothing of calls", d, reads)
	}
	expectNoLoss(t, seen)
}

func TestTimeAtTheDeviceIsUnknownWithoutItsProbe(t *testing.T) {
	seen := observeIn(t, fileOnDisk(t, 101), "directreads", nothing, nothing,
		"--probes", "syscalls", "--slow-call", "1us")
	d := details[syscalls.Details](t, seen, "syscalls")
	if d.BlockIO != nil || slowOf(d, "pread64", "regular").BlockNs != nil {
		t.Errorf("block time %+v although nobody follows block devices", d.BlockIO)
	}
	if seen.Unavailable["blockIoNs"] == "" || seen.Histograms["blockIoNs"] != nil {
		t.Errorf("blockIoNs %v, reason %q", seen.Histograms["blockIoNs"], seen.Unavailable["blockIoNs"])
	}
}

func TestSlowCallDurationIsChecked(t *testing.T) {
	for _, wrong := range []string{"0", "-1ms", "soon"} {
		if _, err := parseRun([]string{"--out", "x", "--target", "it=1", "--slow-call", wrong}); err == nil {
			t.Errorf("--slow-call %s was taken", wrong)
		}
	}
}

package main

import (
	"errors"
	"io"
	"maps"
	"net"
	"os/exec"
	"strings"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/features"
	"golang.org/x/sys/unix"

	"pollgate/bpf/internal/caps"
	"pollgate/bpf/internal/report"
)

func TestCallsAreCountedExactly(t *testing.T) {
	needPrivileges(t)
	seen := observeWork(t, workloadPath, "calls")

	for metric, want := range map[string]uint64{"readNs": 23, "writeNs": 31 + 1} {
		if h := seen.Histograms[metric]; h == nil || h.Count != want {
			t.Errorf("%s: %+v, want count %d", metric, h, want)
		}
	}
	for name, want := range map[string]uint64{
		"read": 13, "pread64": 7, "readv": 3, "write": 31 + 1, "openat": 2 + 17, "dup": 2,
		"dup3": 1, "close": 2 + 2 + 1 + 12 + 1 + 2, "close_range": 2, "pipe2": 2, "socketpair": 1,
		"epoll_create1": 1, "eventfd2": 1, "memfd_create": 1, "socket": 3, "accept4": 1,
	} {
		if seen.Syscalls[name] != want {
			t.Errorf("syscalls[%s] = %d, want %d", name, seen.Syscalls[name], want)
		}
	}
	if anyCounted(seen.Lost) {
		t.Errorf("lost %+v, want nothing lost", seen.Lost)
	}
	if seen.Exited {
		t.Error("exited, but the process still runs")
	}
}

func TestDescriptorsAreBalancedByKind(t *testing.T) {
	needPrivileges(t)
	seen := observeWork(t, workloadPath, "calls").Descriptors

	// Files: 2 worked on, 17 opened, 2 copies and 1 dup3 of one of them.
	want := &report.Descriptors{
		Opened: kinds(map[string]uint64{"file": 22, "socket": 1 + 2 + 2, "accept": 1, "pipe": 4,
			"epoll": 1, "eventfd": 1, "other": 2}),
		Closed: kinds(map[string]uint64{"file": 14, "socket": 1 + 2, "pipe": 2, "epoll": 1}),
		OpenAtEnd: kinds(map[string]uint64{"file": 8, "socket": 2, "accept": 1, "pipe": 2,
			"eventfd": 1, "other": 2}),
		ClosedPreexisting: 2,
	}
	if !maps.Equal(seen.Opened, want.Opened) {
		t.Errorf("opened %v\n  want %v", seen.Opened, want.Opened)
	}
	if !maps.Equal(seen.Closed, want.Closed) {
		t.Errorf("closed %v\n  want %v", seen.Closed, want.Closed)
	}
	if !maps.Equal(seen.OpenAtEnd, want.OpenAtEnd) {
		t.Errorf("open at end %v\n       want %v", seen.OpenAtEnd, want.OpenAtEnd)
	}
	if seen.ClosedPreexisting != want.ClosedPreexisting {
		t.Errorf("closed preexisting %d, want %d", seen.ClosedPreexisting, want.ClosedPreexisting)
	}
}

// kinds fills in the kinds that stay at zero.
func kinds(counts map[string]uint64) map[string]uint64 {
	all := map[string]uint64{"socket": 0, "accept": 0, "file": 0, "pipe": 0, "epoll": 0,
		"eventfd": 0, "io_uring": 0, "other": 0}
	maps.Copy(all, counts)
	return all
}

// A descriptor number is free for other threads before the close that frees it has returned.
func TestDescriptorNumbersReusedAtOnce(t *testing.T) {
	needPrivileges(t)
	seen := observeWork(t, workloadPath, "churn").Descriptors
	const files = 4 * 2003
	if seen.Opened["file"] != files || seen.Closed["file"] != files ||
		seen.OpenAtEnd["file"] != 0 || seen.ClosedPreexisting != 0 {
		t.Errorf("%+v\nwant %d files opened and closed, none open, none preexisting", seen, files)
	}
}

func TestFullDescriptorMapIsReported(t *testing.T) {
	needPrivileges(t)
	const opened, room = 1031, 1024
	seen := observeWork(t, workloadPath, "flood", "--map-entries", "1024")
	if seen.Descriptors.Opened["eventfd"] != opened ||
		seen.Descriptors.OpenAtEnd["eventfd"] != room || seen.Lost["fdMapFull"] != opened-room {
		t.Errorf("opened %d, open at end %d, lost %d; want %d, %d, %d",
			seen.Descriptors.Opened["eventfd"], seen.Descriptors.OpenAtEnd["eventfd"],
			seen.Lost["fdMapFull"], opened, room, opened-room)
	}
}

func TestRingWaitsAreToldApart(t *testing.T) {
	needPrivileges(t)
	seen := observeWork(t, workloadPath, "ring")
	blocked, polled := seen.Histograms["netpollBlockedNs"], seen.Histograms["netpollPollNs"]

	// The runtime's own netpoller works beside the ring: it is counted too, so the ring's calls
	// are a lower bound, and the sum is what the system calls say.
	if blocked.Count < 13 || polled.Count < 11+5 {
		t.Errorf("blocked %d, zero timeout %d; want at least 13 and 16", blocked.Count, polled.Count)
	}
	if got := seen.Syscalls["io_uring_enter"]; got != 13+11+5+3 {
		t.Errorf("io_uring_enter %d times, want 32", got)
	}
	if blocked.Sum < 13*1e6 {
		t.Errorf("13 waits of 1 ms took %d ns together", blocked.Sum)
	}
}

func TestEachWakeOfTheNetworkIsOneWakeup(t *testing.T) {
	t.Run("uprobe_multi", func(t *testing.T) {
		if err := features.HaveBPFLinkUprobeMulti(); errors.Is(err, ebpf.ErrNotSupported) {
			t.Skipf("uprobe_multi is missing: %v", err)
		}
		countWakeups(t, workloadPath)
	})
	t.Run("perf uprobe", func(t *testing.T) {
		if held, _ := caps.Effective(); !held.Has(unix.CAP_SYS_ADMIN) {
			t.Skip("CAP_SYS_ADMIN is missing, which perf uprobes need")
		}
		countWakeups(t, workloadPath, "--perf-uprobes")
	})
}

func countWakeups(t *testing.T, path string, args ...string) {
	needPrivileges(t)
	const before, inside = 7, 101
	server := startWorkload(t, path, "pingpong")
	conn, err := net.Dial("tcp", server.hear())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	server.expect("parked")
	ping := func(times int) {
		for range times {
			if _, err := conn.Write([]byte{1}); err != nil {
				t.Fatal(err)
			}
			if _, err := conn.Read(make([]byte, 1)); err != nil {
				t.Fatal(err)
			}
			server.expect("parked")
		}
	}

	o := observe(t, args, map[string]*process{"server": server})
	ping(before)
	o.begin()
	ping(inside)
	seen := o.end().Targets["server"]

	wakeup := seen.Histograms["wakeupNs"]
	if wakeup == nil || wakeup.Count != inside {
		t.Errorf("wakeups %+v, want %d", wakeup, inside)
	}
	if anyCounted(seen.Lost) || anyCounted(seen.InFlight) {
		t.Errorf("lost %+v, in flight %+v, want none", seen.Lost, seen.InFlight)
	}
	if ready := seen.Histograms["netpollReadyEvents"]; ready.Sum < inside {
		t.Errorf("%d descriptors ready, want at least %d", ready.Sum, inside)
	}
	checkSites(t, seen.Sites, inside)
}

func checkSites(t *testing.T, sites []report.Site, hits uint64) {
	t.Helper()
	seen := map[string]bool{}
	for _, site := range sites {
		if site.Probe != "wakeup" {
			continue
		}
		seen[site.Symbol] = true
		// How often goroutines wake each other or are born is not up to the network.
		byNetwork := site.Symbol == "runtime.netpollready" || site.Symbol == "runtime.execute"
		if site.Class != "emulated" || byNetwork && site.Hits < hits {
			t.Errorf("site %+v, want an emulated instruction and at least %d hits", site, hits)
		}
	}
	if len(seen) != 4 {
		t.Errorf("sites of wakeup %v, want 4", seen)
	}
}

// Two processes of one file under one netprobe keep their numbers apart, and a third one of the
// same file that nobody asked about changes nothing.
func TestTargetsAreKeptApart(t *testing.T) {
	needPrivileges(t)
	caller := startWorkload(t, workloadPath, "calls")
	churner := startWorkload(t, workloadPath, "churn")
	stranger := startWorkload(t, workloadPath, "churn")
	for _, p := range []*process{caller, churner, stranger} {
		p.expect("ready")
	}
	o := observe(t, nil, map[string]*process{"caller": caller, "churner": churner})
	o.begin()
	for _, p := range []*process{stranger, caller, churner} {
		p.say("go")
	}
	for _, p := range []*process{stranger, caller, churner} {
		p.expect("done")
	}
	targets := o.end().Targets

	if h := targets["caller"].Histograms["readNs"]; h.Count != 23 {
		t.Errorf("caller: %d reads, want 23", h.Count)
	}
	if h := targets["churner"].Histograms["readNs"]; h.Count != 0 {
		t.Errorf("churner: %d reads, want 0", h.Count)
	}
	if n := targets["caller"].Descriptors.Opened["file"]; n != 22 {
		t.Errorf("caller: %d files, want 22", n)
	}
	if n := targets["churner"].Descriptors.Opened["file"]; n != 4*2003 {
		t.Errorf("churner: %d files, want %d", n, 4*2003)
	}
}

// Stripping leaves the table of functions that the runtime needs itself.
func TestStrippedProgramLosesNothing(t *testing.T) {
	t.Run("wake-ups", func(t *testing.T) { countWakeups(t, strippedPath) })
	t.Run("calls", func(t *testing.T) {
		needPrivileges(t)
		seen := observeWork(t, strippedPath, "calls")
		if h := seen.Histograms["readNs"]; h == nil || h.Count != 23 {
			t.Errorf("readNs = %+v, want count 23", h)
		}
		if seen.GoVersion == nil || !strings.HasPrefix(*seen.GoVersion, "go1.") {
			t.Errorf("goVersion %v: build information survives stripping", seen.GoVersion)
		}
	})
}

func TestProgramOfAnotherLanguageLosesTheWakeupOnly(t *testing.T) {
	needPrivileges(t)
	cat := start(t, exec.Command("cat"))
	o := observe(t, nil, map[string]*process{"cat": cat})
	o.begin()
	const lines = 13
	for range lines {
		cat.say("line")
		cat.expect("line")
	}
	seen := o.end().Targets["cat"]
	if seen.GoVersion != nil {
		t.Errorf("goVersion %q, want null", *seen.GoVersion)
	}
	if seen.Histograms["wakeupNs"] != nil || seen.Unavailable["wakeupNs"] == "" {
		t.Errorf("wakeupNs %+v, reason %q", seen.Histograms["wakeupNs"], seen.Unavailable["wakeupNs"])
	}
	if h := seen.Histograms["writeNs"]; h == nil || h.Count != lines {
		t.Errorf("writeNs %+v, want count %d", h, lines)
	}
}

// A server that crashes inside the window leaves what was seen of it, and the report says so.
func TestTargetThatEndsInTheWindow(t *testing.T) {
	needPrivileges(t)
	w := startWorkload(t, workloadPath, "calls")
	w.expect("ready")
	o := observe(t, nil, map[string]*process{"it": w})
	o.begin()
	w.say("go")
	w.expect("done")
	w.signal(unix.SIGKILL)
	w.exit()
	seen := o.end().Targets["it"]
	if !seen.Exited {
		t.Error("not reported as exited")
	}
	if h := seen.Histograms["readNs"]; h.Count != 23 {
		t.Errorf("readNs %+v, want count 23", h)
	}
}

func TestProbesThatAreNotSelectedAreNull(t *testing.T) {
	needPrivileges(t)
	seen := observeWork(t, workloadPath, "calls", "--probes", "syscalls")
	if h := seen.Histograms["readNs"]; h == nil || h.Count != 23 {
		t.Errorf("readNs %+v, want count 23", h)
	}
	for metric, reason := range map[string]string{
		"wakeupNs":         "probe wakeup not selected",
		"netpollBlockedNs": "probe netpoll not selected",
		"descriptors":      "probe fdleak not selected",
	} {
		if seen.Histograms[metric] != nil || seen.Unavailable[metric] != reason {
			t.Errorf("%s: reason %q, want null and %q", metric, seen.Unavailable[metric], reason)
		}
	}
	if seen.Descriptors != nil {
		t.Errorf("descriptors %+v, want null", seen.Descriptors)
	}
}

// In a container the kernel's process numbers are not those that /proc shows.
func TestOwnPIDNamespace(t *testing.T) {
	needPrivileges(t)
	if held, _ := caps.Effective(); !held.Has(unix.CAP_SYS_ADMIN) {
		t.Skip("CAP_SYS_ADMIN is missing, which a new PID namespace needs")
	}
	if _, err := exec.LookPath("unshare"); err != nil {
		t.Skip("the program unshare is missing")
	}
	p := start(t, exec.Command("unshare", "--pid", "--fork", "--mount-proc", netprobePath, "check"))
	said, _ := io.ReadAll(p.out)
	if code := p.exit(); code != exitOK {
		t.Errorf("exit code %d: %s%s", code, said, &p.stderr)
	}
}

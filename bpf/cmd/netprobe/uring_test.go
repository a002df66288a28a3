package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pollgate/bpf/internal/goruntime"
	"pollgate/bpf/internal/gosym"
	"pollgate/bpf/internal/report"
	"pollgate/bpf/probes/uring"
)

// uringTally is what the workload counted itself.
type uringTally struct{ Submitted, Reaped, More, Cancelled, Failed uint64 }

// Numbers of enum io_uring_op.
var uringOps = map[string]string{"0": "NOP", "6": "POLL_ADD", "7": "POLL_REMOVE", "11": "TIMEOUT",
	"13": "ACCEPT", "14": "ASYNC_CANCEL", "15": "LINK_TIMEOUT", "22": "READ", "23": "WRITE"}

// observeRing runs a workload to its end; atRest is called before it is killed.
func observeRing(t *testing.T, work string, atRest func(pid int)) (
	*report.Target, uring.Details, map[string]uringTally,
) {
	t.Helper()
	needPrivileges(t)
	w := startWorkload(t, workloadPath, work)
	if first := w.hear(); strings.HasPrefix(first, "refused") {
		t.Skipf("this machine lacks io_uring: %s", first)
	}
	o := observe(t, []string{"--probes", "uring"}, map[string]*process{"it": w})
	o.begin()
	w.say("go")
	var byNumber map[string]uringTally
	if told := w.hear(); json.Unmarshal([]byte(told), &byNumber) != nil {
		t.Fatalf("the workload said %q, expected its counts", told)
	}
	w.expect("done")
	atRest(w.Process.Pid)
	seen := o.end().Targets["it"]
	tallies := map[string]uringTally{}
	for number, tally := range byNumber {
		tallies[uringOps[number]] = tally
	}
	if anyCounted(seen.Lost) {
		t.Errorf("lost %v", seen.Lost)
	}
	if len(seen.Unavailable) != 0 {
		for name, reason := range seen.Unavailable {
			if strings.HasPrefix(name, "uring") {
				t.Errorf("%s is unavailable: %s", name, reason)
			}
		}
	}
	return seen, details[uring.Details](t, seen, "uring"), tallies
}

func ringOperation(t *testing.T, d uring.Details, name string) uring.Operation {
	t.Helper()
	for _, o := range d.Operations {
		if o.Name == name {
			return o
		}
	}
	t.Fatalf("operation %s was not seen", name)
	return uring.Operation{}
}

// ringInfo is a line `NAME: NUMBER` of what the kernel tells of a process's ring.
func ringInfo(t *testing.T, pid int, name string) uint64 {
	t.Helper()
	links, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	for _, link := range links {
		if to, _ := os.Readlink(link); to != "anon_inode:[io_uring]" {
			continue
		}
		info, err := os.ReadFile(strings.Replace(link, "/fd/", "/fdinfo/", 1))
		if err != nil {
			t.Fatal(err)
		}
		found := regexp.MustCompile(`(?m)^` + name + `:\s*(\d+)$`).FindSubmatch(info)
		if found == nil {
			t.Skipf("this kernel's fdinfo of a ring has no %s", name)
		}
		n, _ := strconv.ParseUint(string(found[1]), 10, 64)
		return n
	}
	t.Fatal("the process has no ring")
	return 0
}

func TestRingRequestsAreFollowedToTheirEnd(t *testing.T) {
	var posted uint64
	seen, d, tallies := observeRing(t, "uringrested", func(pid int) {
		posted = ringInfo(t, pid, "CqTail")
		if head := ringInfo(t, pid, "CqHead"); head != posted {
			t.Errorf("the workload left %d completions", posted-head)
		}
	})
	const quiet, early = 2, 1
	zero := uint64(0)
	var submitted, reaped uint64
	for name, counted := range tallies {
		o := ringOperation(t, d, name)
		want := uring.Operation{Name: name, Submitted: counted.Submitted,
			Completed: counted.Reaped - counted.More, Failed: counted.Failed,
			Cancelled: counted.Cancelled, More: counted.More, Refused: &zero, Punted: o.Punted,
			Latency: o.Latency}
		switch name {
		case "READ": // one was submitted before the window
			want.Submitted -= early
			want.Completed -= early
		case "NOP":
			want.Quiet = quiet
			one := uint64(1)
			want.Refused = &one
		case "ACCEPT", "POLL_ADD":
			want.Multishots = 1
		}
		if got, want := inJSON(t, o), inJSON(t, want); got != want {
			t.Errorf("seen    %s\ncounted %s", got, want)
		}
		if o.Latency.Count != o.Completed-o.Multishots {
			t.Errorf("%s: %d latencies of %d completed", name, o.Latency.Count, o.Completed)
		}
		submitted += counted.Submitted
		reaped += counted.Reaped
	}
	if nop := tallies["NOP"]; nop.Submitted != 23+3+1+quiet+139 || nop.Reaped != nop.Submitted-quiet {
		t.Errorf("the workload did not do what it should: %+v", tallies)
	}
	if d.DriftRequests != 0 || seen.InFlight["uringRequests"] != 0 || d.Unknown != early {
		t.Errorf("drift %d, in flight %v, unknown %d; want 0, 0, %d", d.DriftRequests, seen.InFlight,
			d.Unknown, early)
	}
	if reaped != posted {
		t.Errorf("fdinfo tells of %d completions, the workload took %d", posted, reaped)
	}
	if d.CqOverflows == nil || *d.CqOverflows != 11 || *d.CqOverflowsDropped != 0 {
		t.Errorf("overflows %v and dropped %v, want 11 and 0", d.CqOverflows, d.CqOverflowsDropped)
	}
	if len(d.Rings) != 1 {
		t.Fatalf("%d rings, want 1", len(d.Rings))
	}
	ring := d.Rings[0]
	if ring.CqEntries != 128 || ring.CqBacklogMax != 128 || ring.InFlight != 0 ||
		ring.CqOverflows != 11 || ring.DepthMax != 64 ||
		ring.Submitted != submitted-quiet-early || ring.Completed != ring.Submitted {
		t.Errorf("ring %+v, want 128 entries, all of them untaken once, 64 deep, %d requests ended",
			ring, submitted-quiet-early)
	}
	checkSlices(t, ring)
	if punted := ringOperation(t, d, "WRITE").Punted; punted == nil || *punted != 5 {
		t.Errorf("punted writes %v, want 5", punted)
	}
	if d.TaskWork == nil || d.TaskWork.Items == 0 {
		t.Errorf("task work %+v, want some", d.TaskWork)
	}

	const injected = uint64(20 * time.Millisecond)
	for _, name := range []string{"TIMEOUT", "LINK_TIMEOUT"} {
		if l := ringOperation(t, d, name).Latency; l.MinNs < injected || l.Count != 2 {
			t.Errorf("%s: %+v, want 2 of at least %d ns", name, l, injected)
		}
	}
	// 13 at once, 3 that somebody wrote for later, 2 ended by their timeout, 3 without a file.
	if h := seen.Histograms["uringReadNs"]; h.Count != 13+3+2+3 || h.Sum < (3+2)*injected {
		t.Errorf("uringReadNs: %d and together %d ns, want 21 and at least 5 × %d", h.Count, h.Sum, injected)
	}
	for metric, count := range map[string]uint64{"uringTimeoutNs": 4, "uringWriteNs": 5,
		"uringPollNs": 3, "uringAcceptNs": 0, "uringCompletionsPerMultishot": 2,
		"uringCqBacklog": reaped} {
		if h := seen.Histograms[metric]; h == nil || h.Count != count {
			t.Errorf("%s: %+v, want count %d", metric, h, count)
		}
	}
	if h := seen.Histograms["uringCompletionsPerMultishot"]; h.Sum != 11+7 || h.Max != 11 {
		t.Errorf("completions of multishots %+v, want 11 and 7", h)
	}
}

// checkSlices: the last slices hold the overflow and no more than the ring's maxima.
func checkSlices(t *testing.T, ring uring.Ring) {
	t.Helper()
	var overflows uint64
	for i, s := range ring.Slices {
		overflows += s.CqOverflows
		if s.DepthMax > ring.DepthMax || s.CqBacklogMax > ring.CqBacklogMax {
			t.Errorf("slice %+v exceeds the maxima of its ring %+v", s, ring)
		}
		if i > 0 && (s.FromNs <= ring.Slices[i-1].FromNs || (s.FromNs-ring.Slices[0].FromNs)%1e8 != 0) {
			t.Errorf("slices %+v are not in order", ring.Slices)
		}
	}
	if len(ring.Slices) == 0 || len(ring.Slices) > 10 || overflows != ring.CqOverflows {
		t.Errorf("%d slices with %d overflows, want 1 to 10 with %d", len(ring.Slices), overflows, ring.CqOverflows)
	}
}

func TestRingRequestsUnderWay(t *testing.T) {
	var untaken uint64
	seen, d, tallies := observeRing(t, "uringbusy", func(pid int) {
		untaken = ringInfo(t, pid, "CqTail") - ringInfo(t, pid, "CqHead")
	})
	if untaken != 17+3 {
		t.Errorf("fdinfo tells of %d untaken completions, want 20", untaken)
	}
	ring := d.Rings[0]
	if uint64(ring.CqBacklogMax) != untaken || ring.InFlight != 6 || d.DriftRequests != 0 ||
		seen.InFlight["uringRequests"] != 6 {
		t.Errorf("ring %+v, in flight %v; want %d untaken, 6 in flight", ring, seen.InFlight, untaken)
	}
	read, accept := ringOperation(t, d, "READ"), ringOperation(t, d, "ACCEPT")
	if read.InFlight != 5 || read.Submitted != tallies["READ"].Submitted-1 {
		t.Errorf("reads %+v, want 5 in flight", read)
	}
	if accept.InFlight != 1 || accept.More != 3 || accept.Multishots != 1 || accept.Completed != 0 {
		t.Errorf("accepts %+v, want 1 in flight with 3 completions", accept)
	}
	if h := seen.Histograms["uringCompletionsPerMultishot"]; h.Count != 1 || h.Sum != 3 {
		t.Errorf("completions of multishots %+v, want 3", h)
	}
}

func TestRingRequestsOnWorkersAreAllSeenToEnd(t *testing.T) {
	seen, d, tallies := observeRing(t, "uringchurn", func(int) {})
	const each = 5003
	nop := ringOperation(t, d, "NOP")
	if tallies["NOP"].Reaped != each || nop.Submitted != 3*each || nop.Completed != 3*each ||
		nop.Latency.Count != 3*each || nop.Punted == nil || *nop.Punted != 3*each {
		t.Errorf("%+v, want all of 3 × %d requests completed and punted", nop, each)
	}
	if d.DriftRequests != 0 || d.Unknown != 0 || seen.InFlight["uringRequests"] != 0 ||
		nop.EndedUnseen != 0 || len(d.Rings) != 3 {
		t.Errorf("drift %d, unknown %d, in flight %v, ended unseen %d, %d rings", d.DriftRequests,
			d.Unknown, seen.InFlight, nop.EndedUnseen, len(d.Rings))
	}
	for _, ring := range d.Rings {
		if ring.Submitted != each || ring.Completed != each || ring.InFlight != 0 || ring.DepthMax > 31 {
			t.Errorf("ring %+v, want %d requests, at most 31 at a time", ring, each)
		}
	}
}

func TestRingMetricsNeedARing(t *testing.T) {
	needPrivileges(t)
	seen := observeWork(t, workloadPath, "calls", "--probes", "uring")
	if reason := seen.Unavailable["uringReadNs"]; !strings.Contains(reason, "no target holds an io_uring") {
		t.Errorf("reason %q", reason)
	}
	if seen.Histograms["uringReadNs"] != nil || seen.Details["uring"] != nil {
		t.Error("something was measured of a process without a ring")
	}
}

func inJSON(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestAFullCompletionQueueIsAnAlarmWithTheGoroutinesOfThatMoment(t *testing.T) {
	needPrivileges(t)
	const standing, backlog = 13, 80
	w := startWorkload(t, workloadPath, "uringfull")
	if first := w.hear(); strings.HasPrefix(first, "refused") {
		t.Skipf("this machine lacks io_uring: %s", first)
	}
	o := observe(t, []string{"--probes", "uring"}, map[string]*process{"it": w})
	o.begin()
	w.say("go")
	w.expect("full")
	var told struct{ Event, Probe, Target, Says string }
	if line := o.hear(); json.Unmarshal([]byte(line), &told) != nil || told.Event != "alarm" ||
		told.Probe != "uring" || told.Target != "it" || !strings.Contains(told.Says, "80 of 128 entries") {
		t.Fatalf("netprobe said %q, want an alarm", line)
	}
	w.say("go")
	w.expect("done")
	seen := o.end().Targets["it"]
	d := details[uring.Details](t, seen, "uring")
	if len(d.Alarms) == 0 || d.GoroutinesUnavailable != "" {
		t.Fatalf("%d alarms, goroutines unavailable: %q", len(d.Alarms), d.GoroutinesUnavailable)
	}
	alarm := d.Alarms[0]
	if alarm.CqBacklog != backlog || alarm.CqEntries != 128 || alarm.InFlight != 0 || alarm.AtNs <= 0 {
		t.Errorf("%+v, want %d of 128 in the queue and none in flight", alarm, backlog)
	}
	place := slices.IndexFunc(alarm.Goroutines, func(p goruntime.Place) bool {
		return slices.ContainsFunc(p.Frames, func(f gosym.Frame) bool { return f.Function == "main.waitForRelease" })
	})
	if place < 0 || alarm.Goroutines[place].Count != standing || alarm.Goroutines[place].Reason != "chan receive" {
		t.Errorf("%+v, want %d in waitForRelease", alarm.Goroutines, standing)
	}
	counted := slices.ContainsFunc(d.Rings[0].Slices, func(s uring.Slice) bool {
		return s.Goroutines["waiting"] >= standing
	})
	expectLines(t, showFile(t, o.path),
		`io_uring: 80 requests, up to \d+ in flight; up to 80 of 128 completions not taken, 0 overflowed`,
		`  alarm at .*: 80 of 128 not taken; 13 goroutines waiting in main.waitForRelease uring.go:\d+`)
	if !counted {
		t.Errorf("%+v, want a slice with the goroutines that wait", d.Rings[0].Slices)
	}
}

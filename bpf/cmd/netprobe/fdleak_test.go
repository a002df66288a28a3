package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pollgate/bpf/internal/report"
	"pollgate/bpf/probes/fdleak"
)

// leaked are the places that leak in the workload: kind, and how many descriptors (a pipe has two).
var leaked = map[string]struct {
	kind  string
	count uint64
}{
	"Socket":  {"socket", 3},
	"Accept":  {"accept", 5},
	"File":    {"file", 7},
	"Pipe":    {"pipe", 2 * 11},
	"Epoll":   {"epoll", 13},
	"Eventfd": {"eventfd", 17},
	"Copy":    {"other", 19}, // of a descriptor older than the window
}

func TestEachLeakHasItsPlaceAndCount(t *testing.T) {
	needPrivileges(t)
	seen, grown := observeLeaks(t, "leaks")
	d := details[fdleak.Details](t, seen, "fdleak")
	at := originsByFunction(t, d)

	var total uint64
	for place, want := range leaked {
		leaky := at["main.leak"+place+" "+want.kind]
		if leaky.Opened != want.count || leaky.Closed != 0 || leaky.OpenAtEnd != want.count {
			t.Errorf("leak%s: %+v, want %d opened and open", place, leaky, want.count)
		}
		twin := at["main.balanced"+place+" "+want.kind]
		if twin.Opened != want.count || twin.Closed != want.count || twin.OpenAtEnd != 0 ||
			twin.OldestAgeNs != 0 {
			t.Errorf("balanced%s: %+v, want %d opened and closed", place, twin, want.count)
		}
		if n := seen.Descriptors.OpenAtEnd[want.kind]; n != want.count {
			t.Errorf("%s: %d open at end, want %d", want.kind, n, want.count)
		}
		total += want.count
	}
	// The clients of both accepting places are sockets of theirs, all closed.
	if len(at) != 2*len(leaked)+2 {
		t.Errorf("%d places, want %d: %v", len(at), 2*len(leaked)+2, slices.Sorted(maps.Keys(at)))
	}
	if uint64(len(d.Open)) != total {
		t.Errorf("%d descriptors listed as open, want %d", len(d.Open), total)
	}
	checkListing(t, d)
	checkGrowth(t, seen, grown)
	if anyCounted(seen.Lost) {
		t.Errorf("lost %v, want nothing lost", seen.Lost)
	}
	if d.DoubleClose.Count+d.CloseOfUnknown.Count+d.EpollOutlivingClose.Count+d.ClosedUnseen != 0 {
		t.Errorf("misuse found in a program without: %+v", d)
	}
}

func TestLeakedRingsHaveTheirPlaceAndCount(t *testing.T) {
	needPrivileges(t)
	seen, grown := observeLeaks(t, "leakrings")
	at := originsByFunction(t, details[fdleak.Details](t, seen, "fdleak"))
	leaky, twin := at["main.leakRing io_uring"], at["main.balancedRing io_uring"]
	if leaky.OpenAtEnd != 2 || leaky.Opened != 2 || twin.OpenAtEnd != 0 || twin.Closed != 2 {
		t.Errorf("leaky %+v, twin %+v; want 2 left open, and 2 closed", leaky, twin)
	}
	checkGrowth(t, seen, grown)
}

func TestMisuseIsCountedWhereItHappens(t *testing.T) {
	needPrivileges(t)
	seen := observeWork(t, workloadPath, "misuse", "--probes", "fdleak")
	d := details[fdleak.Details](t, seen, "fdleak")
	for name, c := range map[string]struct {
		misuse fdleak.Misuse
		want   map[string]uint64
	}{
		"double close": {d.DoubleClose,
			map[string]uint64{"main.closeTwice": 5, "main.closeTwiceElsewhere": 3,
				"main.closeTwiceOlder": 2}},
		"close of unknown":      {d.CloseOfUnknown, map[string]uint64{"main.misuse": 2}},
		"epoll outliving close": {d.EpollOutlivingClose, map[string]uint64{"main.closeRegistered": 7}},
	} {
		got, total := map[string]uint64{}, uint64(0)
		for _, s := range c.misuse.Stacks {
			got[callerIn(s.Stack)] += s.Count
			total += s.Count
		}
		if !maps.Equal(got, c.want) || c.misuse.Count != total {
			t.Errorf("%s: %d at %v, want %v", name, c.misuse.Count, got, c.want)
		}
	}
	if anyCounted(seen.Descriptors.OpenAtEnd) || anyCounted(seen.Lost) {
		t.Errorf("open at end %v, lost %v; want none", seen.Descriptors.OpenAtEnd, seen.Lost)
	}
	if n := seen.Descriptors.ClosedPreexisting; n != 2 {
		t.Errorf("%d older descriptors closed, want 2: the second close closes nothing", n)
	}
}

func TestRingRequestsAreCounted(t *testing.T) {
	needPrivileges(t)
	seen := observeWork(t, workloadPath, "ringfiles", "--probes", "fdleak")
	d := details[fdleak.Details](t, seen, "fdleak")
	if d.Ring == nil {
		t.Skip("the kernel lacks the tracepoint io_uring_submit_req")
	}
	want := fdleak.RingRequests{OpenedDirect: 3 + 2 + 1, ClosedDirect: 4, Opened: 5, Closed: 7}
	if *d.Ring != want {
		t.Errorf("ring %+v, want %+v", *d.Ring, want)
	}
	b := seen.Descriptors
	if b.Opened["file"] != 7 || b.Closed["file"] != 7 || b.OpenAtEnd["file"] != 0 ||
		b.ClosedPreexisting != 2 {
		t.Errorf("balance %+v, want 7 files opened, and closed by the ring, 2 others closed", b)
	}
}

// observeLeaks is observeWork for work that begins before the window; it also counts the process's descriptors by the names of their
// links in /proc, before and after.
func observeLeaks(t *testing.T, work string) (*report.Target, map[string]int) {
	t.Helper()
	w := startWorkload(t, workloadPath, work)
	if first := w.hear(); strings.HasPrefix(first, "refused") {
		t.Skipf("this machine lacks what the workload needs: %s", first)
	}
	o := observe(t, []string{"--probes", "fdleak"}, map[string]*process{"it": w})
	w.say("before")
	w.expect("ready")
	before := linksOf(t, w.Process.Pid)
	o.begin()
	w.say("go")
	w.expect("done")
	grown := linksOf(t, w.Process.Pid)
	for link, n := range before {
		grown[link] -= n
	}
	return o.end().Targets["it"], grown
}

// linksOf counts a process's descriptors by what their links say without the number of the inode.
func linksOf(t *testing.T, pid int) map[string]int {
	t.Helper()
	paths, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	if err != nil {
		t.Fatal(err)
	}
	links := map[string]int{}
	for _, path := range paths {
		link, err := os.Readlink(path)
		if err != nil {
			t.Fatal(err)
		}
		if kind, _, anonymous := strings.Cut(link, ":["); anonymous && kind != "anon_inode" {
			link = kind
		}
		links[link]++
	}
	return links
}

// checkGrowth compares what is open at the end with /proc. A link does not tell an accepted
// connection from another socket; the copies are of a memfd.
func checkGrowth(t *testing.T, seen *report.Target, grown map[string]int) {
	t.Helper()
	open := seen.Descriptors.OpenAtEnd
	for link, want := range map[string]uint64{
		"socket":                  open["socket"] + open["accept"],
		"pipe":                    open["pipe"],
		"/dev/zero":               open["file"],
		"anon_inode:[eventpoll]":  open["epoll"],
		"anon_inode:[eventfd]":    open["eventfd"],
		"anon_inode:[io_uring]":   open["io_uring"],
		"/memfd:copied (deleted)": open["other"],
	} {
		if grown[link] != int(want) {
			t.Errorf("/proc says %d more of %q, the probe %d", grown[link], link, want)
		}
	}
}

// checkListing looks whether the single descriptors, the places and the ages are the same ones.
func checkListing(t *testing.T, d fdleak.Details) {
	t.Helper()
	listed, aged := map[int]uint64{}, map[string]uint64{}
	for _, open := range d.Open {
		listed[open.Origin]++
		if o := d.Origins[open.Origin]; o.Kind != open.Kind || open.AgeNs == 0 ||
			open.AgeNs > o.OldestAgeNs || open.AgeNs < o.YoungestAgeNs {
			t.Errorf("descriptor %+v does not fit its origin %+v", open, o)
		}
	}
	for kind, rows := range d.AgesAtEnd {
		for _, row := range rows {
			aged[kind] += row.Count
		}
	}
	for i, o := range d.Origins {
		var quarters uint64
		for _, n := range o.OpenByQuarter {
			quarters += n
		}
		if listed[i] != o.OpenAtEnd || quarters != o.OpenAtEnd {
			t.Errorf("%s: %d listed, %d by quarter, %d open", o.Kind, listed[i], quarters, o.OpenAtEnd)
		}
		aged[o.Kind] -= o.OpenAtEnd
		if i > 0 && o.OpenAtEnd > d.Origins[i-1].OpenAtEnd {
			t.Errorf("origin %d has more left open than the one before", i)
		}
	}
	if anyCounted(aged) {
		t.Errorf("ages and places do not have the same number: %v too many", aged)
	}
}

// originsByFunction adds up what belongs to one function that leaks or does not, and one kind.
func originsByFunction(t *testing.T, d fdleak.Details) map[string]fdleak.Origin {
	t.Helper()
	at := map[string]fdleak.Origin{}
	for _, o := range d.Origins {
		key := callerIn(o.Stack) + " " + o.Kind
		if _, twice := at[key]; twice {
			t.Errorf("%s has two stacks", key)
		}
		at[key] = o
	}
	return at
}

// callerIn is the innermost function of a stack that is neither the system call's nor one of the
// workload's own tools. Frames must be without a gap: each of these calls the one before.
func callerIn(stack []fdleak.Frame) string {
	tools := []string{"main.open", "main.newSocket", "main.newPipe", "main.newRing",
		"main.acceptFrom", "main.closeAll"}
	var names []string
	for _, frame := range stack {
		name := frame.Function
		names = append(names, name)
		if strings.HasPrefix(name, "main.") && !slices.Contains(tools, name) {
			if !strings.HasSuffix(names[0], ".Syscall6") || names[1] != "syscall.RawSyscall6" {
				break // the direct caller of the system call is missing
			}
			return name
		}
	}
	return strings.Join(names, " < ")
}

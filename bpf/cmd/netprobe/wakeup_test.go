package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"testing"

	"pollgate/bpf/internal/hist"
	"pollgate/bpf/internal/report"
	"pollgate/bpf/probes/heatmap"
	"pollgate/bpf/probes/wakeup"
)

func TestGoroutineWakeupsAndBirthsAreCounted(t *testing.T) {
	needPrivileges(t)
	const births, handovers = 211, 2 * 307
	seen := observeWork(t, workloadPath, "hops", "--set", "runtime")
	born, woken := seen.Histograms["goroutineBirthNs"], seen.Histograms["goroutineWakeupNs"]
	if born.Count != births {
		t.Errorf("%d births, want %d", born.Count, births)
	}
	// The wait for the 211 is one more wake-up at most; the runtime has a few of its own.
	if woken.Count < handovers || woken.Count > handovers+17 {
		t.Errorf("%d wake-ups by goroutines, want %d and few more", woken.Count, handovers)
	}
	for symbol, want := range map[string]uint64{
		"runtime.ready":         woken.Count + seen.InFlight["goroutineWakeups"],
		"runtime.newproc.func1": born.Count + seen.InFlight["goroutineBirths"],
	} {
		if hits := hitsOf(seen, symbol); hits != want {
			t.Errorf("%s was hit %d times, %d are told of", symbol, hits, want)
		}
	}
	expectNoLoss(t, seen)
}

func hitsOf(seen *report.Target, symbol string) (hits uint64) {
	for _, site := range seen.Sites {
		if site.Probe == "wakeup" && site.Symbol == symbol {
			hits += site.Hits
		}
	}
	return hits
}

func expectNoLoss(t *testing.T, seen *report.Target) {
	t.Helper()
	if anyCounted(seen.Lost) {
		t.Errorf("lost %+v, want nothing lost", seen.Lost)
	}
}

// Every wake-up by the network is in two parts that add up to it, in one loop of the netpoller,
// in one cell of either heat map, and (as long as there are few) among the slowest.
func TestOneWakeupInAllItsPlaces(t *testing.T) {
	needPrivileges(t)
	const pings = 29 // so few that every loop and every wake-up is an example
	seen := observeEchoes(t, pings, startWorkload(t, workloadPath, "echoes", "idle"),
		"--netpoll-alarm", "1")
	wakeups := seen.Histograms["wakeupNs"]
	if wakeups.Count < pings || wakeups.Count > 3*pings {
		t.Errorf("%d wake-ups, want %d to three times that: a byte that comes early wakes nobody", wakeups.Count, pings)
	}
	expectParts(t, seen)
	expectNoLoss(t, seen)

	loops, d := seen.Histograms["netpollLoopNs"], details[wakeup.Details](t, seen, "wakeup")
	// A threshold of 1 ns makes every loop an alarm.
	alarms := d.NetpollLoops
	if alarms.Alarms != loops.Count || len(alarms.Examples) != int(min(100, loops.Count)) {
		t.Errorf("%d alarms, %d examples, want all %d", alarms.Alarms, len(alarms.Examples), loops.Count)
	}
	ready, longest, sum := alarms.ReadyWithoutLoop, uint64(0), uint64(0)
	for _, loop := range alarms.Examples {
		ready += uint64(loop.GoroutinesReady)
		longest, sum = max(longest, loop.LoopNs), sum+loop.LoopNs
		if loop.LoopNs == 0 || loop.LoopNs > loops.Max || loop.ReadyEvents == 0 ||
			loop.GoroutinesReady == 0 || loop.GoroutinesReady > loop.ReadyEvents {
			t.Errorf("loop %+v, longest %d", loop, loops.Max)
		}
	}
	if hits := hitsOf(seen, "runtime.netpollready"); ready != hits {
		t.Errorf("%d goroutines made ready in all loops, want all %d", ready, hits)
	}
	// Nothing was under way when the window opened.
	if alarms.ReadyWithoutLoop > 3 || loops.Count == 0 {
		t.Errorf("%d loops, %d goroutines made ready in none", loops.Count, alarms.ReadyWithoutLoop)
	}
	if found := seen.Histograms["netpollReadyEvents"].Sum; ready > found {
		t.Errorf("%d goroutines made ready, but only %d descriptors found", ready, found)
	}
	if longest != loops.Max || sum != loops.Sum {
		t.Errorf("loops of %d ns together, the longest %d; the histogram has %d and %d", sum, longest,
			loops.Sum, loops.Max)
	}
	if len(d.SlowestWakeups) != int(min(100, wakeups.Count)) ||
		d.SlowestWakeups[0].WakeupNs != wakeups.Max || d.SlowestWakeups[0].GoroutineID == 0 {
		t.Errorf("%d slowest, the first %+v; want all %d and first %d", len(d.SlowestWakeups),
			d.SlowestWakeups[0], wakeups.Count, wakeups.Max)
	}

	heat := details[heatmap.Details](t, seen, "heatmap")
	var byLoop, byReady uint64
	for _, cell := range heat.LoopByWakeup {
		byLoop += cell.Count
	}
	for _, cell := range heat.ReadyByWakeup {
		byReady += cell.Count
		if cell.ReadyCount == 0 {
			t.Errorf("cell %+v: a poll that found nothing wakes nobody", cell)
		}
	}
	if want := wakeups.Count - heat.WithoutLoop; byLoop != want || byReady != want {
		t.Errorf("%d and %d wake-ups in cells, want %d: %d less %d without a loop", byLoop, byReady,
			want, wakeups.Count, heat.WithoutLoop)
	}
	// A cell is named by its least value and is a quarter of it wide at most.
	var least uint64
	for _, cell := range heat.LoopByWakeup {
		least += cell.WakeupNs * cell.Count
	}
	if heat.WithoutLoop == 0 && (least > wakeups.Sum || wakeups.Sum > least+least/4) {
		t.Errorf("cells tell of %d to %d ns together, want the %d of the histogram", least,
			least+least/4, wakeups.Sum)
	}
	t.Logf("wakeup %s; loop %s; %d and %d cells", show(wakeups), show(loops),
		len(heat.LoopByWakeup), len(heat.ReadyByWakeup))
}

func TestNoAlarmBelowTheThreshold(t *testing.T) {
	needPrivileges(t)
	seen := observeEchoes(t, 13, startWorkload(t, workloadPath, "echoes", "idle"),
		"--netpoll-alarm", "1h")
	alarms := details[wakeup.Details](t, seen, "wakeup").NetpollLoops
	if alarms.Alarms != 0 || len(alarms.Examples) != 0 || alarms.AlarmThresholdNs != 3600e9 {
		t.Errorf("%+v, want no alarm and a threshold of an hour", alarms)
	}
}

func TestLoopsNeedTheProbeNetpoll(t *testing.T) {
	needPrivileges(t)
	seen := observeEchoes(t, 13, startWorkload(t, workloadPath, "echoes", "idle"),
		"--probes", "wakeup,heatmap")
	if h := seen.Histograms["wakeupNs"]; h == nil || h.Count < 13 {
		t.Errorf("wakeupNs %+v, want 13 at least", h)
	}
	for _, metric := range []string{"netpollLoopNs", "netpollLoopAlarms", "loopByWakeup"} {
		if seen.Unavailable[metric] == "" || seen.Histograms[metric] != nil {
			t.Errorf("%s: no reason why it is unavailable", metric)
		}
	}
}

// The only P is taken by a goroutine that never gives it up: what is made ready waits for that,
// and not for a CPU.
func TestWaitForAPIsToldApart(t *testing.T) {
	needPrivileges(t)
	const pings = 13
	seen := observeEchoes(t, pings, startWorkload(t, workloadPath, "echoes", "spinner"))
	expectParts(t, seen)
	forP, forCPU := seen.Histograms["wakeupWaitPNs"], seen.Histograms["wakeupWaitCpuNs"]
	// The runtime takes a P away after 10 ms.
	if forP.Sum < pings*1e6 {
		t.Errorf("%d wake-ups waited %d ns for a P together, want %d ms at least", forP.Count, forP.Sum, pings)
	}
	t.Logf("P %s; CPU %s", show(forP), show(forCPU))
}

// All threads of the target share one CPU with a program of higher priority: the thread that is
// to run the second of two goroutines waits for that CPU.
func TestWaitForACPUIsToldApart(t *testing.T) {
	needPrivileges(t)
	for _, program := range []string{"taskset", "nice"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("the program %s is missing", program)
		}
	}
	hog := start(t, exec.Command("taskset", "-c", "0", workloadPath, "hog"))
	hog.expect("ready")
	cmd := exec.Command("taskset", "-c", "0", "nice", "-n", "19", workloadPath, "echoes", "busy")
	cmd.Env = append(os.Environ(), "GOMAXPROCS=2")
	seen := observeEchoes(t, 7, start(t, cmd))
	expectParts(t, seen)
	forP, forCPU := seen.Histograms["wakeupWaitPNs"], seen.Histograms["wakeupWaitCpuNs"]
	if forCPU.Sum < 1e6 {
		t.Errorf("%d wake-ups waited %d ns for a CPU together, want 1 ms at least", forCPU.Count, forCPU.Sum)
	}
	t.Logf("P %s; CPU %s", show(forP), show(forCPU))
}

func expectParts(t *testing.T, seen *report.Target) {
	t.Helper()
	whole, forP, forCPU := seen.Histograms["wakeupNs"], seen.Histograms["wakeupWaitPNs"],
		seen.Histograms["wakeupWaitCpuNs"]
	if forP.Count != whole.Count || forCPU.Count != whole.Count || forP.Sum+forCPU.Sum != whole.Sum {
		t.Errorf("wakeupNs %s is not P %s and CPU %s", show(whole), show(forP), show(forCPU))
	}
}

// observeEchoes sends bytes on three connections at once, so many times, and returns what was
// seen of it.
func observeEchoes(t *testing.T, times int, server *process, args ...string) *report.Target {
	t.Helper()
	conns := dialEchoes(t, server.hear(), 3)
	ping(t, conns) // once outside the window: the connections are accepted
	o := observe(t, withSet(args), map[string]*process{"server": server})
	o.begin()
	for range times {
		ping(t, conns)
	}
	return o.end().Targets["server"]
}

func withSet(args []string) []string {
	for _, arg := range args {
		if arg == "--probes" {
			return args
		}
	}
	return append(args, "--set", "runtime")
}

func dialEchoes(t *testing.T, address string, connections int) []net.Conn {
	t.Helper()
	var conns []net.Conn
	for range connections {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		conns = append(conns, conn)
	}
	return conns
}

// ping sends a byte on each connection and awaits all answers.
func ping(t *testing.T, conns []net.Conn) {
	t.Helper()
	for _, conn := range conns {
		if _, err := conn.Write([]byte{1}); err != nil {
			t.Fatal(err)
		}
	}
	for _, conn := range conns {
		if _, err := conn.Read(make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
	}
}

// quantile is the lower bound of the bucket in which that share of the values ends.
func quantile(h *hist.Histogram, share float64) uint64 {
	var below uint64
	for _, bucket := range h.Buckets {
		below += bucket[1]
		if float64(below) >= share*float64(h.Count) {
			return hist.LowerBound(int(bucket[0]))
		}
	}
	return h.Max
}

func show(h *hist.Histogram) string {
	return fmt.Sprintf("n=%d sum=%d p50=%d p90=%d p99=%d max=%d ns", h.Count, h.Sum,
		quantile(h, 0.5), quantile(h, 0.9), quantile(h, 0.99), h.Max)
}

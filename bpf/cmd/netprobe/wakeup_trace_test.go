package main

import (
	"bufio"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"golang.org/x/exp/trace"

	"pollgate/bpf/internal/report"
	"pollgate/bpf/probes/wakeup"
)

// The runtime's own execution trace is the second source: it has the same clock, and tells of each
// goroutine when it became runnable after waiting for the network, and when it ran. It calls it
// runnable only when the loop of the netpoller is over, so the two agree where waits are longer
// than loops: the workload has 17 goroutines that compute, on 2 Ps.
func TestWakeupsAgreeWithTheExecutionTrace(t *testing.T) {
	needPrivileges(t)
	const pings, connections = 503, 17
	path := filepath.Join(t.TempDir(), "trace")
	server := startWorkload(t, workloadPath, "echoes", "trace", path)
	conns := dialEchoes(t, server.hear(), connections)
	ping(t, conns)
	o := observe(t, []string{"--set", "runtime"}, map[string]*process{"server": server})
	o.begin()
	for range pings {
		ping(t, conns)
	}
	file := o.end()
	server.say("stop")
	server.expect("done")
	seen, traced := file.Targets["server"], readTrace(t, path, file.Window)

	wakeups := seen.Histograms["wakeupNs"]
	d := details[wakeup.Details](t, seen, "wakeup")
	// A goroutine that sees the event while it parks has waited for the trace, and runs at once.
	if n := uint64(len(traced)); n < wakeups.Count || n > wakeups.Count+d.ReadyWhileParking {
		t.Errorf("%d wake-ups and %d in the midst of parking, the trace has %d", wakeups.Count,
			d.ReadyWhileParking, n)
	}
	var waits []uint64
	for _, w := range traced {
		waits = append(waits, w.waited)
	}
	slices.Sort(waits)
	ofTrace := func(share float64) uint64 { return waits[int(share*float64(len(waits)-1))] }
	for _, share := range []float64{0.5, 0.9, 0.99} {
		ours, theirs := quantile(wakeups, share), ofTrace(share)
		difference := 100 * (float64(ours)/float64(theirs) - 1)
		t.Logf("p%v: %d ns, trace %d ns (%+.1f %%)", 100*share, ours, theirs, difference)
		if share == 0.5 && (difference > 20 || difference < -20) {
			t.Errorf("medians differ by %.1f %%", difference)
		}
	}
	slowest := d.SlowestWakeups
	matched := 0
	for _, ours := range slowest {
		if slices.ContainsFunc(traced, func(theirs tracedWakeup) bool {
			// The trace calls it runnable a little after it was made ready, and not after it ran.
			return theirs.goroutine == ours.GoroutineID && theirs.at >= ours.AtNs &&
				theirs.at <= ours.AtNs+ours.WakeupNs
		}) {
			matched++
		}
	}
	t.Logf("of %d slowest, %d are in the trace for the same goroutine", len(slowest), matched)
	if len(slowest) != 100 || matched < 95 {
		t.Errorf("%d of %d slowest are in the trace, want 95 of 100", matched, len(slowest))
	}
}

type tracedWakeup struct {
	goroutine  uint64
	at, waited uint64 // CLOCK_MONOTONIC, nanoseconds
}

// readTrace has each time that a goroutine waited for the network, became runnable inside the
// window, and ran.
func readTrace(t *testing.T, path string, window report.Window) (found []tracedWakeup) {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	reader, err := trace.NewReader(bufio.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	var toMono int64 // from the clock of the trace
	hasClock := false
	forNetwork, runnable := map[trace.GoID]bool{}, map[trace.GoID]int64{}
	for {
		event, err := reader.ReadEvent()
		if errors.Is(err, io.EOF) {
			return found
		}
		if err != nil {
			t.Fatal(err)
		}
		switch event.Kind() {
		case trace.EventSync:
			if clock := event.Sync().ClockSnapshot; clock != nil {
				toMono, hasClock = int64(clock.Mono)-int64(clock.Trace), true
			}
		case trace.EventStateTransition:
			transition := event.StateTransition()
			if transition.Resource.Kind != trace.ResourceGoroutine || !hasClock {
				continue
			}
			id, now := transition.Resource.Goroutine(), int64(event.Time())+toMono
			switch from, to := transition.Goroutine(); {
			case from == trace.GoRunning && to == trace.GoWaiting:
				forNetwork[id] = transition.Reason == "network"
			case from == trace.GoWaiting && to == trace.GoRunnable && forNetwork[id]:
				runnable[id] = now
			case from == trace.GoRunnable && to == trace.GoRunning:
				if since, ok := runnable[id]; ok && since >= window.BeginNs && since <= window.EndNs {
					found = append(found, tracedWakeup{uint64(id), uint64(since), uint64(now - since)})
				}
				delete(runnable, id)
			}
		}
	}
}

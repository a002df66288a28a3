package main

import (
	"testing"

	"pollgate/bpf/probes/handoff"
)

// With one P a read that only another goroutine can end does end because the P was taken away, and
// where another goroutine never rests each such read waits for the P afterwards.
func TestHandoffsInCallsAndTheirReturns(t *testing.T) {
	needPrivileges(t)
	const reads = 47
	seen := observeWork(t, workloadPath, "handoffs", "--probes", "handoff")
	d := details[handoff.Details](t, seen, "handoff")
	// A short call that the kernel preempts can lose its P too.
	if d.Handoffs < reads || d.Handoffs > reads+reads/2 {
		t.Errorf("%d handoffs, want %d and few more", d.Handoffs, reads)
	}
	if d.ReturnsWithoutP == nil || d.Steals == nil {
		t.Skipf("the Go version of the workload has no runtime.exitsyscallTryGetP: %+v", d)
	}
	// Whoever loses a P comes back without. The read that starts the work lost its P before the
	// window and finds it free again; all others take one from somebody or have to wait.
	if *d.ReturnsWithoutP != d.Handoffs+*d.Steals+1 || *d.ReturnsWithoutP != d.ReturnsQueued+*d.Steals+1 {
		t.Errorf("%d handoffs, %d steals; %d returns without a P, %d of them queued",
			d.Handoffs, *d.Steals, *d.ReturnsWithoutP, d.ReturnsQueued)
	}
	if h := seen.Histograms["handoffReturnNs"]; h.Count+seen.InFlight["handoffReturns"] != d.ReturnsQueued {
		t.Errorf("%d in the histogram, %d under way, want %d", h.Count, seen.InFlight["handoffReturns"],
			d.ReturnsQueued)
	}
	sites := 0
	for _, site := range seen.Sites {
		sites++
		if site.Class != "emulated" {
			t.Errorf("site %+v is not emulated", site)
		}
	}
	if sites != 5 {
		t.Errorf("%d sites, want 5", sites)
	}
	expectNoLoss(t, seen)
}

package main

import (
	"net"
	"testing"
	"time"

	"pollgate/bpf/probes/request"
)

// The uprobes of a server that is always busy are hit in the bursts and not between them.
func TestSampledProbesAreOnInBursts(t *testing.T) {
	needPrivileges(t)
	w := startWorkload(t, workloadPath, "wakes")
	w.expect("ready")
	o := observe(t, []string{"--set", "sampled"}, map[string]*process{"it": w})
	o.begin()
	w.say("go")
	o.expectEvent("burst")
	o.expectEvent("burst")
	w.say("enough")
	w.expect("done")
	file := o.endAfter("burst")
	seen, sampling := file.Targets["it"], file.Sampling
	if sampling == nil || sampling.Bursts < 2 || len(sampling.Probes) != 4 {
		t.Fatalf("sampling %+v, want some bursts of four probes", sampling)
	}
	window := file.Window.EndNs - file.Window.BeginNs
	if sampling.OnNs <= 0 || sampling.OnNs > window/2 {
		t.Errorf("on for %v of %v", time.Duration(sampling.OnNs), time.Duration(window))
	}
	// No wait is longer than a burst: what began in one and ended after a pause is cut off.
	woken := seen.Histograms["goroutineWakeupNs"]
	if woken.Count == 0 || time.Duration(woken.Max) > time.Duration(window)/2 {
		t.Errorf("%d wake-ups, the longest %v", woken.Count, time.Duration(woken.Max))
	}
	if seen.Histograms["syscallReadNs"] == nil {
		t.Error("the probes of the kernel must be on throughout")
	}
	if reason := seen.Unavailable["goroutines"]; reason == "" {
		t.Error("balances cannot be sampled: the probe goroutines must not be there")
	}
}

// What sockets did in a pause was not seen: in the next burst their requests are joined all the same.
func TestRequestsAreJoinedInLaterBursts(t *testing.T) {
	needPrivileges(t)
	server := startWorkload(t, workloadPath, "requests", "plain")
	conn, err := net.Dial("tcp", server.hear())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	o := observe(t, []string{"--set", "sampled"}, map[string]*process{"it": server})
	o.begin()
	o.expectEvent("burst") // the second one: nothing was asked in the first
	another := make(chan struct{})
	go func() {
		defer close(another)
		for range 2 {
			o.hear()
		}
	}()
	asked := uint64(0)
	for running := true; running; asked++ {
		askOnce(t, conn)
		select {
		case <-another:
			running = false
		default:
		}
	}
	d := details[request.Details](t, o.endAfter("burst").Targets["it"], "request")
	if joined := d.Joined + d.DirectJoined; joined == 0 || joined >= asked {
		t.Errorf("%d of %d requests joined, want some, and those in pauses not: %+v", joined, asked, d)
	}
}

package main

import "testing"

// What watching costs is counted from the same events that are reported, and timed on this machine.
func TestCostIsPrinted(t *testing.T) {
	needPrivileges(t)
	w := startWorkload(t, workloadPath, "calls")
	w.expect("ready")
	o := observe(t, []string{"--set", "kernel"}, map[string]*process{"it": w})
	o.begin()
	w.say("go")
	w.expect("done")
	seen := o.end().Targets["it"]

	cost := seen.Cost
	if cost == nil {
		t.Fatal("no cost of a process that still runs")
	}
	var calls uint64
	for _, n := range seen.Syscalls {
		calls += n
	}
	if calls == 0 || cost.SystemCalls == nil || *cost.SystemCalls != calls || cost.CPUNs <= 0 {
		t.Errorf("%+v: want %d calls and some CPU time", cost, calls)
	}
	if cost.UprobeHits != 0 || cost.TracepointPrograms != 2 || cost.TracepointNs <= 0 {
		t.Errorf("%+v: want no uprobe hits, and one program at each end that costs something", cost)
	}
	want := int64(calls)*int64(cost.TracepointPrograms)*cost.TracepointNs + cost.SampledNs
	if cost.EstimatedNs == nil || *cost.EstimatedNs != want {
		t.Errorf("estimated %v ns, want %d", cost.EstimatedNs, want)
	}
}

func TestCostOfCallsNobodyCountedIsUnknown(t *testing.T) {
	needPrivileges(t)
	seen := observeWork(t, workloadPath, "calls", "--probes", "netpoll")
	if seen.Cost == nil || seen.Cost.SystemCalls != nil || seen.Cost.EstimatedNs != nil {
		t.Errorf("%+v: want no calls and no estimate without the probe that counts them", seen.Cost)
	}
}

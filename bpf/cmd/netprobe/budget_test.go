package main

import (
	"slices"
	"strings"
	"testing"
)

func TestProbesAboveTheBudgetAreTakenOff(t *testing.T) {
	needPrivileges(t)
	w := startWorkload(t, workloadPath, "wakes")
	w.expect("ready")
	o := observe(t, []string{"--set", "runtime", "--budget", "0.1%"}, map[string]*process{"it": w})
	o.begin()
	w.say("go")
	shed := o.expectEvent("shed")
	w.say("enough")
	w.expect("done")

	name, _ := shed["probe"].(string)
	file := o.endAfter("shed")
	if file.Budget == nil || len(file.Budget.Shed) == 0 || file.Budget.Shed[0].Probe != name ||
		file.Budget.LimitPermille != 1 || file.Budget.HighestPermille <= 1 {
		t.Errorf("budget %+v, want one of 1 per mille that %s was taken off for", file.Budget, name)
	}
	seen := file.Targets["it"]
	for _, probe := range file.Budget.Shed {
		if slices.Contains(file.Probes, probe.Probe) {
			t.Errorf("%s is told as if it had been there to the end", probe.Probe)
		}
	}
	for _, metric := range []string{"wakeupNs", "goroutineWakeupNs"} {
		if name != "wakeup" {
			break // the other one was hit as often
		}
		if reason := seen.Unavailable[metric]; seen.Histograms[metric] != nil ||
			!strings.Contains(reason, "--budget") {
			t.Errorf("%s: %v, because %q", metric, seen.Histograms[metric], reason)
		}
	}
	if seen.Histograms["syscallReadNs"] == nil || seen.Cost == nil || seen.Cost.UprobeHits == 0 {
		t.Errorf("cost %+v: what stays must be told, and what the others cost", seen.Cost)
	}
}

func TestABudgetThatIsKeptTakesNothingOff(t *testing.T) {
	needPrivileges(t)
	w := startWorkload(t, workloadPath, "hops")
	w.expect("ready")
	o := observe(t, []string{"--set", "runtime", "--budget", "100"}, map[string]*process{"it": w})
	o.begin()
	w.say("go")
	w.expect("done")
	file := o.end()
	if file.Budget == nil || len(file.Budget.Shed) > 0 || file.Budget.Exceeded {
		t.Errorf("budget %+v, want all probes to stay", file.Budget)
	}
	if file.Targets["it"].Histograms["goroutineBirthNs"] == nil {
		t.Error("births are missing")
	}
}

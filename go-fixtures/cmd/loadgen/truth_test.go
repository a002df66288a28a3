package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"pollgate/go-fixtures/internal/loadgen/record"
	"pollgate/go-fixtures/internal/loadgen/validity"
)

var truthd = sync.OnceValues(func() (string, error) {
	folder, err := os.MkdirTemp("", "pollgate-truthd-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(folder, "truthd")
	output, err := exec.Command("go", "build", "-o", path, "pollgate/go-fixtures/cmd/truthd").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, output)
	}
	return path, nil
})

// startTruthd starts the server whose timing is known and returns its address.
func startTruthd(t *testing.T, arguments ...string) string {
	t.Helper()
	path, err := truthd()
	if err != nil {
		t.Fatal(err)
	}
	server := exec.Command(path, arguments...)
	server.Stderr = os.Stderr
	output, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = server.Process.Signal(syscall.SIGTERM)
		_ = server.Wait()
	})
	line, err := bufio.NewReader(output).ReadBytes('\n')
	if err != nil {
		t.Fatal(err)
	}
	var ready struct{ Address string }
	if err := json.Unmarshal(line, &ready); err != nil {
		t.Fatal(err)
	}
	return ready.Address
}

// runSpec runs the program on its own until its end.
func runSpec(t *testing.T, spec string) record.Report {
	t.Helper()
	return startSpec(t, spec)()
}

// startSpec starts the generator; what it returns waits for its end and reads its report.
func startSpec(t *testing.T, spec string) func() record.Report {
	t.Helper()
	folder := t.TempDir()
	path := filepath.Join(folder, "spec.json")
	if err := os.WriteFile(path, []byte(spec), 0o600); err != nil {
		t.Fatal(err)
	}
	process := launch(t, "--spec", path, "--out", folder, "--unattended")
	return func() record.Report {
		t.Helper()
		process.expectExit(t, 0, "")
		text, err := os.ReadFile(filepath.Join(folder, "load.json"))
		if err != nil {
			t.Fatal(err)
		}
		var report record.Report
		if err := json.Unmarshal(text, &report); err != nil {
			t.Fatal(err)
		}
		return report
	}
}

// While a server with one thread stalls for D, requests keep coming at their times.
// Those due in the stall, and in the time that it takes to work off the backlog at
// utilisation ρ, have latencies from D down to 0, evenly: of a run of T they are
// the share m = D/((1−ρ)T), and the quantile q is D·(1 − (1−q)/m). A generator
// that waits for the server before it sends (coordinated omission) misses them.
//
// A server that is interrupted like any other process is slower than that, by what
// its own stamps say: the oracle knows it, and with ρ = 0 the closed form is what no
// interruption can take away.
func TestAStallIsChargedToEveryRequestThatWasDue(t *testing.T) {
	const rate = 2000
	for _, stallMs := range []int64{100, 1000, 5000} {
		runMs := stallMs * 5 / 4
		requests := rate*runMs/1000 + 1
		for name, connections := range map[string]int64{"a connection each": requests, "64 connections": 64} {
			t.Run(fmt.Sprint(stallMs, " ms, ", name), func(t *testing.T) {
				t.Parallel()
				spec := func(stalls string) string {
					return fmt.Sprintf(`{"schema":2,"protocol":"truth","arms":[{"name":"a","address":"%s"}],
						"connectionsPerArm":%d,"ratePerSec":%d,"arrivals":{"kind":"constant"},"seed":"1","requestTimeoutMs":20000,
						"truth":{"service":{"kind":"fixed","ns":10000}%s},
						"phases":[{"name":"only","durationMs":%d}]}`,
						startTruthd(t, "--wait", "sleep"), connections, rate, stalls, runMs)
				}
				stall := fmt.Sprintf(`,"stalls":[{"atMs":%d,"durationMs":%d}]`, stallMs/50, stallMs)
				// What befalls an equal server without a stall meanwhile is not the stall's doing.
				pair := func() (report record.Report, blamed bool) {
					finishControl := startSpec(t, spec(""))
					report = runSpec(t, spec(stall))
					disturbed := blamesServer(finishControl().Phases[0].Arms["a"])
					return report, blamesServer(report.Phases[0].Arms["a"]) && !disturbed
				}
				report, blamed := pair()
				arm := report.Phases[0].Arms["a"]
				if arm.Completed != requests {
					t.Fatalf("%d requests completed, want %d", arm.Completed, requests)
				}
				truth := arm.Oracle.Expected
				share := float64(stallMs) / float64(runMs)
				own := float64(*arm.SendLagNs.P99 + *arm.ReceiveLagNs.P99)
				if connections < requests {
					own += workedOffTogether(arm, report.Phases[0].Generator)
				}
				for name, quantile := range map[string]struct {
					q     float64
					truth int64
					got   *int64
				}{
					"p50": {0.5, truth.P50Ns, arm.LatencyNs.P50},
					"p90": {0.9, truth.P90Ns, arm.LatencyNs.P90},
					"p99": {0.99, truth.P99Ns, arm.LatencyNs.P99},
				} {
					want := float64(quantile.truth)
					if least := float64(stallMs) * 1e6 * (1 - (1-quantile.q)/share); want < 0.99*least {
						t.Errorf("the server's own %s is %.2f ms, the stall alone makes it %.2f ms", name, want/1e6, least/1e6)
					}
					// On a busy machine the generator is late, and says so.
					if got, tolerance := float64(*quantile.got), 0.02*want; got < want-tolerance || got > want+tolerance+own {
						t.Errorf("%s is %.2f ms, want %.2f ms ± %.2f ms and at most %.2f ms later",
							name, got/1e6, want/1e6, tolerance/1e6, own/1e6)
					}
				}
				// Three pairs always: what befalls only one of two processes does so once, what the stall
				// does it does again.
				reasons := arm.Validity.Reasons
				times := 0
				for turn := 1; ; turn++ {
					if blamed {
						times++
					}
					if turn == 3 {
						break
					}
					report, blamed = pair()
					reasons = append(reasons, report.Phases[0].Arms["a"].Validity.Reasons...)
				}
				if times >= 2 {
					t.Errorf("a server's stall is no fault of the measurement, but in %d of 3 runs: %+v", times, reasons)
				}
			})
		}
	}
}

func blamesServer(arm record.Arm) bool {
	return slices.ContainsFunc(arm.Validity.Reasons, func(reason validity.Reason) bool {
		return reason.Cause == validity.ByServer
	})
}

// workedOffTogether returns for how many ns a backlog that is sent over too few
// connections can have stood still without the server's doing: while the generator
// was kept from its CPU, no reply was read and no connection got its next request.
func workedOffTogether(arm record.Arm, generator record.Generator) (ns float64) {
	for _, kept := range []*int64{generator.RunQueueNs, generator.StealNs} {
		if kept != nil {
			ns += float64(*kept)
		}
	}
	return ns
}

// A measured latency cannot be shorter than what the server alone took.
func TestNoLatencyIsShorterThanTheTruth(t *testing.T) {
	for name, service := range map[string]string{
		"fixed":       `{"kind":"fixed","ns":50000}`,
		"exponential": `{"kind":"exponential","meanNs":200000}`,
		"bimodal":     `{"kind":"bimodal","ns":100000,"tailNs":10000000,"tailShare":0.01}`,
	} {
		t.Run(name, func(t *testing.T) {
			report := runSpec(t, fmt.Sprintf(`{"schema":2,"protocol":"truth","arms":[{"name":"a","address":"%s"}],
				"connectionsPerArm":64,"ratePerSec":1500,"seed":"1","truth":{"service":%s},
				"phases":[{"name":"only","durationMs":1500}]}`, startTruthd(t, "--wait", "sleep"), service))
			arm := report.Phases[0].Arms["a"]
			if arm.Completed != arm.Scheduled || arm.Oracle == nil || int64(arm.Oracle.Measured.Count) != arm.Completed {
				t.Fatalf("got %+v", arm)
			}
			// A request that overtakes another by a hair is served in its place.
			if least := arm.Oracle.QuantileErrors; least.P50Ns < 0 || least.P99Ns < 0 || least.MeanNs < 0 {
				t.Errorf("measured less than the server took: %+v", least)
			}
			if arm.RequestPathNs.Count != arm.Completed || *arm.RequestPathNs.Min <= 0 || *arm.ReplyPathNs.Min <= 0 {
				t.Errorf("paths are %+v and %+v", arm.RequestPathNs, arm.ReplyPathNs)
			}
		})
	}
}

// Two arms of 10,000 connections do not fit into 20,000 descriptors at once.
func TestTwiceTenThousandConnectionsUnderALimitOfTwentyThousand(t *testing.T) {
	addresses := []string{startTruthd(t, "--wait", "sleep"), startTruthd(t, "--wait", "sleep")}
	if _, err := exec.LookPath("prlimit"); err != nil {
		t.Skip("prlimit (util-linux) is needed to set the limit of descriptors")
	}
	spec := func(interleave string) string {
		path := filepath.Join(t.TempDir(), "spec.json")
		text := fmt.Sprintf(`{"schema":2,"protocol":"truth","arms":[{"name":"a","address":"%s"},{"name":"b","address":"%s"}],
			"connectionsPerArm":10000,"ratePerSec":20000,"interleave":"%s","seed":"1","requestTimeoutMs":20000,
			"truth":{"service":{"kind":"fixed","ns":0}},"phases":[{"name":"only","durationMs":1000}]}`,
			addresses[0], addresses[1], interleave)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	limited := func(arguments ...string) *program {
		return launchUnder(t, []string{"prlimit", "--nofile=20000:20000"}, arguments...)
	}
	limited("--spec", spec("slice"), "--out", t.TempDir(), "--unattended").expectExit(t, exitUsage,
		`needs 20064 file descriptors, allowed: 20000`)
	for range 2 { // the second finds the ports of the first in TIME_WAIT
		folder := t.TempDir()
		limited("--spec", spec("run"), "--out", folder, "--unattended").expectExit(t, 0, "")
		text, err := os.ReadFile(filepath.Join(folder, "load.json"))
		if err != nil {
			t.Fatal(err)
		}
		var report record.Report
		if err := json.Unmarshal(text, &report); err != nil {
			t.Fatal(err)
		}
		for name, arm := range report.Phases[0].Arms {
			// Once to see whether the server answers, and for two stretches.
			if up := report.Connect[name].Count; arm.Completed != arm.Scheduled || arm.Completed < 9000 || up != 30_000 {
				t.Errorf("arm %s: %d of %d requests, %d connections made", name, arm.Completed, arm.Scheduled, up)
			}
		}
	}
}

func TestSearchProbesAndAnswers(t *testing.T) {
	report := runSpec(t, fmt.Sprintf(`{"schema":2,"protocol":"truth","arms":[{"name":"a","address":"%s"}],
		"connectionsPerArm":64,"seed":"1","truth":{"service":{"kind":"exponential","meanNs":500000}},
		"search":{"sloP99Ns":10000000,"fromRatePerSec":200,"toRatePerSec":20000,"probeMs":400}}`,
		startTruthd(t, "--wait", "sleep")))
	found := report.Search
	if found == nil || found.SLOP99Ns != 10_000_000 || len(found.Probes) == 0 || len(found.Probes) > 12 ||
		len(found.Probes) != len(report.Phases) {
		t.Fatalf("got %+v with %d phases", found, len(report.Phases))
	}
	for i, probe := range found.Probes {
		phase := report.Phases[i]
		if probe.Phase != phase.Name || probe.RatePerSec != phase.RatePerSec || probe.RatePerSec > 20_000 {
			t.Errorf("probe %d is %+v, its phase %s at %v", i, probe, phase.Name, phase.RatePerSec)
		}
	}
	if !slices.Contains([]string{"server", "generator", "range", "unstable"}, string(found.LimitedBy)) {
		t.Errorf("limited by %q", found.LimitedBy)
	}
	// 2,000 per second is all that the server can do on average.
	if found.RatePerSec != nil && *found.RatePerSec > 2500 {
		t.Errorf("found %v per second, more than the server can do", *found.RatePerSec)
	}
}

func TestAWrongServerIsFoundBeforeAnythingIsMeasured(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "spec.json")
	text := fmt.Sprintf(`{"schema":2,"protocol":"block-4k","arms":[{"name":"a","address":"%s"}],"connectionsPerArm":2,
		"ratePerSec":100,"seed":"1","requestTimeoutMs":300,"block":{"pages":10},"phases":[{"name":"only","durationMs":600000}]}`,
		startTruthd(t, "--wait", "sleep"))
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(folder, "out")
	launch(t, "--spec", path, "--out", out, "--unattended").expectExit(t, exitUnreachable, `arm "a"`)
	if _, err := os.Stat(filepath.Join(out, "load.json")); !os.IsNotExist(err) {
		t.Errorf("there are results: %v", err)
	}
}

func TestUnattendedEndsWithATable(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "spec.json")
	text := fmt.Sprintf(`{"schema":2,"protocol":"truth","arms":[{"name":"a","address":"%s"}],"connectionsPerArm":2,
		"ratePerSec":500,"seed":"1","truth":{"service":{"kind":"fixed","ns":1000}},"phases":[{"name":"only","durationMs":300}]}`,
		startTruthd(t, "--wait", "sleep"))
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	p := launch(t, "--spec", path, "--out", folder, "--unattended")
	var output strings.Builder
	for p.events.Scan() {
		output.WriteString(p.events.Text() + "\n")
	}
	_ = p.command.Wait()
	for _, part := range []string{"only", "latency", "send lag", "receive lag", "p99", "load.json"} {
		if !strings.Contains(output.String(), part) {
			t.Errorf("the output does not name %q:\n%s", part, output.String())
		}
	}
	if strings.Contains(output.String(), `{"event"`) {
		t.Error("events are for programs, not for people")
	}
}

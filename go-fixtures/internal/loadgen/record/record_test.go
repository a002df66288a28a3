package record

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"pollgate/go-fixtures/internal/loadgen/engine"
	"pollgate/go-fixtures/internal/loadgen/hlog"
	"pollgate/go-fixtures/internal/loadgen/validity"
)

const startNs = int64(9_000_000_000)

// phaseInput has two arms over 2.5 s: arm 0 answers 300 requests (100 of them
// queued) and fails in every way, arm 1 answers nothing.
func phaseInput() Input {
	in := Input{
		Name:       "unobserved",
		RatePerSec: 125,
		StartNs:    startNs,
		EndNs:      startNs + 2_600_000_000,
		Duration:   2500 * time.Millisecond,
		Arms:       []engine.ArmResult{{ConnectErrors: 3, Reconnects: 2}, {}},
		ArmEndNs:   []int64{startNs + 2_500_000_000, startNs + 2_500_000_000},
		ThreadNs:   2_600_000_000,
		Threads:    1,
		CPUs:       []int{1},
		Scheduling: "fifo",
		Stamped:    true,
		Usage: engine.Usage{CPUNs: 1_560_000_000, EmptyPollNs: 260_000_000, VoluntarySwitches: 7, InvoluntarySwitches: 8,
			RunQueueNs: 9, StealNs: engine.Unknown, LargestGapNs: 10, ClockReadNs: 11},
		Verdict: validity.Verdict{
			Arms: []validity.ArmVerdict{
				{Absolute: validity.Suspect, Reasons: []validity.Reason{{Rule: "busy", Grade: validity.Suspect}}, WarmupCutNs: 12},
				{Absolute: validity.Invalid},
			},
			Paired: validity.Invalid,
		},
	}
	for i := range int64(300) {
		// 1 µs late; served within 100 µs … 400 µs of sending.
		r := request(i*8_000_000, 1000)
		if i%3 == 0 {
			r.Queued = true
			r.SentNs += 50_000
		}
		r.DoneNs, r.Outcome = r.SentNs+100_000+i*1000, engine.Completed
		r.ArrivedNs = r.DoneNs - 4000
		in.Requests = append(in.Requests, r)
	}
	for i, outcome := range []engine.Outcome{engine.Reset, engine.TimedOut, engine.BadStatus, engine.BadBody} {
		for range i + 1 {
			r := request(2_400_000_000, 2000)
			r.DoneNs, r.Outcome = r.SentNs+5, outcome
			in.Requests = append(in.Requests, r)
		}
	}
	for range 5 {
		r := request(2_450_000_000, 3000)
		r.SentNs, r.Queued, r.Outcome = 0, true, engine.Unsent
		in.Requests = append(in.Requests, r)
	}
	dead := request(2_450_000_000, 0)
	dead.Arm, dead.Outcome = 1, engine.TimedOut
	in.Requests = append(in.Requests, dead)
	return in
}

func request(atNs, lagNs int64) engine.Request {
	intended := startNs + atNs
	return engine.Request{IntendedNs: intended, PickedNs: intended + lagNs, SentNs: intended + lagNs}
}

// write records the input and returns the folder and what load.json says.
func write(t *testing.T, inputs ...Input) (string, Report) {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "made by New")
	r, err := New(Config{Folder: folder, Protocol: "http1", Mode: "open", Arrivals: "poisson", Interleave: "slice",
		Seed: 1<<64 - 1, Arms: []string{"epoll", "dead"}, StartedNs: startNs - 1_500_000_000})
	if err != nil {
		t.Fatal(err)
	}
	for _, in := range inputs {
		if _, err := r.AddPhase(in); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Finish("sha256:00", false); err != nil {
		t.Fatal(err)
	}
	var report Report
	text, err := os.ReadFile(filepath.Join(folder, ReportFile))
	if err != nil {
		t.Fatal(err)
	}
	decoder := json.NewDecoder(strings.NewReader(string(text)))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&report); err != nil {
		t.Fatal(err)
	}
	return folder, report
}

func TestCountsAreThoseOfTheRequests(t *testing.T) {
	folder, report := write(t, phaseInput())
	if report.Schema != 2 || report.Protocol != "http1" || report.Mode != "open" || report.Arrivals != "poisson" || report.Seed != "18446744073709551615" ||
		report.ScheduleHash != "sha256:00" || report.StartedNs != startNs-1_500_000_000 || report.Interrupted {
		t.Errorf("got %+v", report)
	}
	phase := report.Phases[0]
	if phase.Name != "unobserved" || phase.StartNs != startNs || phase.EndNs != startNs+2_600_000_000 ||
		phase.OfferedRatePerSec != 316/2.5 {
		t.Errorf("got %+v", phase)
	}
	nine := int64(9)
	want := Generator{CPUNs: 1_560_000_000, BusyRatio: 0.5, VoluntarySwitches: 7, InvoluntarySwitches: 8, CPUs: []int{1}, Threads: 1,
		Scheduling: "fifo", RunQueueNs: &nine, LargestGapNs: 10, ClockReadNs: 11, KernelStamps: true}
	if !reflect.DeepEqual(phase.Generator, want) {
		t.Errorf("generator is %+v, want %+v", phase.Generator, want)
	}
	arm := phase.Arms["epoll"]
	got := []int64{arm.Scheduled, arm.Sent, arm.Completed, arm.Unsent, arm.Queued, arm.Reconnects}
	if want := []int64{315, 310, 300, 5, 105, 2}; !reflect.DeepEqual(got, want) {
		t.Errorf("scheduled, sent, completed, unsent, queued, reconnects are %v, want %v", got, want)
	}
	if want := (Errors{Connect: 3, Reset: 1, Timeout: 2, Status: 3, Body: 4}); arm.Errors != want {
		t.Errorf("errors are %+v, want %+v", arm.Errors, want)
	}
	if arm.AchievedRatePerSec != 300/2.5 {
		t.Errorf("achieved %v per second, want %v", arm.AchievedRatePerSec, 300/2.5)
	}
	if entries, _ := os.ReadDir(folder); len(entries) != 2 {
		t.Errorf("the folder holds %v, want only the two files", entries)
	}
}

func TestDistributionsAreThoseOfTheRequests(t *testing.T) {
	_, report := write(t, phaseInput())
	arm := report.Phases[0].Arms["epoll"]
	for _, test := range []struct {
		name                   string
		got                    Distribution
		count, least, greatest int64
	}{
		{"latency", arm.LatencyNs, 300, 102_000, 448_000},
		{"service", arm.ServiceNs, 300, 100_000, 399_000},
		{"sendLag", arm.SendLagNs, 315, 1000, 3000},
		{"receiveLag", arm.ReceiveLagNs, 300, 4000, 4000},
	} {
		d := test.got
		if d.Count != test.count || !near(*d.Min, test.least) || !near(*d.Max, test.greatest) {
			t.Errorf("%s: count %d, min %d, max %d, want %d, %d, %d", test.name, d.Count, *d.Min, *d.Max,
				test.count, test.least, test.greatest)
		}
		if *d.P50 > *d.P90 || *d.P90 > *d.P99 || *d.P99 > *d.P999 || *d.P999 > *d.Max || *d.Mean < float64(*d.Min) {
			t.Errorf("%s: quantiles are out of order: %+v", test.name, d)
		}
	}
	if !near(*arm.ServiceNs.P50, 249_000) || !near(*arm.ServiceNs.P99, 396_000) {
		t.Errorf("service p50 %d and p99 %d, want 249000 and 396000", *arm.ServiceNs.P50, *arm.ServiceNs.P99)
	}
}

// near allows for the histogram's three digits.
func near(got, want int64) bool { return 1000*max(got-want, want-got) <= want }

func TestServerStampsSplitThePath(t *testing.T) {
	in := phaseInput()
	in.Stamps = make([]engine.ServerStamps, len(in.Requests))
	for i := range 300 {
		r := &in.Requests[i]
		in.Stamps[i] = engine.ServerStamps{ReadNs: r.SentNs + 5000, WriteNs: r.DoneNs - 7000}
	}
	_, report := write(t, in)
	arm := report.Phases[0].Arms["epoll"]
	for name, test := range map[string]struct {
		got  *Distribution
		want int64
	}{"request": {arm.RequestPathNs, 5000}, "reply": {arm.ReplyPathNs, 7000}} {
		if test.got == nil || test.got.Count != 300 || !near(*test.got.Min, test.want) || !near(*test.got.Max, test.want) {
			t.Errorf("%s path is %+v, want 300 times %d", name, test.got, test.want)
		}
	}
	if dead := report.Phases[0].Arms["dead"]; dead.RequestPathNs.Count != 0 {
		t.Errorf("the dead arm has a request path: %+v", dead.RequestPathNs)
	}
}

func TestTheVerdictStandsBesideTheFigures(t *testing.T) {
	_, report := write(t, phaseInput())
	phase := report.Phases[0]
	if got := phase.Arms["epoll"].Validity; got.Absolute != validity.Suspect || got.Reasons[0].Rule != "busy" || got.WarmupCutNs != 12 {
		t.Errorf("got %+v", got)
	}
	if phase.Paired.Grade == nil || *phase.Paired.Grade != validity.Invalid || phase.Paired.Reasons == nil {
		t.Errorf("got %+v, want invalid with an empty list", phase.Paired)
	}
}

func TestConnectTimes(t *testing.T) {
	times := []*hdrhistogram.Histogram{newHistogram(), newHistogram()}
	if err := times[0].RecordValue(1500); err != nil {
		t.Fatal(err)
	}
	r, err := New(Config{Folder: t.TempDir(), Arms: []string{"epoll", "dead"}})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Discard()
	if err := r.AddConnect(times); err != nil {
		t.Fatal(err)
	}
	if up := r.report.Connect["epoll"]; up.Count != 1 || *up.Max != 1500 || up.Histogram == "" {
		t.Errorf("got %+v", up)
	}
	if down := r.report.Connect["dead"]; down.Count != 0 || down.P50 != nil {
		t.Errorf("got %+v, want no figures", down)
	}
}

func TestAnEmptyDistributionHasNoQuantiles(t *testing.T) {
	folder, report := write(t, phaseInput())
	if got := report.Phases[0].Arms["dead"].LatencyNs; got != (Distribution{}) {
		t.Errorf("got %+v, want only a count of 0", got)
	}
	text, err := os.ReadFile(filepath.Join(folder, ReportFile))
	if err != nil || !strings.Contains(string(text), `"p99": null`) {
		t.Errorf("%v: load.json has no null for the p99 of the dead arm", err)
	}
}

func TestLogAndReportHoldTheSameHistograms(t *testing.T) {
	second := phaseInput()
	second.Name = "observed"
	folder, report := write(t, phaseInput(), second)
	file, err := os.Open(filepath.Join(folder, LogFile))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	merged := map[string]*hdrhistogram.Histogram{}
	lines, starts := map[string]int{}, map[string]int64{}
	reader := hdrhistogram.NewHistogramLogReader(file)
	for {
		h, err := reader.NextIntervalHistogram()
		if err != nil {
			t.Fatal(err)
		}
		if h == nil {
			break
		}
		tag := h.Tag()
		if merged[tag] == nil {
			merged[tag] = hdrhistogram.New(1, HighestNs, SignificantDigits)
			starts[tag] = h.StartTimeMs()
		}
		lines[tag]++
		if dropped := merged[tag].Merge(h); dropped != 0 {
			t.Fatalf("%s: %d values do not fit", tag, dropped)
		}
	}
	if len(merged) != 2*2*4 {
		t.Errorf("the log has tags %v, want 2 phases of 2 arms with 4 metrics", lines)
	}
	for _, phase := range report.Phases {
		for name, arm := range phase.Arms {
			for metric, blob := range map[string]string{"latency": arm.LatencyHistogram, "service": arm.ServiceHistogram,
				"sendLag": arm.SendLagHistogram, "receiveLag": arm.ReceiveLagHistogram} {
				tag := name + "." + phase.Name + "." + metric
				total, err := hdrhistogram.Decode([]byte(blob))
				if err != nil {
					t.Fatalf("%s: %v", tag, err)
				}
				if lines[tag] != 3 || !total.Equals(merged[tag]) {
					t.Errorf("%s: %d lines with %d values, want 3 with the %d of load.json", tag, lines[tag],
						merged[tag].TotalCount(), total.TotalCount())
				}
				if total.SignificantFigures() != 3 || total.LowestTrackableValue() != 1 || total.HighestTrackableValue() < HighestNs {
					t.Errorf("%s: %d digits from %d to %d", tag, total.SignificantFigures(), total.LowestTrackableValue(), total.HighestTrackableValue())
				}
			}
		}
	}
}

func TestTheLogIsWhatPackageHlogReads(t *testing.T) {
	folder, report := write(t, phaseInput())
	log, err := hlog.Read(filepath.Join(folder, LogFile))
	if err != nil {
		t.Fatal(err)
	}
	list, err := hlog.Totals(log)
	if err != nil {
		t.Fatal(err)
	}
	totals := map[string]*hdrhistogram.Histogram{}
	for _, total := range list {
		totals[total.Tag] = total.Histogram
	}
	for name, arm := range report.Phases[0].Arms {
		want, err := hdrhistogram.Decode([]byte(arm.LatencyHistogram))
		if err != nil {
			t.Fatal(err)
		}
		if got := totals[name+".unobserved.latency"]; got == nil || !got.Equals(want) {
			t.Errorf("arm %s: the log's intervals do not add up to the histogram of load.json", name)
		}
	}
}

func TestLogLinesAreSecondsSinceTheStart(t *testing.T) {
	folder, _ := write(t, phaseInput())
	text, err := os.ReadFile(filepath.Join(folder, LogFile))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"#[Histogram log format version 1.3]\n", "#[StartTime: ",
		"\nTag=epoll.unobserved.latency,1.500000,1.000000,", "\nTag=epoll.unobserved.latency,2.500000,1.000000,",
		"\nTag=dead.unobserved.sendLag,3.500000,0.500000,"} {
		if strings.Count(string(text), want) != 1 {
			t.Errorf("%q is not once in the log", want)
		}
	}
	if strings.Contains(string(text), "BaseTime") {
		t.Error("a base time beside relative times is added twice by some readers")
	}
}

func TestAServerThatFallsBehindAchievesLess(t *testing.T) {
	in := phaseInput()
	in.Requests = in.Requests[:300]
	in.Requests[299].DoneNs = startNs + 5_000_000_000
	_, report := write(t, in)
	if got := report.Phases[0].Arms["epoll"].AchievedRatePerSec; got != 300/5.0 {
		t.Errorf("achieved %v per second, want %v", got, 300/5.0)
	}
}

func TestValuesBeyondTheRangeAreKeptAtItsEnd(t *testing.T) {
	in := phaseInput()
	in.Requests[0].DoneNs += 100 * int64(time.Second)
	_, report := write(t, in)
	d := report.Phases[0].Arms["epoll"].LatencyNs
	if d.Count != 300 || !near(*d.Max, HighestNs) {
		t.Errorf("count %d, max %d, want 300 and %d", d.Count, *d.Max, HighestNs)
	}
}

func TestEarlierResultsStayUntilTheNewOnesAreWhole(t *testing.T) {
	folder, _ := write(t, phaseInput())
	before, err := os.ReadFile(filepath.Join(folder, LogFile))
	if err != nil {
		t.Fatal(err)
	}
	r, err := New(Config{Folder: folder, Arms: []string{"epoll", "dead"}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.AddPhase(phaseInput()); err != nil {
		t.Fatal(err)
	}
	r.Discard()
	after, err := os.ReadFile(filepath.Join(folder, LogFile))
	if err != nil || string(after) != string(before) {
		t.Errorf("the log of the earlier run has changed (%v)", err)
	}
	if entries, _ := os.ReadDir(folder); len(entries) != 2 {
		t.Errorf("the folder holds %v, want only the two files", entries)
	}
}

func TestAFullDiskIsAnError(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skipf("/dev/full: %v", err)
	}
	if info, err := full.Stat(); err != nil || info.Mode()&os.ModeCharDevice == 0 {
		t.Skip("/dev/full is not the device of that name")
	}
	r, err := New(Config{Folder: t.TempDir(), Arms: []string{"epoll", "dead"}})
	if err != nil {
		t.Fatal(err)
	}
	r.log.Close()
	r.log = full
	r.buffer.Reset(full)
	if _, err := r.AddPhase(phaseInput()); err != nil {
		t.Fatal(err)
	}
	if err := r.Finish("", false); err == nil || !strings.Contains(err.Error(), "no space left") {
		t.Errorf("got %v, want that no space is left", err)
	}
}

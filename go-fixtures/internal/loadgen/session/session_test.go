package session

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"golang.org/x/sys/unix"

	"pollgate/go-fixtures/internal/loadgen/engine"
	"pollgate/go-fixtures/internal/loadgen/monotime"
	"pollgate/go-fixtures/internal/loadgen/record"
	"pollgate/go-fixtures/internal/loadgen/schedule"
	"pollgate/go-fixtures/internal/loadgen/spec"
	"pollgate/go-fixtures/internal/loadgen/testserver"
	"pollgate/go-fixtures/internal/loadgen/validity"
)

// The servers run in the same process, and the engine never gives its P away.
func TestMain(m *testing.M) {
	runtime.GOMAXPROCS(max(4, runtime.GOMAXPROCS(0)))
	os.Exit(m.Run())
}

// steered is a session under way, seen from the program that steers it.
type steered struct {
	folder  string
	control *io.PipeWriter
	events  *bufio.Scanner
	result  chan error
	cancel  context.CancelFunc
}

// start runs a spec with the arms "a" and "b" on block servers, or, where
// addresses are given, on those.
func start(t *testing.T, phases string, addresses ...netip.AddrPort) *steered {
	t.Helper()
	return startSpec(t, `"ratePerSec":2000,"interleave":"slice","sliceMs":10`, phases, addresses...)
}

// startSpec is start with other settings.
func startSpec(t *testing.T, settings, phases string, addresses ...netip.AddrPort) *steered {
	t.Helper()
	if addresses == nil {
		addresses = []netip.AddrPort{testserver.Serve(t, testserver.Blocks), testserver.Serve(t, testserver.Blocks)}
	}
	if !strings.Contains(settings, "ratePerSec") && !strings.Contains(settings, "closed") {
		settings += `,"ratePerSec":2000`
	}
	var arms []string
	for i, address := range addresses {
		arms = append(arms, fmt.Sprintf(`{"name":"%c","address":"%s"}`, 'a'+i, address))
	}
	s, err := spec.Parse(fmt.Appendf(nil, `{"schema":2,"protocol":"block-4k","arms":[%s],"connectionsPerArm":3,
		"seed":"7","block":{"pages":50},%s,"phases":%s}`, strings.Join(arms, ","), settings, phases))
	if err != nil {
		t.Fatal(err)
	}
	controlReader, controlWriter := io.Pipe()
	eventsReader, eventsWriter := io.Pipe()
	ctx, cancel := context.WithCancel(context.Background())
	run := &steered{
		folder:  t.TempDir(),
		control: controlWriter,
		events:  bufio.NewScanner(eventsReader),
		result:  make(chan error, 1),
		cancel:  cancel,
	}
	go func() {
		run.result <- Run(ctx, s, run.folder, Streams{Control: controlReader, Events: eventsWriter})
		eventsWriter.Close()
	}()
	t.Cleanup(func() {
		cancel()
		controlWriter.Close()
		eventsReader.Close()
	})
	return run
}

// expect reads events until the one wanted; only progress may come before it.
func (s *steered) expect(t *testing.T, want string) map[string]any {
	t.Helper()
	for s.events.Scan() {
		var event map[string]any
		if err := json.Unmarshal(s.events.Bytes(), &event); err != nil {
			t.Fatalf("%q: %v", s.events.Text(), err)
		}
		if event["event"] == want {
			return event
		}
		if event["event"] != "progress" {
			t.Fatalf("got %v, want %s", event, want)
		}
	}
	t.Fatalf("the events ended before %s: %v", want, <-s.result)
	return nil
}

func (s *steered) say(t *testing.T, line string) {
	t.Helper()
	if _, err := io.WriteString(s.control, line+"\n"); err != nil {
		t.Fatal(err)
	}
}

func (s *steered) report(t *testing.T) record.Report {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(s.folder, record.ReportFile))
	if err != nil {
		t.Fatal(err)
	}
	var report record.Report
	if err := json.Unmarshal(text, &report); err != nil {
		t.Fatal(err)
	}
	return report
}

const twoPhases = `[{"name":"warmup","durationMs":50,"record":false},{"name":"unobserved","durationMs":200}]`

func TestAWholeRun(t *testing.T) {
	entries := schedule.Plan(schedule.Config{Seed: 7, Phase: 1, RatePerSec: 2000, Duration: 200 * time.Millisecond,
		Arms: 2, Interleave: schedule.Slice, SliceNs: 10e6, Keys: 50})
	hashes := map[string]bool{}
	for range 2 {
		var mutex sync.Mutex
		var lastArrivalNs, firstCloseNs int64
		address := testserver.Serve(t, func(connection net.Conn) {
			defer func() {
				mutex.Lock()
				defer mutex.Unlock()
				if firstCloseNs == 0 {
					firstCloseNs = monotime.Now()
				}
			}()
			testserver.BlocksVia(connection, func(_ uint64, page []byte) []byte {
				mutex.Lock()
				defer mutex.Unlock()
				lastArrivalNs = monotime.Now()
				return page
			})
		})
		run := start(t, twoPhases, address, address)
		arms := run.expect(t, "connected")["arms"].(map[string]any)
		if len(arms) != 2 || arms["a"].(map[string]any)["connections"] != 3.0 {
			t.Errorf("connected with %v", arms)
		}
		var starts, ends []float64
		for _, phase := range []string{"warmup", "unobserved"} {
			run.say(t, "next")
			begin, end := run.expect(t, "phase-start"), run.expect(t, "phase-end")
			if begin["phase"] != phase || end["phase"] != phase {
				t.Errorf("phase %s: %v … %v", phase, begin, end)
			}
			starts, ends = append(starts, begin["atNs"].(float64)), append(ends, end["atNs"].(float64))
		}
		mutex.Lock()
		if firstCloseNs != 0 {
			t.Error("a connection was closed before the session was told to end")
		}
		mutex.Unlock()
		run.say(t, "next")
		run.expect(t, "done")
		if err := <-run.result; err != nil {
			t.Fatal(err)
		}
		report := run.report(t)
		if len(report.Phases) != 1 || report.Interrupted {
			t.Fatalf("got %+v, want the recorded phase only", report)
		}
		phase := report.Phases[0]
		if phase.Name != "unobserved" || float64(phase.StartNs) != starts[1] || float64(phase.EndNs) != ends[1] ||
			starts[1] < ends[0] || float64(report.StartedNs) > starts[0] {
			t.Errorf("times of load.json %+v do not fit the events %v … %v", phase, starts, ends)
		}
		checkArms(t, phase)
		mutex.Lock()
		if due := phase.StartNs + entries[len(entries)-1].AtNs; lastArrivalNs < due {
			t.Errorf("the last request arrived %d ns before it was due", due-lastArrivalNs)
		}
		mutex.Unlock()
		hashes[report.ScheduleHash] = true
	}
	if len(hashes) != 1 {
		t.Errorf("the same seed gave the schedules %v", hashes)
	}
}

func checkArms(t *testing.T, phase record.Phase) {
	t.Helper()
	total := int64(0)
	for name, arm := range phase.Arms {
		total += arm.Scheduled
		if arm.Scheduled == 0 || arm.Completed != arm.Scheduled || arm.Sent != arm.Scheduled || arm.Errors != (record.Errors{}) {
			t.Errorf("arm %s: %+v", name, arm)
		}
		h, err := hdrhistogram.Decode([]byte(arm.LatencyHistogram))
		if err != nil || h.TotalCount() != arm.Completed {
			t.Errorf("arm %s: latency histogram: %v", name, err)
		}
	}
	if got := float64(total) / 0.2; got != phase.OfferedRatePerSec {
		t.Errorf("arms have %d requests, the phase offered %v per second", total, phase.OfferedRatePerSec)
	}
}

func TestTheEndOfTheControlInputStopsAtOnce(t *testing.T) {
	for name, sayNext := range map[string]int{"before the first phase": 0, "between phases": 1, "within a phase": 2} {
		t.Run(name, func(t *testing.T) {
			run := start(t, `[{"name":"first","durationMs":50},{"name":"second","durationMs":600000}]`)
			run.expect(t, "connected")
			if sayNext > 0 {
				run.say(t, "next")
				run.expect(t, "phase-start")
				run.expect(t, "phase-end")
			}
			if sayNext > 1 {
				run.say(t, "next")
				run.expect(t, "phase-start")
			}
			run.control.Close()
			err := drain(run)
			if !errors.Is(err, ErrStopped) || !strings.Contains(err.Error(), "control input ended") {
				t.Errorf("got %v, want ErrStopped and why", err)
			}
			report := run.report(t)
			if want := min(sayNext, 1); !report.Interrupted || len(report.Phases) != want {
				t.Errorf("interrupted %v with %d phases, want true with %d", report.Interrupted, len(report.Phases), want)
			}
		})
	}
}

// drain waits for the end of a session without looking at its events.
func drain(run *steered) error {
	for run.events.Scan() {
	}
	return <-run.result
}

func TestCancellationStopsAPhase(t *testing.T) {
	run := start(t, `[{"name":"only","durationMs":600000}]`)
	run.expect(t, "connected")
	run.say(t, "next")
	run.expect(t, "phase-start")
	run.cancel()
	if err := drain(run); !errors.Is(err, ErrStopped) {
		t.Errorf("got %v, want ErrStopped", err)
	}
}

func TestAnUnknownCommandStopsTheRunAndIsNamed(t *testing.T) {
	run := start(t, twoPhases)
	run.expect(t, "connected")
	run.say(t, "go on")
	if err := drain(run); !errors.Is(err, ErrStopped) || !strings.Contains(err.Error(), `saw "go on", allowed: "next"`) {
		t.Errorf("got %v", err)
	}
}

func TestAnUnreachableServerLeavesNoFiles(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener.Close()
	run := start(t, twoPhases, testserver.Address(listener))
	var unreachable *engine.ConnectError
	if err := drain(run); !errors.As(err, &unreachable) {
		t.Errorf("got %v, want a ConnectError", err)
	}
	if entries, _ := os.ReadDir(run.folder); len(entries) != 0 {
		t.Errorf("the folder holds %v", entries)
	}
}

func TestProgressOfARunningPhase(t *testing.T) {
	run := start(t, `[{"name":"only","durationMs":600000}]`)
	run.expect(t, "connected")
	run.say(t, "next")
	run.expect(t, "phase-start")
	if !run.events.Scan() {
		t.Fatal("no progress")
	}
	var event progressEvent
	if err := json.Unmarshal(run.events.Bytes(), &event); err != nil {
		t.Fatal(err)
	}
	if event.Event != "progress" || event.Phase != "only" || event.ElapsedMs < 1000 || event.Arms["a"].Completed == 0 ||
		event.Arms["b"].P50Ns == 0 || event.Arms["b"].P99Ns < event.Arms["b"].P50Ns {
		t.Errorf("got %+v", event)
	}
}

// A clock that costs 20 µs a reading: hpet and acpi_pm are of that kind.
func TestASlowClockIsNeverValid(t *testing.T) {
	monotime.SlowDown(20_000)
	defer monotime.SlowDown(0)
	for range 10 {
		run := start(t, `[{"name":"only","durationMs":100}]`)
		run.expect(t, "connected")
		for range 2 {
			run.say(t, "next")
		}
		if err := drain(run); err != nil {
			t.Fatal(err)
		}
		for name, arm := range run.report(t).Phases[0].Arms {
			if !slices.ContainsFunc(arm.Validity.Reasons, func(r validity.Reason) bool { return r.Rule == "clock-read" }) {
				t.Errorf("arm %s: %+v, want the rule clock-read", name, arm.Validity)
			}
		}
	}
}

// An arm is connected anew for each of its stretches. (That the other is not there
// meanwhile, TestTwiceTenThousandConnectionsUnderALimitOfTwentyThousand shows: a
// server learns of a close too late to tell.)
func TestArmsApartAreConnectedForEachStretch(t *testing.T) {
	accepted := make([]atomic.Int64, 2)
	serve := func(arm int) netip.AddrPort {
		return testserver.Serve(t, func(connection net.Conn) {
			accepted[arm].Add(1)
			testserver.Blocks(connection)
		})
	}
	run := startSpec(t, `"interleave":"run"`, twoPhases, serve(0), serve(1))
	run.expect(t, "connected")
	for range 3 {
		run.say(t, "next")
	}
	if err := drain(run); err != nil {
		t.Fatal(err)
	}
	report := run.report(t)
	checkArms(t, report.Phases[0])
	// 3 connections, for the look at the start and two stretches of two phases.
	const want = 3 * (1 + 2*2)
	for arm, name := range []string{"a", "b"} {
		if up := report.Connect[name].Count; up != want || accepted[arm].Load() != want {
			t.Errorf("arm %s: %d connections up, %d accepted, want %d", name, up, accepted[arm].Load(), want)
		}
	}
}

func TestClosedLoopOverTwoThreads(t *testing.T) {
	cpus := allowedCPUs(t)
	run := startSpec(t, fmt.Sprintf(`"mode":"closed","cpus":[%d,%d]`, cpus[0], cpus[len(cpus)-1]), twoPhases)
	run.expect(t, "connected")
	for range 3 {
		run.say(t, "next")
	}
	if err := drain(run); err != nil {
		t.Fatal(err)
	}
	report := run.report(t)
	phase := report.Phases[0]
	if report.Mode != "closed" || phase.Generator.Threads != 2 || phase.RatePerSec != 0 {
		t.Errorf("got %s with %+v", report.Mode, phase.Generator)
	}
	for name, arm := range phase.Arms {
		if arm.Completed < 10 || arm.Completed != arm.Scheduled || arm.SendLagNs.Count != 0 || report.Connect[name].Count != 3 {
			t.Errorf("arm %s: %+v", name, arm)
		}
	}
}

func TestOpenLoopOverTwoThreadsSendsTheWholeSchedule(t *testing.T) {
	cpus := allowedCPUs(t)
	setting := `"ratePerSec":2000`
	hashes := map[string]bool{}
	for _, threads := range []string{fmt.Sprintf("[%d]", cpus[0]), fmt.Sprintf("[%d,%d]", cpus[0], cpus[len(cpus)-1])} {
		run := startSpec(t, setting+`,"cpus":`+threads, twoPhases)
		run.expect(t, "connected")
		for range 3 {
			run.say(t, "next")
		}
		if err := drain(run); err != nil {
			t.Fatal(err)
		}
		report := run.report(t)
		checkArms(t, report.Phases[0])
		hashes[report.ScheduleHash] = true
	}
	if len(hashes) != 1 {
		t.Errorf("the schedule depends on the number of threads: %v", hashes)
	}
}

// allowedCPUs skips where there is only one.
func allowedCPUs(t *testing.T) []int {
	t.Helper()
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		t.Fatal(err)
	}
	var cpus []int
	for cpu := range len(set) * 64 {
		if set.IsSet(cpu) {
			cpus = append(cpus, cpu)
		}
	}
	if len(cpus) < 2 {
		t.Skip("two CPUs are needed")
	}
	return cpus
}

// One after the other over the same connections: a phase in slices, a phase mixed.
func TestAPhaseMayShareTheTimeInAnotherWay(t *testing.T) {
	run := start(t, `[{"name":"mixed","durationMs":100,"interleave":"request"},{"name":"sliced","durationMs":100}]`)
	run.expect(t, "connected")
	for range 2 {
		run.say(t, "next")
		run.expect(t, "phase-start")
		run.expect(t, "phase-end")
	}
	run.say(t, "next")
	run.expect(t, "done")
	if err := <-run.result; err != nil {
		t.Fatal(err)
	}
	report := run.report(t)
	if got := []string{report.Interleave, report.Phases[0].Interleave, report.Phases[1].Interleave}; !slices.Equal(got, []string{"slice", "request", ""}) {
		t.Errorf("arms are shared as %q", got)
	}
	for index, how := range []schedule.Interleave{schedule.Request, schedule.Slice} {
		want := map[string]int64{}
		for _, entry := range schedule.Plan(schedule.Config{Seed: 7, Phase: index, RatePerSec: 2000, Duration: 100 * time.Millisecond,
			Arms: 2, Interleave: how, SliceNs: 10e6, Keys: 50}) {
			want[[]string{"a", "b"}[entry.Arm]]++
		}
		for name, count := range want {
			if got := report.Phases[index].Arms[name].Scheduled; got != count {
				t.Errorf("phase %d, %s: %d scheduled, want %d", index, name, got, count)
			}
		}
	}
}

func TestTooManyConnectionsAreFoundBeforeTheFirst(t *testing.T) {
	arm := spec.Arm{Name: "a", Address: testserver.Serve(t, testserver.Blocks)}
	s := &spec.Spec{ConnectionsPerArm: 1 << 30, Arms: []spec.Arm{arm, arm}, Interleave: schedule.Slice}
	var limit *LimitError
	if err := checkLimits(s); !errors.As(err, &limit) || !strings.Contains(err.Error(), "file descriptors") ||
		!strings.Contains(err.Error(), `interleave "run"`) {
		t.Errorf("got %v, want a LimitError of descriptors", err)
	}
	s.ConnectionsPerArm = localPorts() + 1
	s.Arms = []spec.Arm{{Name: "b", Address: netip.MustParseAddrPort("[::1]:80")}}
	if err := checkLimits(s); !errors.As(err, &limit) {
		t.Errorf("got %v, want a LimitError", err)
	}
}

func TestAFolderThatCannotBeMadeIsAnError(t *testing.T) {
	s, err := spec.Parse(fmt.Appendf(nil, `{"schema":2,"protocol":"block-4k","arms":[{"name":"a","address":"%s"}],
		"connectionsPerArm":1,"ratePerSec":1,"seed":"7","block":{"pages":1},"phases":%s}`,
		testserver.Serve(t, testserver.Blocks), twoPhases))
	if err != nil {
		t.Fatal(err)
	}
	control, open := io.Pipe()
	defer open.Close()
	err = Run(context.Background(), s, "/dev/null/x", Streams{Control: control, Events: io.Discard})
	if err == nil || errors.Is(err, ErrStopped) || !strings.Contains(err.Error(), "/dev/null") {
		t.Errorf("got %v, want an error that names the folder", err)
	}
}

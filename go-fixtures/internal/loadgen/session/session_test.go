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
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"pollgate/go-fixtures/internal/loadgen/engine"
	"pollgate/go-fixtures/internal/loadgen/monotime"
	"pollgate/go-fixtures/internal/loadgen/record"
	"pollgate/go-fixtures/internal/loadgen/schedule"
	"pollgate/go-fixtures/internal/loadgen/spec"
	"pollgate/go-fixtures/internal/loadgen/testserver"
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
	if addresses == nil {
		addresses = []netip.AddrPort{testserver.Serve(t, testserver.Blocks), testserver.Serve(t, testserver.Blocks)}
	}
	var arms []string
	for i, address := range addresses {
		arms = append(arms, fmt.Sprintf(`{"name":"%c","address":"%s"}`, 'a'+i, address))
	}
	s, err := spec.Parse(fmt.Appendf(nil, `{"schema":1,"protocol":"block-4k","arms":[%s],"connectionsPerArm":3,
		"ratePerSec":2000,"interleave":"slice","sliceMs":10,"seed":"7","block":{"pages":50},"phases":%s}`,
		strings.Join(arms, ","), phases))
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
		runtime.LockOSThread()
		run.result <- Run(ctx, s, run.folder, Streams{controlReader, eventsWriter})
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
	entries := schedule.Poisson(schedule.Config{Seed: 7, Phase: 1, RatePerSec: 2000, Duration: 200 * time.Millisecond,
		Arms: 2, Interleave: schedule.Slice, SliceNs: 10e6, Pages: 50})
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

func TestAFolderThatCannotBeMadeIsAnError(t *testing.T) {
	s, err := spec.Parse(fmt.Appendf(nil, `{"schema":1,"protocol":"block-4k","arms":[{"name":"a","address":"%s"}],
		"connectionsPerArm":1,"ratePerSec":1,"seed":"7","block":{"pages":1},"phases":%s}`,
		testserver.Serve(t, testserver.Blocks), twoPhases))
	if err != nil {
		t.Fatal(err)
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	control, open := io.Pipe()
	defer open.Close()
	err = Run(context.Background(), s, "/dev/null/x", Streams{control, io.Discard})
	if err == nil || errors.Is(err, ErrStopped) || !strings.Contains(err.Error(), "/dev/null") {
		t.Errorf("got %v, want an error that names the folder", err)
	}
}

package main

import (
	"net"
	"syscall"
	"testing"
	"time"

	"pollgate/bpf/internal/report"
	"pollgate/bpf/probes/request"
)

// requestRun is what one window saw of a server and its clients' own time.
type requestRun struct {
	*report.Target
	details request.Details
	// roundTripNs is the sum of what the clients waited for all answers.
	roundTripNs uint64
}

func (r requestRun) sum(metric string) uint64 { return r.Histograms[metric].Sum }

// observeRequests asks a server times on each of some connections, all of which are there, and
// have been answered once, before the window. around is called with each question.
func observeRequests(t *testing.T, mode string, connections, times int,
	around func(server *process, ask func()),
) requestRun {
	t.Helper()
	needPrivileges(t)
	server := startWorkload(t, workloadPath, "requests", mode)
	address := server.hear()
	var conns []net.Conn
	for range connections {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		askOnce(t, conn)
		conns = append(conns, conn)
	}
	o := observe(t, []string{"--probes", "request"}, map[string]*process{"server": server})
	o.begin()
	var waited time.Duration
	for range times {
		for _, conn := range conns {
			around(server, func() { waited += askOnce(t, conn) })
		}
	}
	seen := o.end().Targets["server"]
	if reason := seen.Unavailable["requests"]; reason != "" {
		t.Fatal(reason)
	}
	run := requestRun{seen, details[request.Details](t, seen, "request"), uint64(waited)}
	checkRequests(t, run, uint64(connections*times))
	return run
}

func plainly(_ *process, ask func()) { ask() }

func askOnce(t *testing.T, conn net.Conn) time.Duration {
	t.Helper()
	asked := time.Now()
	if _, err := conn.Write([]byte{1}); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	return time.Since(asked)
}

// checkRequests: every request is joined, one way or the other, and the parts make the whole.
func checkRequests(t *testing.T, run requestRun, asked uint64) {
	t.Helper()
	d := run.details
	t.Logf("%+v; sums %d %d %d of %d, clients %d", d, run.sum("requestReadableToReadyNs"),
		run.sum("requestReadyToRunNs"), run.sum("requestRunToWriteNs"),
		run.sum("requestReadableToWriteNs"), run.roundTripNs)
	if d.Joined+d.DirectJoined != asked || d.Woken != d.Joined || d.Direct != d.DirectJoined {
		t.Errorf("joined %d of %d and %d of %d direct, want %d together", d.Joined, d.Woken,
			d.DirectJoined, d.Direct, asked)
	}
	unmatched := d.Unmatched
	unmatched.WakeWithoutReadable = 0 // wake-ups, not requests: the runtime may wake for nothing
	if unmatched != (request.Unmatched{}) || d.AnswersFromBefore+d.FurtherWrites != 0 {
		t.Errorf("unmatched: %+v", d)
	}
	if anyCounted(run.Lost) || anyCounted(run.InFlight) {
		t.Errorf("lost %v, in flight %v; want none", run.Lost, run.InFlight)
	}
	for metric, want := range map[string]uint64{
		"requestReadableToReadyNs": d.Joined, "requestReadyToRunNs": d.Joined,
		"requestRunToWriteNs": d.Joined, "requestReadableToWriteNs": d.Joined,
		"requestReadableToReadNs": d.DirectJoined, "requestReadToWriteNs": d.DirectJoined,
	} {
		if n := run.Histograms[metric].Count; n != want {
			t.Errorf("%s has %d, want %d", metric, n, want)
		}
	}
	parts := run.sum("requestReadableToReadyNs") + run.sum("requestReadyToRunNs") +
		run.sum("requestRunToWriteNs")
	whole := run.sum("requestReadableToWriteNs")
	if parts != whole {
		t.Errorf("the parts sum up to %d, the whole to %d", parts, whole)
	}
	direct := run.sum("requestReadableToReadNs") + run.sum("requestReadToWriteNs")
	if whole+direct > run.roundTripNs {
		t.Errorf("%d ns in the server, clients waited %d", whole+direct, run.roundTripNs)
	}
}

func TestEveryRequestIsJoined(t *testing.T) {
	run := observeRequests(t, "plain", 7, 101, plainly)
	if run.details.Joined == 0 {
		t.Error("no request had a parked reader")
	}
}

func TestSlowHandlerIsFromRunToWrite(t *testing.T) {
	run := observeRequests(t, "slow", 3, 7, plainly)
	d := run.details
	handled := run.sum("requestRunToWriteNs")
	if handled < d.Joined*5e6 || 2*handled <= run.sum("requestReadableToWriteNs") {
		t.Errorf("%d ns from run to write for %d requests of 5 ms, whole %d", handled, d.Joined,
			run.sum("requestReadableToWriteNs"))
	}
}

func TestBusyProcessorIsBeforeTheRun(t *testing.T) {
	run := observeRequests(t, "busy", 1, 23, plainly)
	queued := run.sum("requestReadableToReadyNs") + run.sum("requestReadyToRunNs")
	if queued <= run.sum("requestRunToWriteNs") {
		t.Errorf("%d ns before the run, %d after", queued, run.sum("requestRunToWriteNs"))
	}
}

func TestStoppedServerIsBeforeReady(t *testing.T) {
	const stopped = 200 * time.Millisecond
	run := observeRequests(t, "plain", 1, 1, func(server *process, ask func()) {
		server.signal(syscall.SIGSTOP)
		awaitStopped(t, server.Process.Pid)
		time.AfterFunc(stopped+50*time.Millisecond, func() {
			_ = server.Process.Signal(syscall.SIGCONT)
		})
		ask()
	})
	waited := run.sum("requestReadableToReadyNs") + run.sum("requestReadableToReadNs")
	if waited < uint64(stopped) {
		t.Errorf("%d ns from readable to ready or read, want at least %d", waited, stopped)
	}
}

// awaitStopped returns when a child of the test has stopped.
func awaitStopped(t *testing.T, pid int) {
	t.Helper()
	var status syscall.WaitStatus
	if _, err := syscall.Wait4(pid, &status, syscall.WUNTRACED, nil); err != nil || !status.Stopped() {
		t.Fatalf("wait for the stop: %v, status %v", err, status)
	}
}

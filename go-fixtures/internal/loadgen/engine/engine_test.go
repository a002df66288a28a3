package engine

import (
	"errors"
	"io"
	"math"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"pollgate/go-fixtures/internal/loadgen/monotime"
	"pollgate/go-fixtures/internal/loadgen/testserver"
	"pollgate/go-fixtures/internal/loadgen/wire"
)

func TestEveryRequestIsSentInOrderToItsArmAndVerified(t *testing.T) {
	var mutex sync.Mutex
	served := make([]int, 2)
	count := func(arm int) func(net.Conn) {
		return func(connection net.Conn) {
			testserver.BlocksVia(connection, func(_ uint64, page []byte) []byte {
				mutex.Lock()
				defer mutex.Unlock()
				served[arm]++
				return page
			})
		}
	}
	e := connected(t, Config{Arms: blockArms(t, count(0), count(1)), ConnectionsPerArm: 4})
	p := poisson(3000, 500*time.Millisecond, 2)
	result := run(t, e, p)

	expectAll(t, p.Requests, Completed)
	scheduled := make([]int, 2)
	for i := range p.Requests {
		r := &p.Requests[i]
		scheduled[r.Arm]++
		if !(r.IntendedNs <= r.PickedNs && r.PickedNs <= r.SentNs && r.SentNs < r.DoneNs && r.DoneNs <= result.EndNs) {
			t.Fatalf("request %d: stamps are not in order: %+v, end %d", i, *r, result.EndNs)
		}
		if !r.Queued && r.PickedNs != r.SentNs {
			t.Fatalf("request %d was not queued, but was picked at %d and sent at %d", i, r.PickedNs, r.SentNs)
		}
	}
	mutex.Lock()
	defer mutex.Unlock()
	if served[0] != scheduled[0] || served[1] != scheduled[1] {
		t.Errorf("arms served %v requests, scheduled were %v", served, scheduled)
	}
	for i, arm := range result.Arms {
		if arm.Reconnects != 0 || arm.ConnectErrors != 0 {
			t.Errorf("arm %d: %+v, want no reconnects or errors", i, arm)
		}
	}
	checkLittlesLaw(t, p.Requests, result, 4)
	if u := result.Usage; u.CPUNs <= 0 || u.EmptyPollNs <= 0 {
		t.Errorf("usage is %+v, want CPU time and empty polls", u)
	}
}

// checkLittlesLaw holds the loop's own integral of the requests under way against
// their stamps. perArm is how many there may be at a time.
func checkLittlesLaw(t *testing.T, requests []Request, result Result, perArm int) {
	t.Helper()
	// The loop counts with readings of its own, each a little after the stamp: later
	// where it waited for a CPU in between.
	waited := float64(max(0, result.Usage.RunQueueNs)) * float64(perArm)
	sums := make([]int64, len(result.Arms))
	for i := range requests {
		sums[requests[i].Arm] += requests[i].DoneNs - requests[i].SentNs
	}
	for arm, sum := range sums {
		if area := result.Arms[arm].InflightAreaNs; math.Abs(area-float64(sum)) > 0.01*float64(sum)+waited {
			t.Errorf("arm %d: the requests under way make %.0f ns, their stamps %d; at most %.0f ns of waiting", arm, area, sum, waited)
		}
	}
}

func TestTheKernelStampsRepliesBeforeTheyAreRead(t *testing.T) {
	e := connected(t, Config{Arms: blockArms(t, testserver.Blocks), ConnectionsPerArm: 4})
	run(t, e, poisson(1000, 50*time.Millisecond, 1)) // the kernel begins to stamp some packets after it is asked
	p := poisson(2000, 200*time.Millisecond, 1)
	result := run(t, e, p)
	// Two clocks are set against each other, each read within some 100 ns.
	const tolerance = 2000
	for i := range p.Requests {
		r := &p.Requests[i]
		if r.ArrivedNs < r.SentNs-tolerance || r.ArrivedNs > r.DoneNs+tolerance {
			t.Fatalf("request %d: arrived at %d, sent at %d, read at %d", i, r.ArrivedNs, r.SentNs, r.DoneNs)
		}
	}
	if step := result.Usage.ClockStepNs; step > tolerance || step < -tolerance {
		t.Errorf("the clocks moved by %d ns against each other", step)
	}
}

func TestAReplyThatIsReadLateShowsAsReceiveLag(t *testing.T) {
	e := connected(t, Config{Arms: blockArms(t, testserver.Blocks)})
	run(t, e, poisson(1000, 50*time.Millisecond, 1))
	answered := make(chan struct{})
	late := connected(t, Config{Arms: blockArms(t, func(connection net.Conn) {
		testserver.BlocksVia(connection, func(_ uint64, page []byte) []byte {
			defer close(answered)
			return page
		})
	})})
	p := atOnce(1, time.Millisecond)
	late.begin(p)
	late.sendDue(monotime.Now())
	<-answered
	stopped := monotime.Now() // the loop is not turned: the generator is away
	for monotime.Now() < stopped+int64(30*time.Millisecond) {
	}
	goOnUntil(t, late, func() bool { return late.pending == 0 })
	if r := p.Requests[0]; r.DoneNs-r.ArrivedNs < int64(20*time.Millisecond) {
		t.Errorf("receive lag is %d ns, want most of 30 ms", r.DoneNs-r.ArrivedNs)
	}
}

func TestAServerThatTakesOnlySoManyConnectionsIsNamed(t *testing.T) {
	var mutex sync.Mutex
	taken := 0
	e, err := New(Config{ConnectionsPerArm: 20, Timeout: 30 * time.Second, Arms: blockArms(t, func(connection net.Conn) {
		mutex.Lock()
		taken++
		full := taken > 10
		mutex.Unlock()
		if !full {
			testserver.Blocks(connection)
		}
	})})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	// The last ones may be closed after all are up: then the probe finds them, or they
	// are made again.
	var unreachable *ConnectError
	if err := e.Connect(); err != nil && !errors.As(err, &unreachable) {
		t.Errorf("got %v, want a ConnectError", err)
	} else if err != nil && !strings.Contains(err.Error(), "limit its connections") {
		t.Errorf("%q has no remedy", err)
	}
}

// A reply that was there in time is no timeout of the server's, also where the
// generator itself was away until after it.
func TestAReplyInTimeIsCompletedHoweverLateItIsRead(t *testing.T) {
	answered := make(chan struct{})
	e := connected(t, Config{Timeout: 50 * time.Millisecond, Arms: blockArms(t, func(connection net.Conn) {
		testserver.BlocksVia(connection, func(_ uint64, page []byte) []byte { return page })
	}, func(connection net.Conn) {
		testserver.BlocksVia(connection, func(_ uint64, page []byte) []byte {
			defer close(answered)
			return page
		})
	})})
	p := atOnce(1, time.Millisecond)
	p.Requests[0].Arm = 1
	e.begin(p)
	e.sendDue(monotime.Now())
	<-answered
	for away := monotime.Now(); monotime.Now() < away+int64(100*time.Millisecond); {
	}
	goOnUntil(t, e, func() bool { return e.pending == 0 })
	if got := p.Requests[0].Outcome; got != Completed {
		t.Errorf("the outcome is %d, want %d", got, Completed)
	}
}

func TestAClosedLoopKeepsEveryConnectionBusy(t *testing.T) {
	e := connected(t, Config{Arms: blockArms(t, testserver.Blocks, testserver.Blocks), ConnectionsPerArm: 3})
	keys := []uint32{5, 6, 7}
	requests, result, err := e.RunClosed(&ClosedPhase{Requests: make([]Request, 0, 1_000_000), Keys: keys,
		StartNs: monotime.Now(), Duration: 200 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	if len(requests) < 100 {
		t.Fatalf("only %d requests", len(requests))
	}
	expectAll(t, requests, Completed)
	checkLittlesLaw(t, requests, result, 3)
	arms := map[uint16]int{}
	for i := range requests {
		r := &requests[i]
		arms[r.Arm]++
		if r.Key != keys[i%3] || r.Queued || r.PickedNs != r.SentNs || i > 0 && r.IntendedNs < requests[i-1].IntendedNs {
			t.Fatalf("request %d: %+v", i, *r)
		}
	}
	if len(arms) != 2 {
		t.Errorf("arms got %v requests, want both some", arms)
	}
	// The same engine can go on with an open loop.
	p := poisson(1000, 50*time.Millisecond, 2)
	run(t, e, p)
	expectAll(t, p.Requests, Completed)
}

func TestAClosedLoopWithoutRoomSaysSo(t *testing.T) {
	e := connected(t, Config{Arms: blockArms(t, testserver.Blocks), ConnectionsPerArm: 2})
	_, _, err := e.RunClosed(&ClosedPhase{Requests: make([]Request, 0, 10), Keys: []uint32{1},
		StartNs: monotime.Now(), Duration: time.Hour})
	var room *RoomError
	if !errors.As(err, &room) || room.Room != 10 || !strings.Contains(err.Error(), "10 requests") {
		t.Errorf("got %v, want a RoomError of 10", err)
	}
}

func TestArmsThatCannotLiveTogetherTakeTurns(t *testing.T) {
	var mutex sync.Mutex
	open, most := 0, 0
	change := func(by int) {
		mutex.Lock()
		defer mutex.Unlock()
		open += by
		most = max(most, open)
	}
	handle := func(connection net.Conn) {
		change(1)
		testserver.Blocks(connection)
		change(-1)
	}
	e, err := New(Config{Arms: blockArms(t, handle, handle), ConnectionsPerArm: 20, Timeout: 30 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	for _, arm := range []int{0, 1, 1, 0} {
		if err := e.Connect(arm); err != nil {
			t.Fatal(err)
		}
		p := atOnce(20, time.Millisecond)
		for i := range p.Requests {
			p.Requests[i].Arm = uint16(arm)
		}
		run(t, e, p)
		expectAll(t, p.Requests, Completed)
		e.Disconnect(arm)
		for still := true; still; { // until the servers have noticed
			mutex.Lock()
			still = open > 0
			mutex.Unlock()
		}
	}
	if most > 20 {
		t.Errorf("%d connections were open at once, want one arm's 20", most)
	}
	for arm, times := range e.ConnectNs() {
		if times.TotalCount() != 40 || times.Min() <= 0 {
			t.Errorf("arm %d: %d connect times from %d ns, want 40", arm, times.TotalCount(), times.Min())
		}
	}
}

func TestProbeFindsAWrongServer(t *testing.T) {
	for name, test := range map[string]struct {
		handle func(net.Conn)
		parts  []string
	}{
		"another protocol": {func(c net.Conn) { io.WriteString(c, "220 mail.example ESMTP\r\n"); waitForClose(c) },
			[]string{"220 mail.example", "protocol"}},
		"another status": {answering("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"), []string{"another status", "404 Not Found"}},
		"closes":         {afterRequest(func(net.Conn) {}), []string{"closed the connection"}},
	} {
		t.Run(name, func(t *testing.T) {
			e, err := New(Config{Arms: []Arm{httpArm(testserver.Serve(t, test.handle))}, ConnectionsPerArm: 1, Timeout: 30 * time.Second})
			if err != nil {
				t.Fatal(err)
			}
			defer e.Close()
			// One that speaks first may be found while connecting.
			if err = e.Connect(); err == nil {
				err = e.Probe()
			}
			var protocol *ProtocolError
			if !errors.As(err, &protocol) {
				t.Fatalf("got %v, want a ProtocolError", err)
			}
			for _, part := range test.parts {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%q does not name %q", err, part)
				}
			}
		})
	}
	e := connected(t, Config{Arms: []Arm{httpArm(testserver.Serve(t, answering(goodReply)))}})
	if err := e.Probe(); err != nil {
		t.Error(err)
	}
}

func TestManyConnectionsToOneServerComeFromSeveralAddresses(t *testing.T) {
	loopback := newTarget(netip.MustParseAddrPort("127.0.0.1:80"))
	sources := map[[4]byte]int{}
	for i := range 60_000 {
		switch source := loopback.source(i).(type) {
		case nil:
			sources[[4]byte{}]++
		case *unix.SockaddrInet4:
			sources[source.Addr]++
		}
	}
	if len(sources) != 8 || sources[[4]byte{127, 0, 0, 2}] != connectionsPerSource {
		t.Errorf("got %v", sources)
	}
	if elsewhere := newTarget(netip.MustParseAddrPort("192.0.2.1:80")).source(60_000); elsewhere != nil {
		t.Errorf("a target elsewhere is reached from %v, want the kernel's choice", elsewhere)
	}
}

func TestAPhaseLastsAsLongAsItsSchedule(t *testing.T) {
	e := connected(t, Config{Arms: blockArms(t, testserver.Blocks)})
	p := atOnce(1, 50*time.Millisecond)
	result := run(t, e, p)
	if now, end := monotime.Now(), p.StartNs+int64(p.Duration); now < end || result.EndNs < end {
		t.Errorf("Run returned %d ns before the end of the schedule and reported %d ns before", end-now, end-result.EndNs)
	}
}

func TestPhasesFollowEachOtherOnTheSameConnections(t *testing.T) {
	var mutex sync.Mutex
	accepted := 0
	e := connected(t, Config{ConnectionsPerArm: 3, Arms: blockArms(t, func(connection net.Conn) {
		mutex.Lock()
		accepted++
		mutex.Unlock()
		testserver.Blocks(connection)
	})})
	for range 3 {
		if err := e.Settle(); err != nil {
			t.Fatal(err)
		}
		p := poisson(1000, 50*time.Millisecond, 1)
		run(t, e, p)
		expectAll(t, p.Requests, Completed)
	}
	mutex.Lock()
	defer mutex.Unlock()
	if accepted != 3 {
		t.Errorf("%d connections were made, want 3", accepted)
	}
}

func TestKernelWithoutNanosecondTimeouts(t *testing.T) {
	e := connected(t, Config{Arms: blockArms(t, testserver.Blocks)})
	e.poller.nanoseconds = false
	p := poisson(1000, 100*time.Millisecond, 1)
	run(t, e, p)
	expectAll(t, p.Requests, Completed)
}

// A server that holds every reply for a while: what was meant to be sent during
// the stall is charged with the rest of it, although there was no connection to
// send it on.
func TestAStallIsChargedToAllThatWasIntendedMeanwhile(t *testing.T) {
	const connections, trigger = 4, 100
	var mutex sync.Mutex
	var beganNs, endedNs int64
	seen := 0
	e := connected(t, Config{ConnectionsPerArm: connections, Arms: blockArms(t, func(connection net.Conn) {
		testserver.BlocksVia(connection, func(_ uint64, page []byte) []byte {
			mutex.Lock() // holds up all connections
			defer mutex.Unlock()
			if seen++; seen == trigger {
				beganNs = monotime.Now()
				time.Sleep(200 * time.Millisecond)
				endedNs = monotime.Now()
			}
			return page
		})
	})})
	p := poisson(2000, 400*time.Millisecond, 1)
	run(t, e, p)

	expectAll(t, p.Requests, Completed)
	mutex.Lock()
	defer mutex.Unlock()
	meanwhile, queued := 0, 0
	for i := range p.Requests {
		r := &p.Requests[i]
		if r.IntendedNs < beganNs || r.IntendedNs >= endedNs {
			continue
		}
		meanwhile++
		if r.Queued {
			queued++
		}
		if latency, rest := r.DoneNs-r.IntendedNs, endedNs-r.IntendedNs; latency < rest {
			t.Errorf("request %d: latency %d ns, but the stall went on for %d ns", i, latency, rest)
		}
	}
	// 200 ms of 2000 requests per second; the schedule is fixed, the place of the
	// stall in it is not.
	if meanwhile < 300 || meanwhile > 500 {
		t.Errorf("%d requests were intended during the stall, want about 400", meanwhile)
	}
	if queued < meanwhile-connections-1 {
		t.Errorf("%d of %d requests were queued, want all but those the %d connections took", queued, meanwhile, connections)
	}
}

func TestMoreRequestsThanConnectionsWaitInOrder(t *testing.T) {
	e := connected(t, Config{Arms: blockArms(t, testserver.Blocks)})
	p := atOnce(50, time.Millisecond)
	run(t, e, p)
	expectAll(t, p.Requests, Completed)
	for i := 1; i < len(p.Requests); i++ {
		before, r := p.Requests[i-1], p.Requests[i]
		if !r.Queued || r.SentNs < before.DoneNs {
			t.Fatalf("request %d: queued %v, sent at %d, the one before done at %d", i, r.Queued, r.SentNs, before.DoneNs)
		}
	}
}

func TestStopEndsAPhaseAndEveryLaterCall(t *testing.T) {
	arrived := make(chan struct{}, 1)
	e := connected(t, Config{Arms: blockArms(t, func(connection net.Conn) {
		testserver.BlocksVia(connection, func(uint64, []byte) []byte {
			arrived <- struct{}{}
			return nil
		})
	})})
	go func() {
		<-arrived // the phase is under way, and would take an hour
		e.Stop()
	}()
	if _, err := e.Run(atOnce(1, time.Hour)); !errors.Is(err, ErrStopped) {
		t.Errorf("Run: got %v, want ErrStopped", err)
	}
	if err := e.Settle(); !errors.Is(err, ErrStopped) {
		t.Errorf("Settle: got %v, want ErrStopped", err)
	}
}

func TestProgressReportsWhatWasDone(t *testing.T) {
	e := connected(t, Config{Arms: blockArms(t, testserver.Blocks)})
	p := atOnce(10, time.Hour)
	stepUntil(t, e, p, func() bool { return e.pending == 0 })
	e.progress.dueNs = 1
	e.reportProgress(p.StartNs + 5)
	report := <-e.Progress()
	arm := report.Arms[0]
	if report.ElapsedNs != 5 || arm.Completed != 10 || arm.Errors != 0 || arm.P50Ns <= 0 || arm.P99Ns < arm.P50Ns {
		t.Errorf("got %+v", *report)
	}
	// Nobody receives: the loop goes on, and the report that waits stays whole.
	for i := range 5 {
		e.progress.dueNs = 1
		e.reportProgress(p.StartNs + int64(100+i))
	}
	if report = <-e.Progress(); report.ElapsedNs != 100 {
		t.Errorf("the waiting report was overwritten: %+v", *report)
	}
}

func TestConnectErrorNamesServerCauseAndRemedy(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := testserver.Address(listener)
	listener.Close()
	arms := append(blockArms(t, testserver.Blocks), Arm{Name: "dead", Address: address, NewExchange: (&wire.Block{}).NewExchange})
	e, err := New(Config{Arms: arms, ConnectionsPerArm: 2, Timeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	err = e.Connect()
	var unreachable *ConnectError
	if !errors.As(err, &unreachable) || !errors.Is(err, unix.ECONNREFUSED) {
		t.Fatalf("got %v, want a ConnectError of ECONNREFUSED", err)
	}
	for _, part := range []string{`"dead"`, address.String(), "refused", "running"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q does not name %q", err, part)
		}
	}
}

func TestConnectWithoutDescriptorsSaysSo(t *testing.T) {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	e, err := New(Config{Arms: blockArms(t, testserver.Blocks), ConnectionsPerArm: 500, Timeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	lowered := unix.Rlimit{Cur: 100, Max: limit.Max}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &lowered); err != nil {
		t.Fatal(err)
	}
	err = e.Connect()
	if restoreErr := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); restoreErr != nil {
		t.Fatal(restoreErr)
	}
	if !errors.Is(err, unix.EMFILE) || !strings.Contains(err.Error(), "ulimit -n") {
		t.Errorf("got %v, want EMFILE and ulimit -n", err)
	}
}

func TestASocketConnectedToItselfIsNoServer(t *testing.T) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	own, err := unix.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Connect(fd, own); err != nil {
		t.Fatal(err)
	}
	if err := connectOutcome(int32(fd)); err != unix.ECONNREFUSED {
		t.Errorf("got %v, want ECONNREFUSED", err)
	}
}

func TestManyConnections(t *testing.T) {
	e := connected(t, Config{Arms: blockArms(t, testserver.Blocks, testserver.Blocks), ConnectionsPerArm: 500})
	p := poisson(5000, 500*time.Millisecond, 2)
	run(t, e, p)
	expectAll(t, p.Requests, Completed)
	used := 0
	for i := range e.conns {
		if e.conns[i].served {
			used++
		}
	}
	// Connections take turns, so all are used when there are more requests.
	if used != len(e.conns) {
		t.Errorf("%d of %d connections carried a request", used, len(e.conns))
	}
}

func TestTheLoopDoesNotAllocate(t *testing.T) {
	e := connected(t, Config{Arms: blockArms(t, testserver.Blocks), ConnectionsPerArm: 8})
	run(t, e, poisson(5000, 100*time.Millisecond, 1)) // servers and buffers warm up
	p := poisson(10_000, 300*time.Millisecond, 1)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	run(t, e, p)
	runtime.ReadMemStats(&after)
	// The process as a whole, servers included, allocates a few times for the
	// phase; 3000 requests would show.
	if n := after.Mallocs - before.Mallocs; n > 300 {
		t.Errorf("%d allocations for %d requests, want none per request", n, len(p.Requests))
	}
}

// BenchmarkEngine measures the loop with everything it does per request: sending
// at its time, receiving, verifying, recording. The server's part is in the time
// too, but not in the allocations: it makes none.
func BenchmarkEngine(b *testing.B) {
	e := connected(b, Config{Arms: blockArms(b, testserver.Blocks), ConnectionsPerArm: 16})
	run(b, e, atOnce(1000, time.Millisecond))
	p := atOnce(b.N, time.Nanosecond)
	b.ReportAllocs()
	b.ResetTimer()
	result := run(b, e, p)
	b.ReportMetric(float64(result.Usage.CPUNs-result.Usage.EmptyPollNs)/float64(b.N), "cpu-ns/op")
}

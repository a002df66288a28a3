package main

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"runtime/trace"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	exptrace "golang.org/x/exp/trace"
)

// What go tool trace finds in the same trace is the reference: its profiles are of waits that began
// and ended within the trace, those of whoever takes it included.
func TestTimesAreThoseOfGoToolTrace(t *testing.T) {
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("needs the go command")
	}
	path := filepath.Join(t.TempDir(), "trace.out")
	if err := os.WriteFile(path, recordMixedLoad(t), 0o600); err != nil {
		t.Fatal(err)
	}
	s := summarizeWithStacks(t, path)
	sums := map[string]int64{}
	for _, wait := range s.Stacks.Blocked {
		switch {
		case wait.Reason == networkReason:
			sums["net"] += wait.Ns
		case strings.Contains(wait.Reason, "chan"), strings.Contains(wait.Reason, "sync"), strings.Contains(wait.Reason, "select"):
			sums["sync"] += wait.Ns
		}
	}
	for _, wait := range s.Stacks.Syscalls {
		sums["syscall"] += wait.Ns
	}
	sums["sched"] = s.Stacks.RunnableNs.Sum
	for _, kind := range []string{"net", "sync", "syscall", "sched"} {
		ours, theirs := sums[kind], goToolTrace(t, path, kind)
		t.Logf("%s: %d ns, go tool trace %d ns", kind, ours, theirs)
		// Ours is without the tracer's own goroutines, which never wait for the network.
		low := 0.98 * float64(theirs)
		if kind != "net" {
			low -= float64(s.Stacks.ToolNs)
		}
		high := 1.02 * float64(theirs)
		if kind == "sched" {
			high = float64(s.RunnableNs) // Theirs begins when a goroutine first runs, ours when it is made.
		}
		if theirs <= 0 || float64(ours) < low || float64(ours) > high {
			t.Errorf("%s: %d ns, go tool trace says %d ns, of which at most %d ns are the tracer's", kind, ours, theirs, s.Stacks.ToolNs)
		}
	}
	for _, wait := range append(s.Stacks.Blocked, s.Stacks.Syscalls...) {
		names := namesOf(s.Stacks, wait.Stack)
		if isTool(names) {
			t.Errorf("a tool's goroutine was not subtracted: %q", names)
		}
	}
	if s.Stacks.ToolNs <= 0 {
		t.Errorf("the tracer's goroutines took %d ns, want > 0", s.Stacks.ToolNs)
	}
	// The idle end was parked before the trace: its stack says for what.
	idle := 0
	for _, wait := range s.Stacks.Blocked {
		if names := namesOf(s.Stacks, wait.Stack); wait.OpenCount > 0 && strings.Contains(strings.Join(names, " "), ".idleEnd") {
			idle += wait.OpenCount
		}
	}
	if idle != 1 {
		t.Errorf("%d goroutines wait in idleEnd through the whole trace, want 1", idle)
	}
	counted := 0
	for i, bucket := range s.Stacks.RunnableBuckets {
		counted += bucket.Count
		if i > 0 && bucket.LowNs <= s.Stacks.RunnableBuckets[i-1].LowNs {
			t.Errorf("buckets are not in order: %v", s.Stacks.RunnableBuckets)
		}
	}
	if r := s.Stacks.RunnableNs; counted != r.Count || r.Count < 1000 || r.P50 > r.P99 {
		t.Errorf("%d in buckets, scheduler latency %+v; want the same count, some thousand, in order", counted, r)
	}
}

func TestWaitsAreToldApartByReasonAndStackAndOpenOnesToo(t *testing.T) {
	var s summarizer
	s.stacks = newStackBook()
	s.add(syncEvent(t, 0, nil))
	for _, step := range []step{
		{5, 1, undetermined, waiting, ""}, // since before the trace
		{30, 1, waiting, runnable, ""},
		{34, 1, runnable, running, ""},
		{40, 1, running, waiting, "sync"},
		{90, 1, waiting, runnable, ""},
		{97, 1, runnable, running, ""},
		{100, 1, running, inSyscall, ""},
		{160, 1, inSyscall, running, ""},
		{170, 1, running, waiting, "sync"},    // to the end
		{180, 2, undetermined, inSyscall, ""}, // through the whole trace
	} {
		s.add(transitionEvent(t, step))
	}
	s.add(syncEvent(t, 1000, nil))
	summary, err := s.finish()
	if err != nil {
		t.Fatal(err)
	}
	want := &Stacks{
		Functions: []string{}, Stacks: [][]int{{}},
		Blocked: []Wait{
			{Reason: "sync", Count: 1, Ns: 50, OpenCount: 1, OpenNs: 830},
			{Reason: unknownReason, OpenCount: 1, OpenNs: 30},
		},
		Syscalls:        []Wait{{Count: 1, Ns: 60}},
		RunnableNs:      Distribution{Count: 2, P50: 4, P90: 7, P99: 7, Max: 7, Sum: 11},
		RunnableBuckets: []Bucket{{4, 1}, {7, 1}},
	}
	if !reflect.DeepEqual(summary.Stacks, want) {
		t.Errorf("got\n%+v, want\n%+v", summary.Stacks, want)
	}
}

func TestWhereAGoroutineWaitedWhenTheTraceBeganIsInferredFromWhatItDoesThen(t *testing.T) {
	const read, serve = "internal/poll.(*FD).Read", "main.serve"
	for _, test := range []struct {
		name     string
		waker    exptrace.GoID
		next     []string // The stack of its first system call.
		reason   string
		function string
	}{
		{"woken by the netpoller, it reads", exptrace.NoGoroutine, []string{"syscall.read", read, serve}, inferredReason, read},
		{"woken by another goroutine", 7, []string{"syscall.read", read, serve}, unknownReason, ""},
		{"it writes, as one that slept may", exptrace.NoGoroutine, []string{"syscall.write", "internal/poll.(*FD).Write", serve}, unknownReason, ""},
		{"it does nothing more", exptrace.NoGoroutine, nil, unknownReason, ""},
	} {
		s := summarizer{stacks: newStackBook()}
		s.add(syncEvent(t, 0, nil))
		s.add(transitionEvent(t, step{5, 1, undetermined, waiting, ""}))
		s.add(eventOf(t, test.waker, step{30, 1, waiting, runnable, ""}, nil))
		s.add(transitionEvent(t, step{34, 1, runnable, running, ""}))
		if test.next != nil {
			s.add(eventOf(t, 1, step{40, 1, running, inSyscall, ""}, test.next))
		}
		s.add(syncEvent(t, 100, nil))
		summary, err := s.finish()
		if err != nil {
			t.Fatal(err)
		}
		if len(summary.Stacks.Blocked) != 1 {
			t.Fatalf("%s: got %+v, want one wait", test.name, summary.Stacks.Blocked)
		}
		got := summary.Stacks.Blocked[0]
		names := namesOf(summary.Stacks, got.Stack)
		if got.Reason != test.reason || got.OpenNs != 30 || got.Count != 0 || strings.Join(names[:min(1, len(names))], "") != test.function {
			t.Errorf("%s: got %+v at %q, want 30 ns of %q at %q", test.name, got, names, test.reason, test.function)
		}
	}
}

func TestToolsAreToldFromProgramsThatUseTheirPackages(t *testing.T) {
	for _, test := range []struct {
		stack string
		want  bool
	}{
		{"runtime.chanrecv1 < runtime.(*wakeableSleep).sleep < runtime.traceStartReadCPU.func1", true},
		{"runtime/trace.(*traceMultiplexer).startLocked.func1", true},
		{"time.Sleep < runtime/pprof.profileWriter", true},
		{"runtime.selectgo < net/http/pprof.sleep < net/http/pprof.Trace", true},
		{"main.work < runtime/trace.WithRegion < main.main", false},
		{"main.work < runtime/pprof.Do < main.main", false},
	} {
		if got := isTool(strings.Split(test.stack, " < ")); got != test.want {
			t.Errorf("%s: got %v, want %v", test.stack, got, test.want)
		}
	}
}

func namesOf(s *Stacks, stack int) []string {
	var names []string
	for _, function := range s.Stacks[stack] {
		names = append(names, s.Functions[function])
	}
	return names
}

func summarizeWithStacks(t *testing.T, path string) Summary {
	t.Helper()
	s, err := summarizeFile(path, true)
	if err != nil {
		t.Fatal(err)
	}
	if s.Stacks == nil {
		t.Fatal("no stacks, though they were asked for")
	}
	return s
}

// goToolTrace returns the total of one of its profiles.
func goToolTrace(t *testing.T, path, kind string) int64 {
	t.Helper()
	profile := path + "." + kind
	content, err := exec.Command("go", "tool", "trace", "-pprof="+kind, path).Output()
	if err != nil {
		t.Fatalf("go tool trace -pprof=%s: %v", kind, err)
	}
	if err := os.WriteFile(profile, content, 0o600); err != nil {
		t.Fatal(err)
	}
	raw, err := exec.Command("go", "tool", "pprof", "-raw", profile).Output()
	if err != nil {
		t.Fatalf("go tool pprof -raw: %v", err)
	}
	total := int64(0)
	for _, sample := range regexp.MustCompile(`(?m)^ +\d+ +(\d+): `).FindAllSubmatch(raw, -1) {
		ns, err := strconv.ParseInt(string(sample[1]), 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		total += ns
	}
	return total
}

func transitionEvent(t *testing.T, step step) exptrace.Event {
	t.Helper()
	return eventOf(t, step.goroutine, step, nil)
}

// eventOf returns a step that a goroutine, or none, brings about, with the stack of whom it is about.
func eventOf(t *testing.T, by exptrace.GoID, step step, names []string) exptrace.Event {
	t.Helper()
	transition := exptrace.MakeGoStateTransition(step.goroutine, step.from, step.to)
	transition.Reason = step.reason
	frames := make([]exptrace.StackFrame, len(names))
	for i, name := range names {
		frames[i] = exptrace.StackFrame{PC: uint64(i + 1), Func: name}
	}
	stack := exptrace.NoStack
	if names != nil {
		stack = exptrace.MakeStack(frames)
	}
	event, err := exptrace.MakeEvent(exptrace.EventConfig[exptrace.StateTransition]{
		Kind: exptrace.EventStateTransition, Time: exptrace.Time(step.atNs), Goroutine: by, Stack: stack, Details: transition,
	})
	if err != nil {
		t.Fatal(err)
	}
	return event
}

// recordMixedLoad traces pairs that send a byte to and fro over TCP with a lock and a channel between
// them, and one end that waits for what never comes.
func recordMixedLoad(t *testing.T) []byte {
	t.Helper()
	var mu sync.Mutex
	log := make(chan int)
	go func() {
		for range log {
		}
	}()
	defer close(log)
	idle, other := connect(t)
	defer other.Close()
	go idleEnd(idle)
	type pair struct{ client, server net.Conn }
	var pairs []pair
	for range 8 {
		client, server := connect(t)
		pairs = append(pairs, pair{client, server})
	}
	time.Sleep(20 * time.Millisecond) // Whether idleEnd has parked by then does not matter: it stays.
	var content bytes.Buffer
	if err := trace.Start(&content); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	errs := make(chan error, 2*len(pairs))
	for _, p := range pairs {
		all.Go(func() { errs <- exchange(p.client, true, &mu, log) })
		all.Go(func() { errs <- exchange(p.server, false, &mu, log) })
	}
	all.Wait()
	trace.Stop()
	for range 2 * len(pairs) {
		if err := <-errs; err != nil {
			t.Fatal(err)
		}
	}
	return content.Bytes()
}

func exchange(conn net.Conn, asks bool, mu *sync.Mutex, log chan<- int) error {
	turns := []func([]byte) (int, error){conn.Read, conn.Write}
	if asks {
		turns[0], turns[1] = turns[1], turns[0]
	}
	b := make([]byte, 1)
	for n := range 300 {
		for _, turn := range turns {
			if _, err := turn(b); err != nil {
				return fmt.Errorf("exchange %d: %w", n, err)
			}
		}
		mu.Lock()
		mu.Unlock()
		log <- n
	}
	return nil
}

func idleEnd(conn net.Conn) {
	conn.Read(make([]byte, 1))
}

func connect(t *testing.T) (client, server net.Conn) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	if client, err = net.Dial("tcp", listener.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if server, err = listener.Accept(); err != nil {
		t.Fatal(err)
	}
	return client, server
}

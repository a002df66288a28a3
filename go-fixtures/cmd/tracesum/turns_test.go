package main

import (
	"bytes"
	"net"
	"os"
	"path/filepath"
	"runtime/trace"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

const (
	requests    = 50
	slowRequest = 30
	slowness    = 20 * time.Millisecond
)

// One of fifty requests sleeps: it is the slowest turn of its goroutine, whole and in its parts.
func TestTheSlowestTurnIsTheRequestThatSleeps(t *testing.T) {
	before := monotonic(t)
	s := summarizeWithStacks(t, recordRequests(t))
	after := monotonic(t)
	if s.Turns == nil || len(s.Turns.Slowest) == 0 {
		t.Fatal("no turns")
	}
	if n := s.Turns.DurationNs.Count; n < requests/2 {
		t.Errorf("%d turns of %d requests and as many replies", n, requests)
	}
	slept := slices.IndexFunc(s.Turns.Slowest, func(turn Turn) bool {
		return slices.ContainsFunc(turn.Parts, func(part Part) bool { return part.Reason == "sleep" })
	})
	if slept < 0 {
		t.Fatalf("none of the slowest slept: %+v", s.Turns.Slowest)
	}
	turn := s.Turns.Slowest[slept]
	if turn.duration() < int64(slowness) || turn.BeginNs < before || turn.EndNs > after {
		t.Errorf("from %d to %d, want %v within %d and %d of CLOCK_MONOTONIC",
			turn.BeginNs, turn.EndNs, slowness, before, after)
	}
	if !slices.ContainsFunc(turn.Place, func(name string) bool { return strings.HasSuffix(name, ".serveSlowly") }) {
		t.Errorf("it waited for the network at %v, want serveSlowly", turn.Place)
	}
	at := turn.BeginNs
	states := map[string]int{}
	for _, part := range turn.Parts {
		if part.BeginNs != at {
			t.Errorf("%s from %d, the part before ended at %d", part.State, part.BeginNs, at)
		}
		at = part.EndNs
		states[part.State]++
		if (part.State == "running") != (part.Thread > 0) && part.State != "syscall" {
			t.Errorf("%s on thread %d", part.State, part.Thread)
		}
		if part.Reason == "sleep" && !strings.Contains(strings.Join(part.Stack, " "), "pause") {
			t.Errorf("slept at %v, want pause", part.Stack)
		}
	}
	if at != turn.EndNs || turn.PartsLeftOut != 0 || turn.Parts[0].State != "runnable" ||
		states["running"] < 2 || states["blocked"] < 1 {
		t.Errorf("parts %+v, want them without a gap from runnable to %d", turn.Parts, turn.EndNs)
	}
	checkSums(t, s)
	if !slices.IsSortedFunc(s.Turns.Slowest, func(a, b Turn) int { return int(b.duration() - a.duration()) }) {
		t.Error("not the slowest first")
	}
}

// checkSums: the sums of all turns are the turns, and the sleep stands below the place that was made ready.
func checkSums(t *testing.T, s Summary) {
	t.Helper()
	var whole, slept int64
	names := func(stack int) string {
		var all []string
		for _, function := range s.Stacks.Stacks[stack] {
			all = append(all, s.Stacks.Functions[function])
		}
		return strings.Join(all, " ")
	}
	for _, sum := range s.Turns.Sums {
		whole += sum.Ns
		if (sum.Stack == nil) != (sum.State == "running" || sum.State == "runnable") {
			t.Errorf("%+v: a stack is told of what waits and of calls", sum)
		}
		if sum.Reason == "sleep" && strings.Contains(names(*sum.Stack), "pause") &&
			strings.Contains(names(sum.Place), "serveSlowly") {
			slept += sum.Ns
		}
	}
	if whole+s.Turns.SumsLeftOutNs != s.Turns.DurationNs.Sum {
		t.Errorf("the sums are %d ns, the turns %d", whole, s.Turns.DurationNs.Sum)
	}
	if slept < int64(slowness) {
		t.Errorf("slept for %d ns behind a wake-up of serveSlowly, want at least %v", slept, slowness)
	}
}

func monotonic(t *testing.T) int64 {
	t.Helper()
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		t.Fatal(err)
	}
	return now.Nano()
}

// recordRequests traces a server of one connection and its client.
func recordRequests(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	client, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	server, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	var content bytes.Buffer
	if err := trace.Start(&content); err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- serveSlowly(server) }()
	reply := make([]byte, 1)
	for range requests {
		if _, err := client.Write(reply); err != nil {
			t.Error(err)
		}
		if _, err := client.Read(reply); err != nil {
			t.Error(err)
		}
	}
	client.Close()
	<-served
	trace.Stop()
	path := filepath.Join(t.TempDir(), "trace.out")
	if err := os.WriteFile(path, content.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// serveSlowly answers each byte with one, and one of them late.
func serveSlowly(connection net.Conn) error {
	request := make([]byte, 1)
	for n := 1; ; n++ {
		if _, err := connection.Read(request); err != nil {
			return err
		}
		if n == slowRequest {
			pause()
		}
		if _, err := connection.Write(request); err != nil {
			return err
		}
	}
}

//go:noinline
func pause() { time.Sleep(slowness) }

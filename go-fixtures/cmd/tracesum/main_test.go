package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime/trace"
	"strings"
	"sync"
	"testing"
	"time"
)

// pingPongs is the number of round trips in the trace that the tests take.
const pingPongs = 500

// Nothing is said about how long anything took, because the machine may be busy. What must hold
// anywhere: each round trip parks both ends, so goroutines were blocked on the network and woken.
func TestSummaryOfARealTraceIsConsistent(t *testing.T) {
	s := summarizeBytes(t, recordPingPong(t))
	if s.Schema != 1 || s.DurationNs <= 0 || s.ClockSnapshots < 1 {
		t.Errorf("schema %d, duration %d ns, %d clock snapshots; want 1, > 0, >= 1", s.Schema, s.DurationNs, s.ClockSnapshots)
	}
	if s.BlockedNs["network"] <= 0 || s.SyscallNs <= 0 || s.RunnableNs <= 0 || s.RunningNs <= 0 {
		t.Errorf("network, syscall, runnable and running time must be positive: %+v", s)
	}
	if s.BlockedNs["sleep"] <= 0 {
		t.Errorf("a goroutine slept, but blockedNs is %v", s.BlockedNs)
	}
	w := s.NetworkWakeupNs
	// A read may find its data already there, so that not every one parks.
	if w.Count < pingPongs/10 || w.Count > 3*pingPongs {
		t.Errorf("%d network wake-ups in %d round trips", w.Count, pingPongs)
	}
	if w.P50 <= 0 || w.P50 > w.P90 || w.P90 > w.P99 || w.P99 > w.Max || w.Sum < w.Max || w.Sum > s.RunnableNs {
		t.Errorf("network wake-ups are not in order, or more than the runnable time %d: %+v", s.RunnableNs, w)
	}
	total := s.SyscallNs + s.RunnableNs + s.RunningNs
	for _, ns := range s.BlockedNs {
		total += ns
	}
	if limit := int64(s.Goroutines) * s.DurationNs; total > limit {
		t.Errorf("%d goroutines were in some state for %d ns, want at most %d", s.Goroutines, total, limit)
	}
}

func TestIncompleteTraceIsRefused(t *testing.T) {
	whole := recordPingPong(t)
	for _, test := range []struct {
		name  string
		bytes []byte
		want  string
	}{
		{"empty", nil, "not the beginning of an execution trace"},
		{"something else", []byte("<html>404 page not found</html>"), "not the beginning of an execution trace"},
		{"header only", whole[:16], "holds no goroutine"},
		{"without its second half", whole[:len(whole)/2], "cut short"},
		{"without its last byte", whole[:len(whole)-1], "cut short"},
	} {
		code, stdout, stderr := runOn(t, test.bytes)
		if code != 1 || stdout != "" || !strings.Contains(stderr, test.want) {
			t.Errorf("%s: exit %d, stdout %q, stderr %q; want exit 1, …%s…", test.name, code, stdout, stderr, test.want)
		}
	}
	// And at any other place, except where a part of about a second ends: the trace could have
	// been stopped there. Such a part ends with the same byte as the whole.
	for length := 17; length < len(whole); length += 1 + len(whole)/97 {
		if whole[length-1] == whole[len(whole)-1] {
			continue
		}
		if code, _, stderr := runOn(t, whole[:length]); code != 1 || stderr == "" {
			t.Errorf("%d of %d bytes: exit %d, stderr %q; want exit 1 and a reason", length, len(whole), code, stderr)
		}
	}
}

func TestWrongUse(t *testing.T) {
	for _, test := range []struct {
		arguments []string
		code      int
		want      string
	}{
		{nil, 2, "got 0 arguments; usage: tracesum TRACE.out"},
		{[]string{"a", "b"}, 2, "got 2 arguments"},
		{[]string{filepath.Join(t.TempDir(), "none")}, 1, "no such file"},
	} {
		var stdout, stderr bytes.Buffer
		code := run(test.arguments, &stdout, &stderr)
		if code != test.code || stdout.Len() > 0 || !strings.Contains(stderr.String(), test.want) {
			t.Errorf("%v: exit %d, stdout %q, stderr %q; want exit %d, …%s…",
				test.arguments, code, &stdout, &stderr, test.code, test.want)
		}
	}
}

// runOn runs the command on a file with the content.
func runOn(t *testing.T, content []byte) (code int, stdout, stderr string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "trace.out")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	var out, problems bytes.Buffer
	code = run([]string{path}, &out, &problems)
	return code, out.String(), problems.String()
}

func summarizeBytes(t *testing.T, content []byte) Summary {
	t.Helper()
	code, stdout, stderr := runOn(t, content)
	if code != 0 || stderr != "" {
		t.Fatalf("exit %d, stderr %q; want 0 and nothing", code, stderr)
	}
	var s Summary
	decoder := json.NewDecoder(strings.NewReader(stdout))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&s); err != nil {
		t.Fatalf("%q: %v", stdout, err)
	}
	return s
}

// recordPingPong traces two goroutines that send a byte to and fro over TCP.
var recordPingPong = func() func(*testing.T) []byte {
	record := sync.OnceValues(tracePingPong)
	return func(t *testing.T) []byte {
		t.Helper()
		content, err := record()
		if err != nil {
			t.Fatal(err)
		}
		return content
	}
}()

func tracePingPong() ([]byte, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	defer listener.Close()
	client, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		return nil, err
	}
	defer client.Close()
	server, err := listener.Accept()
	if err != nil {
		return nil, err
	}
	defer server.Close()

	var content bytes.Buffer
	if err := trace.Start(&content); err != nil {
		return nil, err
	}
	echoed := make(chan error, 1)
	go func() {
		_, err := io.CopyN(struct{ io.Writer }{server}, server, pingPongs)
		echoed <- err
	}()
	time.Sleep(time.Millisecond) // So that the trace has a goroutine that slept.
	var b [1]byte
	for range pingPongs {
		if _, err = client.Write(b[:]); err != nil {
			break
		}
		if _, err = io.ReadFull(client, b[:]); err != nil {
			break
		}
	}
	client.Close()
	if echoErr := <-echoed; err == nil {
		err = echoErr
	}
	trace.Stop()
	return content.Bytes(), err
}

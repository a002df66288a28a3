// Package fixtures_test holds every fixture under cmd to the fixture contract (README.md), in each
// build that the harness makes of it.
package fixtures_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"pollgate/go-fixtures/internal/blockproto"
	"pollgate/go-fixtures/internal/fixture"
	"pollgate/go-fixtures/internal/fixturetest"
)

// dataPages is the size of the data file that stands for $DATA.
const dataPages = 64

// subject is one build of one fixture.
type subject struct {
	name      string
	binary    string
	netpoller string
	protocol  protocol
	// arguments with $DATA as it stands in contract.json.
	arguments []string
	dataFile  string
}

func TestContractOnEpoll(t *testing.T) {
	testContract(t, "epoll", nil)
}

func TestContractOnIOUring(t *testing.T) {
	testContract(t, "io_uring", ioUringBuildFlags(t))
}

func testContract(t *testing.T, netpoller string, buildFlags []string) {
	names := fixtureNames(t)
	packages := make([]string, len(names))
	for i, name := range names {
		packages[i] = "./cmd/" + name
	}
	folder := fixturetest.Build(t, append(buildFlags, packages...)...)
	dataFile := filepath.Join(t.TempDir(), "pages.bin")
	if err := blockproto.GenerateFile(dataFile, dataPages); err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		s := readSubject(t, name)
		s.binary, s.netpoller, s.dataFile = filepath.Join(folder, name), netpoller, dataFile
		t.Run(name, func(t *testing.T) {
			t.Run("ready line", s.testReadyLine)
			t.Run("counters", s.testCounters)
			t.Run("pprof", s.testPprof)
			t.Run("SIGTERM drains", func(t *testing.T) { s.testDrain(t, syscall.SIGTERM) })
			t.Run("SIGINT drains", func(t *testing.T) { s.testDrain(t, syscall.SIGINT) })
			t.Run("usage errors", s.testUsageErrors)
			t.Run("address in use", s.testAddressInUse)
			if slices.Contains(s.arguments, "$DATA") {
				t.Run("missing data file", s.testMissingDataFile)
			}
		})
	}
}

// fixtureNames lists the commands that keep the contract: those that import its package.
func fixtureNames(t *testing.T) []string {
	t.Helper()
	list := fixturetest.Go(t, "list", "-e", "-f", `{{.ImportPath}}{{range .Imports}} {{.}}{{end}}`, "./cmd/...")
	var names []string
	for line := range strings.Lines(list) {
		// Import paths hold no spaces, as the folder of the clone may.
		command, imports, _ := strings.Cut(strings.TrimSpace(line), " ")
		if slices.Contains(strings.Fields(imports), "pollgate/go-fixtures/internal/fixture") {
			names = append(names, path.Base(command))
		}
	}
	if len(names) < 3 {
		t.Fatalf("found only the fixtures %v: has internal/fixture moved?", names)
	}
	return names
}

// readSubject reads what a fixture's folder says about testing it.
func readSubject(t *testing.T, name string) subject {
	t.Helper()
	path := filepath.Join("cmd", name, "contract.json")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("every fixture says in contract.json how to talk to it: %v", err)
	}
	var file struct {
		Protocol string   `json:"protocol"`
		Args     []string `json:"args"`
	}
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	spoken, ok := protocols[file.Protocol]
	if !ok {
		t.Fatalf("%s: protocol %q is not in protocol_test.go", path, file.Protocol)
	}
	return subject{name: name, protocol: spoken, arguments: file.Args}
}

// args returns the fixture's own arguments followed by further ones.
func (s *subject) args(further ...string) []string {
	arguments := slices.Clone(s.arguments)
	for i, argument := range arguments {
		arguments[i] = strings.ReplaceAll(argument, "$DATA", s.dataFile)
	}
	return append(arguments, further...)
}

func (s *subject) testReadyLine(t *testing.T) {
	const nonce = `quote " backslash \ and ünicode`
	t.Setenv("GOMAXPROCS", "1")
	p := fixturetest.Start(t, s.binary, s.args("--nonce", nonce)...)
	var fields map[string]any
	if err := json.Unmarshal([]byte(p.ReadyLine), &fields); err != nil {
		t.Fatal(err)
	}
	for field := range reflect.TypeFor[fixture.Ready]().Fields() {
		if _, ok := fields[field.Tag.Get("json")]; !ok {
			t.Errorf("ready line has no field %q", field.Tag.Get("json"))
		}
	}
	side := strings.TrimSuffix(p.Ready.PprofURL, "/debug/pprof/")
	want := fixture.Ready{
		Contract: 1, Fixture: s.name, Nonce: nonce, PID: p.PID(),
		Address:     p.Ready.Address, // Tried below.
		PprofURL:    side + "/debug/pprof/",
		CountersURL: side + "/pollgate/counters",
		BuildID:     strings.TrimSpace(fixturetest.Go(t, "tool", "buildid", s.binary)),
		GoVersion:   p.Ready.GoVersion, // Tried below.
		GoMaxProcs:  1,
		Netpoller:   s.netpoller,
	}
	if p.Ready != want {
		t.Errorf("ready line is\n%+v, want\n%+v", p.Ready, want)
	}
	// The io_uring build names its experiment after the release.
	if version, _, _ := strings.Cut(p.Ready.GoVersion, " "); version != runtime.Version() {
		t.Errorf("goVersion is %q, want %q", p.Ready.GoVersion, runtime.Version())
	}
	for _, address := range []string{p.Ready.Address, strings.TrimPrefix(side, "http://")} {
		if !strings.HasPrefix(address, "127.0.0.1:") {
			t.Errorf("listens on %s, want 127.0.0.1 and a port", address)
		}
	}
	if err := s.ask(dial(t, p), 1); err != nil {
		t.Error(err)
	}
	p.Signal(t, syscall.SIGTERM)
	if code, stdout, stderr := p.Wait(t); code != 0 || stdout != "" || stderr != "" {
		t.Errorf("ended with %d, stdout after the ready line %q, stderr %q; want 0 and nothing", code, stdout, stderr)
	}
}

func (s *subject) testCounters(t *testing.T) {
	p := fixturetest.Start(t, s.binary, s.args()...)
	first, second := dial(t, p), dial(t, p)
	t0 := monotonicNs(t)
	before := p.Counters(t)
	if err := firstError(s.ask(first, 3), s.ask(second, 5), s.ask(first, 9)); err != nil {
		t.Fatal(err)
	}
	after := p.Counters(t)
	t1 := monotonicNs(t)

	if n := after.Requests - before.Requests; n != 17 {
		t.Errorf("counted %d requests, want 17", n)
	}
	if t0 >= before.MonotonicNs || before.MonotonicNs >= after.MonotonicNs || after.MonotonicNs >= t1 {
		t.Errorf("readings at %d and %d ns are not in order within %d to %d of this process's CLOCK_MONOTONIC",
			before.MonotonicNs, after.MonotonicNs, t0, t1)
	}
	expectNonDecreasing(t, before, after)
	if after.UserCPUNs+after.SystemCPUNs == 0 || after.MinorFaults == 0 || after.VoluntarySwitches == 0 {
		t.Errorf("a process that has worked shows no CPU time, page fault or context switch: %+v", after)
	}
	if before.Experimental == nil {
		t.Error("experimental is null, want an object")
	}
	// Nothing is opened or closed now: the connection of the reading is kept alive.
	if n := len(fixturetest.Descriptors(t, p.PID())); n != after.OpenFds {
		t.Errorf("openFds is %d, /proc/%d/fd has %d", after.OpenFds, p.PID(), n)
	}
}

// expectNonDecreasing compares all cumulative counters.
func expectNonDecreasing(t *testing.T, before, after fixture.Counters) {
	t.Helper()
	v0, v1 := reflect.ValueOf(before), reflect.ValueOf(after)
	for i := range v0.NumField() {
		name := v0.Type().Field(i).Name
		if name == "Goroutines" || name == "OpenFds" || name == "Experimental" {
			continue
		}
		decreased := false
		if v0.Field(i).CanUint() {
			decreased = v1.Field(i).Uint() < v0.Field(i).Uint()
		} else {
			decreased = v0.Field(i).Int() < 0 || v1.Field(i).Int() < v0.Field(i).Int()
		}
		if decreased {
			t.Errorf("%s went from %v to %v", name, v0.Field(i), v1.Field(i))
		}
	}
	for name, value := range before.Experimental {
		if after.Experimental[name] < value {
			t.Errorf("experimental.%s went from %d to %d", name, value, after.Experimental[name])
		}
	}
}

func (s *subject) testPprof(t *testing.T) {
	p := fixturetest.Start(t, s.binary, s.args()...)
	if index := fixturetest.Get(t, p.Ready.PprofURL); !strings.Contains(string(index), "goroutine") {
		t.Errorf("%s is no index of profiles", p.Ready.PprofURL)
	}
	if profile := fixturetest.Get(t, p.Ready.PprofURL+"goroutine"); !strings.HasPrefix(string(profile), "\x1f\x8b") {
		t.Errorf("the goroutine profile is not gzipped")
	}
	for _, address := range []string{"0.0.0.0:0", "[::]:0", "192.0.2.1:0"} {
		code, stdout, stderr := fixturetest.Run(t, s.binary, s.args("--pprof", address)...)
		if code != fixture.ExitUsage || stdout != "" || !strings.Contains(stderr, "not a loopback address") {
			t.Errorf("--pprof %s: exit %d, stdout %q, stderr %q; want exit 2 and the reason",
				address, code, stdout, stderr)
		}
	}
}

// testDrain sends the signal while one request is in flight and one connection is idle.
func (s *subject) testDrain(t *testing.T, signal syscall.Signal) {
	p := fixturetest.Start(t, s.binary, s.args()...)
	inFlight, idle := dial(t, p), dial(t, p)
	// Connections are accepted in order: when the second is answered, the first is accepted.
	if err := s.ask(idle, 1); err != nil {
		t.Fatal(err)
	}
	first, rest := s.protocol.heldRequest(7)
	write(t, inFlight, first)
	for s.protocol.countsHeld && p.Counters(t).Requests < 2 {
		// The first part is on its way.
	}
	p.Signal(t, signal)
	waitUntilRefused(t, p.Ready.Address)
	if _, err := idle.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("the idle connection: got %v, want EOF", err)
	}
	write(t, inFlight, rest)
	reader := bufio.NewReader(inFlight)
	if err := s.protocol.checkReply(reader, 7); err != nil {
		t.Errorf("the request in flight at the signal: %v", err)
	}
	if _, err := reader.ReadByte(); err != io.EOF {
		t.Errorf("after the last reply: got %v, want EOF", err)
	}
	if code, stdout, stderr := p.Wait(t); code != fixture.ExitDrained || stdout != "" || stderr != "" {
		t.Errorf("ended with %d, stdout %q, stderr %q; want 0 and nothing", code, stdout, stderr)
	}
}

func (s *subject) testUsageErrors(t *testing.T) {
	for _, test := range []struct {
		arguments []string
		want      string
	}{
		{[]string{"--no-such-flag"}, "no-such-flag"},
		{[]string{"extra"}, `unexpected argument "extra"`},
		{[]string{"--listen", "localhost:0"}, `--listen "localhost:0" is not an IP address with a port`},
		{[]string{"--pprof", "127.0.0.1"}, `--pprof "127.0.0.1" is not an IP address with a port`},
	} {
		code, stdout, stderr := fixturetest.Run(t, s.binary, s.args(test.arguments...)...)
		if code != fixture.ExitUsage || stdout != "" || !strings.Contains(stderr, test.want) {
			t.Errorf("%v: exit %d, stdout %q, stderr %q; want exit 2, …%s…",
				test.arguments, code, stdout, stderr, test.want)
		}
	}
	code, stdout, stderr := fixturetest.Run(t, s.binary, "--help")
	if code != 0 || stdout != "" || !strings.Contains(stderr, "-nonce") {
		t.Errorf("--help: exit %d, stdout %q, stderr %q; want exit 0 and the flags on stderr", code, stdout, stderr)
	}
}

func (s *subject) testAddressInUse(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for _, flag := range []string{"--listen", "--pprof"} {
		code, stdout, stderr := fixturetest.Run(t, s.binary, s.args(flag, taken.Addr().String())...)
		want := flag + " " + taken.Addr().String() + ": another process"
		if code != fixture.ExitUnusable || stdout != "" || !strings.Contains(stderr, want) {
			t.Errorf("exit %d, stdout %q, stderr %q; want exit 3, …%s…", code, stdout, stderr, want)
		}
	}
}

func (s *subject) testMissingDataFile(t *testing.T) {
	s2 := *s
	s2.dataFile = filepath.Join(t.TempDir(), "missing.bin")
	code, stdout, stderr := fixturetest.Run(t, s.binary, s2.args()...)
	if code != fixture.ExitUnusable || stdout != "" || !strings.Contains(stderr, "--generate "+s2.dataFile) {
		t.Errorf("exit %d, stdout %q, stderr %q; want exit 3 and the command that makes the file", code, stdout, stderr)
	}
}

// ask sends n requests, one after the other, and checks the replies.
func (s *subject) ask(conn net.Conn, n int) error {
	reader := bufio.NewReader(conn)
	for i := range n {
		if _, err := conn.Write(s.protocol.request(i)); err != nil {
			return err
		}
		if err := s.protocol.checkReply(reader, i); err != nil {
			return fmt.Errorf("request %d of %d: %w", i+1, n, err)
		}
	}
	return nil
}

func dial(t *testing.T, p *fixturetest.Process) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", p.Ready.Address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil { // Turns a hang into a failure.
		t.Fatal(err)
	}
	return conn
}

func write(t *testing.T, conn net.Conn, bytes []byte) {
	t.Helper()
	if _, err := conn.Write(bytes); err != nil {
		t.Fatal(err)
	}
}

// waitUntilRefused waits until nothing listens on address: then the drain has begun.
func waitUntilRefused(t *testing.T, address string) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			return
		}
		conn.Close()
	}
	t.Fatalf("%s is still listened on", address)
}

func monotonicNs(t *testing.T) int64 {
	t.Helper()
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		t.Fatal(err)
	}
	return now.Nano()
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

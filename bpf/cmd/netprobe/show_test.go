package main

import (
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pollgate/bpf/internal/report"
	"pollgate/bpf/probes/syscalls"
)

// showFile runs `netprobe show` and makes sure of its form.
func showFile(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command(netprobePath, append([]string{"show"}, args...)...).Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			t.Fatalf("show %v: %v, %s", args, err, exit.Stderr)
		}
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
	if len(lines) > 60 {
		t.Errorf("%d lines, at most 60 are allowed", len(lines))
	}
	for _, line := range lines {
		if columns := utf8.RuneCountInString(line); columns > 100 || columns == 0 {
			t.Errorf("%d columns: %q", columns, line)
		}
	}
	return string(out)
}

func expectLines(t *testing.T, text string, patterns ...string) {
	t.Helper()
	for _, pattern := range patterns {
		if !regexp.MustCompile(`(?m)^` + pattern + `$`).MatchString(text) {
			t.Errorf("no line %s in\n%s", pattern, text)
		}
	}
}

func TestShowTellsWhatARunSaw(t *testing.T) {
	needPrivileges(t)
	w := startWorkload(t, workloadPath, "mixture")
	address := w.hear()
	o := observe(t, []string{"--set", "full"}, map[string]*process{"server": w})
	o.begin()
	// 4 connections with 100 requests each; the clients close 3 of them.
	for i := range 4 {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		for range 100 {
			askOnce(t, conn)
		}
		if i < 3 {
			closeBothWays(t, conn)
		}
	}
	w.say("go")
	w.expect("done")
	file := o.end()
	seen := file.Targets["server"]
	text := showFile(t, o.path)
	t.Log(text)

	var calls uint64
	for _, n := range seen.Syscalls {
		calls += n
	}
	// Where the CPUs are busy with other things, any call may take long.
	var slow uint64
	for _, c := range details[syscalls.Details](t, seen, "syscalls").SlowCalls {
		slow += c.Calls
	}
	if told := regexp.MustCompile(`(?m)^system calls: (\S+)`).FindStringSubmatch(text); told == nil ||
		parseFigure(t, told[1]) != float64(calls) {
		t.Errorf("tells of %q system calls, want %d", told, calls)
	}
	expectLines(t, text,
		fmt.Sprintf(`netprobe: window of %.3f s on Linux %s`, float64(file.Window.EndNs-file.Window.BeginNs)/1e9,
			regexp.QuoteMeta(file.Kernel)),
		fmt.Sprintf(`target server: process %d, %s`, seen.PID, regexp.QuoteMeta(*seen.GoVersion)),
		`  CPU time [0-9.]+ m?s, .* of one CPU; watching took at least .* of it \([0-9.]+ %\)`,
		`not available: 12 metrics`,
		`  uring.* and 10 more: .*io_uring.*`,
		`system calls: [0-9,]+ +per second +p50 +p99 +max`,
		`  write +[0-9.,]+( +[0-9.]+ (ns|µs|ms)){3}`,
		fmt.Sprintf(`slow calls, from 5 ms on: %d`, slow),
		`  2 × read \(pipe\): [0-9.]+ ms in all, up to [0-9.]+ ms: main.readSlowly`,
		`descriptors: .* open at the end; 0 older ones closed`,
		`  file +3 opened +0 closed +3 open`,
		`  accept +4 opened +3 closed +1 open`,
		`  open: 3 file, oldest .*, by main.open < main.forgetFile mixture.go:\d+`,
		`  open: 1 accept, oldest .*, by main.mixture.func1 mixture.go:\d+`,
		`TCP: 0 segments retransmitted, 0 of SYNs; resets: 0 sent, 0 received`,
		`  arrived: 4 established, 100 requests each, 1 open at the end; closed first: 3 there`,
		`  accept queue: up to \d+.*; wait p50 .*`,
		`netpoll: blocked for [0-9.]+ % of the window, in \d+ polls?; \d+ without waiting`,
		`  ready events a return: .*; loop alarms: \d+ of 1 ms or more`,
		`goroutines ready to running +count +p50 +p99 +max`,
		fmt.Sprintf(`  by the network +%d( +[0-9.]+ (ns|µs|ms)){3}`, seen.Histograms["wakeupNs"].Count),
		`goroutines: 11 births, 5 deaths, \d+ alive at the end; candidates for a leak: \d`,
		`  alive: .*5 in chan receive.*`,
		`  born and alive: 5 in chan receive.*, oldest .*, by main.forgetGoroutines mixture.go:\d+`,
		`on CPU: \d+ samples of 99 Hz \([0-9.]+ ms\), [0-9.]+ % in the kernel; machine [0-9.]+ % idle`,
		` +[0-9.]+ %  main.burnHere \(with what it calls [0-9.]+ %.*\)`,
	)
	row := regexp.MustCompile(`(?m)^  write +(\S+) +(\S+ \S+) +(\S+ \S+) +(\S+ \S+)$`).FindStringSubmatch(text)
	if row == nil {
		t.Fatal("no row of write")
	}
	h, window := seen.Histograms["syscallWriteNs"], float64(file.Window.EndNs-file.Window.BeginNs)/1e9
	for i, want := range []float64{float64(seen.Syscalls["write"]) / window, float64(h.Quantile(0.5)),
		float64(h.Quantile(0.99)), float64(h.Max)} {
		if got := parseFigure(t, row[i+1]); math.Abs(got-want) > want/100 {
			t.Errorf("column %d of write is %s, want %v", i+1, row[i+1], want)
		}
	}
	if anyCounted(seen.Lost) != strings.Contains(text, "EVENTS LOST") {
		t.Errorf("lost %v, and the text is\n%s", seen.Lost, text)
	}
}

// parseFigure reads a plain number, or a time as ns.
func parseFigure(t *testing.T, text string) float64 {
	t.Helper()
	plain := strings.ReplaceAll(strings.ReplaceAll(text, ",", ""), " ", "")
	if value, err := strconv.ParseFloat(plain, 64); err == nil {
		return value
	}
	value, err := time.ParseDuration(plain)
	if err != nil {
		t.Fatalf("%q is neither a number nor a time", text)
	}
	return float64(value)
}

// closeBothWays ends a connection and waits until the other end has done so too.
func closeBothWays(t *testing.T, conn net.Conn) {
	t.Helper()
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if n, err := io.Copy(io.Discard, conn); n != 0 || err != nil {
		t.Fatalf("%d bytes instead of the end: %v", n, err)
	}
}

func TestShowTellsWhatWasLost(t *testing.T) {
	needPrivileges(t)
	w := startWorkload(t, workloadPath, "flood")
	w.expect("ready")
	o := observe(t, []string{"--probes", "fdleak", "--map-entries", "500"}, map[string]*process{"it": w})
	o.begin()
	w.say("go")
	w.expect("done")
	seen := o.end().Targets["it"]
	text := showFile(t, o.path)
	expectLines(t, text, fmt.Sprintf(`  EVENTS LOST: %d fdMapFull.*`, seen.Lost["fdMapFull"]),
		`  probes not selected: .*netpoll oncpu request syscalls.*`,
		`  CPU time .*; what watching took is not known without the probe syscalls`)
	if strings.Contains(text, "system calls") || strings.Contains(text, "on CPU") {
		t.Errorf("tells of what was not watched:\n%s", text)
	}
}

// Several targets have a few lines each, and one of them all.
func TestShowOfSeveralTargets(t *testing.T) {
	needPrivileges(t)
	w := startWorkload(t, workloadPath, "calls")
	w.expect("ready")
	foreign := start(t, exec.Command("sleep", "1000"))
	o := observe(t, []string{"--set", "runtime"}, map[string]*process{"mine": w, "other": foreign})
	o.begin()
	w.say("go")
	w.expect("done")
	file := o.end()
	text := showFile(t, o.path)
	expectLines(t, text, `target mine: process \d+, go.*`, `target other: process \d+, not a Go program`,
		`descriptors: \d+ opened, .*`, `on CPU: .*`, `all of one target: netprobe show --target NAME FILE`)
	for name := range file.Targets {
		whole := showFile(t, "--target", name, o.path)
		expectLines(t, whole, `target `+name+`: .*`, `system calls: .*`)
	}
	reason := file.Targets["other"].Unavailable["goroutines"]
	whole := showFile(t, "--target", "other", o.path)
	if reason == "" || !strings.Contains(whole, reason[:min(40, len(reason))]) {
		t.Errorf("the reason %q is not told:\n%s", reason, whole)
	}
}

func TestShowRefusesWhatIsNoResult(t *testing.T) {
	folder := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	good := fmt.Sprintf(`{"schema":%d,"bucketScheme":"log-linear-32","targets":{"it":{"pid":1}}}`, report.Schema)
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{filepath.Join(folder, "none.json")}, "no such file"},
		{[]string{folder}, "is a directory"},
		{[]string{write("text", "begin\n")}, "is no JSON object"},
		{[]string{write("cut.json", good[:len(good)-9])}, "is no JSON object"},
		{[]string{write("list.json", "[1]")}, "expected a result file of `netprobe run`"},
		{[]string{write("other.json", `{"name":"pollgate","version":"1.0.0"}`)}, "JSON without a schema"},
		{[]string{write("later.json", strings.Replace(good, `:1,`, `:2,`, 1))}, "has schema 2, expected 1"},
		{[]string{write("scheme.json", strings.Replace(good, "linear", "log", 1))}, `scheme "log-log-32"`},
		{[]string{write("empty.json", strings.Replace(good, `"it":{"pid":1}`, "", 1))}, "has no targets"},
		{[]string{write("null.json", strings.Replace(good, `{"pid":1}`, "null", 1))}, "target it: is null"},
		{[]string{write("bucket.json", strings.Replace(good, `"pid":1`,
			`"histograms":{"readNs":{"count":1,"buckets":[[5000,1]]}}`, 1))}, "readNs has a bucket 5000"},
		{[]string{"--target", "me", write("good.json", good)}, `no target "me" in the file: there are it`},
		{nil, "show got 0 files, expected one"},
		{[]string{"a", "b"}, "show got 2 files, expected one"},
		{[]string{"--all", "a"}, "not defined: -all"},
	} {
		p := start(t, exec.Command(netprobePath, append([]string{"show"}, c.args...)...))
		if code := p.exit(); code != exitUsage || !strings.Contains(p.stderr.String(), c.want) {
			t.Errorf("show %v: exit code %d, %q; want %d and %q", c.args, code, &p.stderr, exitUsage, c.want)
		}
		if len(c.args) == 1 {
			expectOneLine(t, p.stderr.String())
		}
	}
	// What nothing is known of is left out.
	expectLines(t, showFile(t, filepath.Join(folder, "good.json")), `target it: process 1, not a Go program`)
}

func TestHelpHasEveryProbeAndCommand(t *testing.T) {
	for _, word := range []string{"help", "-h", "--help"} {
		out, err := exec.Command(netprobePath, word).Output()
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"netprobe run", "netprobe show", "netprobe check", "netprobe list", "netprobe help",
			"oncpu", "request", "exit codes: 0 done", "CAP_PERFMON", "--leak-age"} {
			if !strings.Contains(string(out), want) {
				t.Errorf("netprobe %s lacks %q:\n%s", word, want, out)
			}
		}
	}
}

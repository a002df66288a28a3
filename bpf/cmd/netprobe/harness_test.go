package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"pollgate/bpf/internal/caps"
	"pollgate/bpf/internal/report"
)

// Paths of the programs under test, built once by TestMain in a folder that every user can enter.
var netprobePath, workloadPath, strippedPath string

func TestMain(m *testing.M) {
	code, err := buildAndRun(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func buildAndRun(m *testing.M) (int, error) {
	dir, err := os.MkdirTemp("", "netprobe-test-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o755); err != nil {
		return 0, err
	}
	netprobePath = filepath.Join(dir, "netprobe")
	workloadPath = filepath.Join(dir, "workload")
	strippedPath = filepath.Join(dir, "stripped")
	for _, args := range [][]string{
		{"-o", netprobePath, "."},
		{"-o", workloadPath, "./testdata/workload"},
		{"-ldflags=-s -w", "-o", strippedPath, "./testdata/workload"},
	} {
		build := exec.Command("go", append([]string{"build", "-trimpath"}, args...)...)
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			return 0, fmt.Errorf("go build %v: %w\n%s", args, err, out)
		}
	}
	return m.Run(), nil
}

// needPrivileges skips where attaching is impossible from the start. Where capabilities and BTF
// are there, whatever fails afterwards is a failure.
func needPrivileges(t testing.TB) {
	t.Helper()
	held, err := caps.Effective()
	if err != nil {
		t.Fatal(err)
	}
	var missing *caps.MissingError
	if errors.As(held.Check(), &missing) {
		t.Skipf("missing: %s", strings.Join(missing.Names, ", "))
	}
	if _, err := os.Stat("/sys/kernel/btf/vmlinux"); err != nil {
		t.Skipf("kernel BTF is missing: %v", err)
	}
}

// process is a running program that is spoken to line by line.
type process struct {
	*exec.Cmd
	t      testing.TB
	in     io.WriteCloser
	out    io.Reader
	lines  *bufio.Scanner
	stderr bytes.Buffer
	waited bool
}

func start(t testing.TB, cmd *exec.Cmd) *process {
	t.Helper()
	p := &process{Cmd: cmd, t: t}
	var err error
	if p.in, err = cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.out = out
	p.lines = bufio.NewScanner(out)
	p.lines.Buffer(nil, 1<<20)
	cmd.Stderr = &p.stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if !p.waited {
			cmd.Process.Kill()
			cmd.Wait()
		}
	})
	return p
}

func startWorkload(t testing.TB, path string, args ...string) *process {
	t.Helper()
	cmd := exec.Command(path, args...)
	// With this set the runtime does not look for changes of the CPU limit, which takes a pread
	// once a second that no test expects.
	cmd.Env = append(os.Environ(), "GOMAXPROCS=2")
	return start(t, cmd)
}

func (p *process) say(line string) {
	p.t.Helper()
	if _, err := io.WriteString(p.in, line+"\n"); err != nil {
		p.t.Fatalf("say %q: %v; standard error: %s", line, err, &p.stderr)
	}
}

func (p *process) hear() string {
	p.t.Helper()
	if !p.lines.Scan() {
		p.t.Fatalf("%s ended its output; standard error: %s", p.Path, &p.stderr)
	}
	return p.lines.Text()
}

func (p *process) expect(line string) {
	p.t.Helper()
	if heard := p.hear(); heard != line {
		p.t.Fatalf("%s said %q, expected %q", p.Path, heard, line)
	}
}

// expectEvent reads one event of netprobe.
func (p *process) expectEvent(name string) map[string]any {
	p.t.Helper()
	var event map[string]any
	line := p.hear()
	if err := json.Unmarshal([]byte(line), &event); err != nil || event["event"] != name {
		p.t.Fatalf("netprobe said %q, expected event %q", line, name)
	}
	return event
}

// exit waits for the end and gives the exit code, -1 after a signal.
func (p *process) exit() int {
	p.t.Helper()
	for p.lines.Scan() {
	}
	p.waited = true
	p.Wait()
	return p.ProcessState.ExitCode()
}

func (p *process) signal(s syscall.Signal) {
	p.t.Helper()
	if err := p.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}

// observer is a netprobe that is attached and waits for `begin`.
type observer struct {
	*process
	path  string
	ready map[string]any
}

func observe(t testing.TB, args []string, targets map[string]*process) *observer {
	t.Helper()
	out := filepath.Join(t.TempDir(), "probe.json")
	if !slices.Contains(args, "--probes") && !slices.Contains(args, "--set") {
		args = append([]string{"--set", "full"}, args...)
	}
	args = append([]string{"run", "--out", out}, args...)
	for name, p := range targets {
		args = append(args, "--target", fmt.Sprintf("%s=%d", name, p.Process.Pid))
	}
	o := &observer{process: start(t, exec.Command(netprobePath, args...)), path: out}
	o.ready = o.expectEvent("ready")
	return o
}

func (o *observer) begin() {
	o.t.Helper()
	o.say("begin")
	o.expectEvent("begun")
}

// end closes the window, waits for netprobe to end, and reads what it wrote.
func (o *observer) end() *report.File {
	o.t.Helper()
	return o.endAfter("alarm") // of a full completion queue
}

// endAfter is end for a netprobe that may tell of some further events until it hears of it.
func (o *observer) endAfter(further string) *report.File {
	o.t.Helper()
	o.say("end")
	for line := o.hear(); !strings.Contains(line, `"ended"`); line = o.hear() {
		if !strings.Contains(line, `"`+further+`"`) {
			o.t.Fatalf("netprobe said %q", line)
		}
	}
	return o.result()
}

// result waits for netprobe to end, and reads what it wrote.
func (o *observer) result() *report.File {
	o.t.Helper()
	if code := o.exit(); code != 0 {
		o.t.Fatalf("exit code %d; standard error: %s", code, &o.stderr)
	}
	data, err := os.ReadFile(o.path)
	if err != nil {
		o.t.Fatal(err)
	}
	var file report.File
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&file); err != nil {
		o.t.Fatal(err)
	}
	return &file
}

// observeWork runs one workload inside one window and returns what was seen of it.
func observeWork(t testing.TB, path, work string, args ...string) *report.Target {
	t.Helper()
	w := startWorkload(t, path, work)
	first := w.hear()
	if strings.HasPrefix(first, "refused") {
		t.Skipf("this machine lacks what the workload needs: %s", first)
	}
	o := observe(t, args, map[string]*process{"it": w})
	o.begin()
	w.say("go")
	w.expect("done")
	return o.end().Targets["it"]
}

// anyCounted tells whether one of the counts is not zero.
func anyCounted(counts map[string]uint64) bool {
	for _, n := range counts {
		if n > 0 {
			return true
		}
	}
	return false
}

// details decodes what a probe told in a form of its own.
func details[T any](t testing.TB, seen *report.Target, probe string) T {
	t.Helper()
	var decoded T
	decoder := json.NewDecoder(bytes.NewReader(seen.Details[probe]))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&decoded); err != nil {
		t.Fatalf("details of %s: %v in %s", probe, err, seen.Details[probe])
	}
	return decoded
}

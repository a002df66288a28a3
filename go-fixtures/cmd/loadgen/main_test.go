package main

import (
	"bufio"
	"bytes"
	"flag"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"pollgate/go-fixtures/internal/loadgen/testserver"
)

// The test binary itself is the program under test when this is set.
const asProgram = "POLLGATE_TEST_AS_LOADGEN"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
	}
	// The parallel tests wait for programs most of their time.
	flag.Parse()
	if err := flag.Set("test.parallel", "12"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// program is a running loadgen.
type program struct {
	command *exec.Cmd
	control io.WriteCloser
	events  *bufio.Scanner
	stderr  bytes.Buffer
}

func launch(t *testing.T, arguments ...string) *program {
	t.Helper()
	return launchUnder(t, nil, arguments...)
}

// launchUnder starts the program through another one, such as prlimit.
func launchUnder(t *testing.T, wrapper []string, arguments ...string) *program {
	t.Helper()
	line := slices.Concat(wrapper, []string{os.Args[0]}, arguments)
	p := &program{command: exec.Command(line[0], line[1:]...)}
	p.command.Env = append(os.Environ(), asProgram+"=1")
	p.command.Stderr = &p.stderr
	control, err := p.command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	output, err := p.command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.control, p.events = control, bufio.NewScanner(output)
	if err := p.command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.command.Process.Kill() // fails when it has ended, as it should
		p.command.Wait()
	})
	return p
}

// waitFor reads events until one of a kind.
func (p *program) waitFor(t *testing.T, event string) {
	t.Helper()
	for p.events.Scan() {
		if strings.HasPrefix(p.events.Text(), `{"event":"`+event+`"`) {
			return
		}
	}
	p.command.Wait()
	t.Fatalf("the output ended before %s: %s", event, p.stderr.String())
}

func (p *program) next(t *testing.T) {
	t.Helper()
	if _, err := io.WriteString(p.control, "next\n"); err != nil {
		t.Fatal(err)
	}
}

func (p *program) expectExit(t *testing.T, code int, message string) {
	t.Helper()
	for p.events.Scan() {
	}
	p.command.Wait() // a code other than 0 is an error, and checked here
	if got := p.command.ProcessState.ExitCode(); got != code || !strings.Contains(p.stderr.String(), message) {
		t.Errorf("exit code %d with %q, want %d with …%s…", got, p.stderr.String(), code, message)
	}
}

// specFile writes a spec for one block server with a phase of 50 ms and one of
// ten minutes.
func specFile(t *testing.T, address netip.AddrPort, cpus ...int) string {
	t.Helper()
	setting := ""
	if len(cpus) > 0 {
		setting = fmt.Sprintf(`,"cpus":[%d]`, cpus[0])
	}
	path := filepath.Join(t.TempDir(), "spec.json")
	text := fmt.Sprintf(`{"schema":2,"protocol":"block-4k","arms":[{"name":"a","address":"%s"}],"connectionsPerArm":2,
		"ratePerSec":500,"seed":"1","block":{"pages":10}%s,
		"phases":[{"name":"short","durationMs":50},{"name":"long","durationMs":600000}]}`, address, setting)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestUsageErrors(t *testing.T) {
	spec := specFile(t, netip.MustParseAddrPort("127.0.0.1:1"))
	bad := filepath.Join(t.TempDir(), "bad.json")
	if err := os.WriteFile(bad, []byte(`{"schema":3}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		arguments []string
		message   string
	}{
		{nil, "want --out FOLDER and either"},
		{[]string{"--spec", spec}, "want --out FOLDER and either"},
		{[]string{"--spec", spec, "--out", t.TempDir(), "more"}, "and no other words"},
		{[]string{"--speed", "5"}, "flag provided but not defined: -speed"},
		{[]string{"--spec", spec + "x", "--out", t.TempDir()}, "no such file"},
		{[]string{"--spec", bad, "--out", t.TempDir()}, "$.schema: saw 3, allowed: integer 2"},
		{[]string{"--spec", specFile(t, netip.MustParseAddrPort("127.0.0.1:1"), 1023), "--out", t.TempDir()}, "$.cpus: saw [1023]"},
	} {
		launch(t, test.arguments...).expectExit(t, exitUsage, test.message)
	}
}

func TestUnreachableServer(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := testserver.Address(listener)
	listener.Close()
	p := launch(t, "--spec", specFile(t, address), "--out", t.TempDir())
	p.expectExit(t, exitUnreachable, address.String()+"): connection refused")
}

func TestSignalsAndTheEndOfInputStopAPhase(t *testing.T) {
	address := testserver.Serve(t, testserver.Blocks)
	for name, stop := range map[string]func(*program) error{
		"SIGTERM":      func(p *program) error { return p.command.Process.Signal(syscall.SIGTERM) },
		"SIGINT":       func(p *program) error { return p.command.Process.Signal(syscall.SIGINT) },
		"end of input": func(p *program) error { return p.control.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			folder := filepath.Join(t.TempDir(), "with a space")
			p := launch(t, "--spec", specFile(t, address), "--out", folder)
			p.waitFor(t, "connected")
			p.next(t)
			p.waitFor(t, "phase-end")
			p.next(t)
			p.waitFor(t, "phase-start")
			if err := stop(p); err != nil {
				t.Fatal(err)
			}
			p.expectExit(t, exitStopped, "stopped")
			text, err := os.ReadFile(filepath.Join(folder, "load.json"))
			if err != nil || !strings.Contains(string(text), `"interrupted": true`) || !strings.Contains(string(text), `"short"`) {
				t.Errorf("load.json (%v) does not hold the phase that had ended", err)
			}
		})
	}
}

func TestAllThreadsRunOnTheCPUOfTheSpec(t *testing.T) {
	var allowed unix.CPUSet
	if err := unix.SchedGetaffinity(0, &allowed); err != nil {
		t.Fatal(err)
	}
	cpu := 0
	for !allowed.IsSet(cpu) {
		cpu++
	}
	p := launch(t, "--spec", specFile(t, testserver.Serve(t, testserver.Blocks), cpu), "--out", t.TempDir())
	p.waitFor(t, "connected")
	p.next(t)
	p.waitFor(t, "phase-start")
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", p.command.Process.Pid))
	if err != nil || len(threads) < 2 {
		t.Fatalf("threads: %v, %v", threads, err)
	}
	for _, thread := range threads {
		text, err := os.ReadFile(thread)
		if err == nil && !strings.Contains(string(text), fmt.Sprintf("\nCpus_allowed_list:\t%d\n", cpu)) {
			t.Errorf("%s is not pinned to CPU %d alone", thread, cpu)
		}
	}
	p.control.Close()
	p.expectExit(t, exitStopped, "control input ended")
}

func TestZerosAndOddNumbersAreNamed(t *testing.T) {
	for flag, message := range map[string]string{
		"--rate=0":          "--rate: saw 0",
		"--rate=NaN":        "--rate: saw NaN",
		"--rate=-Inf":       "--rate: saw -Inf",
		"--slo-p99=0":       "--slo-p99: saw 0s",
		"--warm-up=-1s":     "--warm-up: saw -1s",
		"--duration=0":      "--duration: saw 0s",
		"--connections=abc": "invalid value",
	} {
		launch(t, "--url", "http://127.0.0.1:1/", "--out", t.TempDir(), flag).expectExit(t, exitUsage, message)
	}
}

func TestATableThatCannotBePrintedIsAnError(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skipf("/dev/full: %v", err)
	}
	if info, err := full.Stat(); err != nil || info.Mode()&os.ModeCharDevice == 0 {
		t.Skip("/dev/full is not the device of that name")
	}
	defer full.Close()
	folder := t.TempDir()
	command := exec.Command(os.Args[0], "--spec", shortSpec(t, testserver.Serve(t, testserver.Blocks)), "--out", folder, "--unattended")
	command.Env = append(os.Environ(), asProgram+"=1")
	command.Stdout = full
	stderr, err := command.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	text, _ := io.ReadAll(stderr)
	_ = command.Wait()
	if command.ProcessState.ExitCode() != exitFailed || !strings.Contains(string(text), "no space left") {
		t.Errorf("exit code %d with %q", command.ProcessState.ExitCode(), text)
	}
	if _, err := os.Stat(filepath.Join(folder, "load.json")); err != nil {
		t.Error(err)
	}
}

// shortSpec is one phase of 50 ms.
func shortSpec(t *testing.T, address netip.AddrPort) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "short.json")
	text := fmt.Sprintf(`{"schema":2,"protocol":"block-4k","arms":[{"name":"a","address":"%s"}],"connectionsPerArm":2,
		"ratePerSec":500,"seed":"1","block":{"pages":10},"phases":[{"name":"short","durationMs":50}]}`, address)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// patience bounds every wait: it turns a hang into a failure, and measures nothing.
const patience = 30 * time.Second

// The test binary itself is the program under test when this is set.
const asProgram = "POLLGATE_TEST_AS_TRUTHD"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
	}
	os.Exit(m.Run())
}

// daemon is a running truthd.
type daemon struct {
	readyLine
	command *exec.Cmd
	stdout  *bufio.Reader
	stderr  bytes.Buffer
}

func program(arguments ...string) *exec.Cmd {
	command := exec.Command(os.Args[0], arguments...)
	command.Env = append(os.Environ(), asProgram+"=1")
	return command
}

// start starts a truthd that does not spin, unless the arguments say so: the tests share few cores.
func start(t *testing.T, arguments ...string) *daemon {
	t.Helper()
	d := &daemon{command: program(append([]string{"--wait", "sleep"}, arguments...)...)}
	d.command.Stderr = &d.stderr
	output, err := d.command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := d.command.Start(); err != nil {
		t.Fatal(err)
	}
	kill := func() { _ = d.command.Process.Kill() } // fails when it has ended, as it should
	watchdog := time.AfterFunc(patience, kill)
	t.Cleanup(func() {
		watchdog.Stop()
		kill()
		_ = d.command.Wait()
	})
	d.stdout = bufio.NewReader(output)
	line, err := d.stdout.ReadString('\n')
	if err == nil {
		err = json.Unmarshal([]byte(line), &d.readyLine)
	}
	if err != nil {
		t.Fatalf("ready line %q: %v; stderr: %s", line, err, &d.stderr)
	}
	return d
}

// end sends a signal and returns the exit code.
func (d *daemon) end(t *testing.T, signal os.Signal) int {
	t.Helper()
	if err := d.command.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
	return d.wait(t)
}

func (d *daemon) wait(t *testing.T) int {
	t.Helper()
	if rest, err := io.ReadAll(d.stdout); err != nil || len(rest) > 0 {
		t.Errorf("after the ready line: %q, %v; want nothing", rest, err)
	}
	_ = d.command.Wait() // ProcessState has the result
	return d.command.ProcessState.ExitCode()
}

func (d *daemon) dial(t *testing.T) *net.TCPConn {
	t.Helper()
	conn, err := net.Dial("tcp", d.Address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return conn.(*net.TCPConn)
}

func TestReadyLineAndEndBySignal(t *testing.T) {
	for _, test := range []struct {
		signal    os.Signal
		arguments []string
	}{
		{syscall.SIGTERM, nil},
		{syscall.SIGINT, []string{"--protocol", "http1"}},
		{syscall.SIGTERM, []string{"--wait", "spin"}},
	} {
		d := start(t, test.arguments...)
		protocol := "truth"
		if len(test.arguments) == 2 && test.arguments[0] == "--protocol" {
			protocol = "http1"
		}
		if d.PID != d.command.Process.Pid || d.Protocol != protocol {
			t.Errorf("ready line %+v, want pid %d and protocol %s", d.readyLine, d.command.Process.Pid, protocol)
		}
		d.dial(t)
		if code := d.end(t, test.signal); code != 0 || d.stderr.Len() > 0 {
			t.Errorf("%v %v: exit code %d, stderr %q; want 0 and nothing", test.signal, test.arguments, code, &d.stderr)
		}
	}
}

func TestRunsOnTheCPUThatItIsGiven(t *testing.T) {
	d := start(t, "--cpu", "0")
	status, err := os.ReadFile("/proc/" + itoa(d.PID) + "/status")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(status), "\nCpus_allowed_list:\t0\n") {
		t.Errorf("may run elsewhere than on CPU 0:\n%s", status)
	}
}

func TestUsageErrors(t *testing.T) {
	for _, test := range []struct {
		code      int
		arguments string
		want      string
	}{
		{exitUsage, "--no-such-flag", "no-such-flag"},
		{exitUsage, "extra", `unexpected argument "extra"`},
		{exitUsage, "--listen localhost:0", `--listen "localhost:0" is not an IP address with a port`},
		{exitUsage, "--protocol http2", `--protocol "http2": want truth or http1`},
		{exitUsage, "--wait often", `--wait "often": want spin or sleep`},
		{exitUsage, "--cpu -2", "--cpu -2: want the number of a CPU"},
		{exitUnusable, "--cpu 1023", "--cpu 1023: invalid argument; want a CPU that this process may use"},
		{exitUsage, "--protocol http1 --service slow", `--service "slow": want fixed:50us`},
		{exitUsage, "--protocol http1 --service fixed:2h", "times of 0 to 1m0s"},
		{exitUsage, "--protocol http1 --seed x", "-seed"},
		{exitUsage, "--service fixed:1ms", "--service is for --protocol http1"},
		{exitUsage, "--protocol http1 --stall 1s", `--stall "1s": want at:1s,for:1s`},
		{exitUsage, "--stall at:1s,for:1s", "--stall is for --protocol http1"},
		{exitUsage, "--seed 7", "--seed is for --protocol http1"},
		{exitUnusable, "--log /no/such/folder/log.csv", "--log: open /no/such/folder/log.csv"},
	} {
		command := program(strings.Fields(test.arguments)...)
		var stderr bytes.Buffer
		command.Stderr = &stderr
		stdout, _ := command.Output() // ProcessState has the result
		if code := command.ProcessState.ExitCode(); code != test.code || len(stdout) > 0 || !strings.Contains(stderr.String(), test.want) {
			t.Errorf("%s: exit code %d, stdout %q, stderr %q; want %d, …%s…", test.arguments, code, stdout, &stderr, test.code, test.want)
		}
	}
}

func TestAddressInUse(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	command := program("--listen", taken.Addr().String())
	var stderr bytes.Buffer
	command.Stderr = &stderr
	_ = command.Run()
	if code := command.ProcessState.ExitCode(); code != exitUnusable || !strings.Contains(stderr.String(), "another process listens there") {
		t.Errorf("exit code %d, stderr %q; want %d and who is in the way", code, &stderr, exitUnusable)
	}
}

func TestHelp(t *testing.T) {
	output, err := program("--help").CombinedOutput()
	if err != nil || !strings.Contains(string(output), "-protocol") {
		t.Errorf("%v, %q; want exit code 0 and the flags", err, output)
	}
}

func TestParseService(t *testing.T) {
	for _, wrong := range []string{"", "fixed", "fixed:", "fixed:5", "fixed:1ms,2ms", "fixed:-1ms", "exp:", "exp:1ms,1ms",
		"bimodal:1ms,2ms", "bimodal:1ms,2ms,1.5", "bimodal:1ms,2ms,-1", "bimodal:1ms,2ms,NaN", "bimodal:1ms,61s,0.5"} {
		if s, err := parseService(wrong); err == nil {
			t.Errorf("%q is taken for %+v", wrong, s)
		}
	}
	for text, want := range map[string][3]int64{ // quantiles 0, 1/2 and 1
		"fixed:0":                {0, 0, 0},
		"fixed:50us":             {50_000, 50_000, 50_000},
		"exp:200us":              {0, 138_629, 4_574_771},
		"bimodal:100us,10ms,0.5": {100_000, 10_000_000, 10_000_000},
	} {
		s, err := parseService(text)
		if got := [3]int64{s.At(0), s.At(1 << 31), s.At(1<<32 - 1)}; err != nil || got != want {
			t.Errorf("%q: %v, %v; want %v", text, got, err, want)
		}
	}
}

func TestLog(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log.csv")
	d := start(t, "--log", path)
	first, second := d.dial(t), d.dial(t)
	exchange(t, first, 1000, 1)
	a := exchange(t, second, 1000, 2)
	b := exchange(t, first, 1000, 3)
	if code := d.end(t, syscall.SIGTERM); code != 0 {
		t.Fatalf("exit code %d, stderr %s", code, &d.stderr)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	want := []string{
		"2," + itoa(a.BeganNs) + "," + itoa(a.WroteNs) + "," + itoa(b.PreviousFreedNs),
		"1," + itoa(b.BeganNs) + "," + itoa(b.WroteNs) + ",",
	}
	if len(lines) != 4 || lines[0] != "connection,beganNs,wroteNs,freedNs" || !strings.HasPrefix(lines[1], "1,") ||
		lines[2] != want[0] || !strings.HasPrefix(lines[3], want[1]) {
		t.Errorf("log is\n%s\nwant the header and three requests, the last two\n%s…", text, strings.Join(want, "\n"))
	}
}

// Package fixturetest builds and starts fixtures for tests, and talks to them as the harness does.
package fixturetest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"pollgate/go-fixtures/internal/fixture"
)

// patience bounds every wait for a process. Nothing is measured with it: it turns a hang into a
// failure.
const patience = 30 * time.Second

// Main is for the TestMain of a fixture: it builds the fixture in the current folder once for all
// tests, stores the path of the binary, runs the tests, and ends the process.
func Main(m *testing.M, binary *string) {
	os.Exit(buildAndRun(m, binary))
}

func buildAndRun(m *testing.M, binary *string) (code int) {
	folder, err := os.MkdirTemp("", "fixture-test-")
	if err == nil {
		defer os.RemoveAll(folder)
		// /proc shows a process's files by the path without symbolic links.
		folder, err = filepath.EvalSymlinks(folder)
	}
	if err == nil {
		*binary = filepath.Join(folder, "fixture")
		_, err = goCommand("build", "-trimpath", "-o", *binary, ".")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// Build builds the packages as the harness does, with further flags of `go build` before them, and
// returns the folder of the binaries.
func Build(t testing.TB, arguments ...string) string {
	t.Helper()
	folder := t.TempDir()
	Go(t, append([]string{"build", "-trimpath", "-o", folder + string(filepath.Separator)}, arguments...)...)
	return folder
}

// Go runs the go command with the environment that the harness builds in, and returns its stdout.
func Go(t testing.TB, arguments ...string) string {
	t.Helper()
	stdout, err := goCommand(arguments...)
	if err != nil {
		t.Fatal(err)
	}
	return stdout
}

func goCommand(arguments ...string) (stdout string, err error) {
	command := exec.Command("go", arguments...)
	command.Env = append(os.Environ(),
		"GOENV=off", "GOFLAGS=-mod=readonly", "GOWORK=off", "CGO_ENABLED=0", "GOTOOLCHAIN=local")
	var stderr bytes.Buffer
	command.Stderr = &stderr
	output, err := command.Output()
	if err != nil {
		return "", fmt.Errorf("go %s: %w\n%s", strings.Join(arguments, " "), err, stderr.String())
	}
	return string(output), nil
}

// Process is a started fixture.
type Process struct {
	Ready fixture.Ready
	// ReadyLine is the line as it was printed.
	ReadyLine string

	command *exec.Cmd
	stderr  *bytes.Buffer
	// afterReady is what it printed on stdout after the ready line.
	afterReady []byte
	exited     chan struct{}
}

// Start starts the fixture and reads its ready line. The test kills it when it ends.
func Start(t testing.TB, binary string, arguments ...string) *Process {
	t.Helper()
	p := &Process{command: exec.Command(binary, arguments...), stderr: &bytes.Buffer{}, exited: make(chan struct{})}
	p.command.Stderr = p.stderr
	stdout, err := p.command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.command.Start(); err != nil {
		t.Fatal(err)
	}
	firstLine := make(chan string, 1)
	go func() {
		reader := bufio.NewReader(stdout)
		line, _ := reader.ReadString('\n') // An end without a line is the empty line.
		firstLine <- line
		p.afterReady, _ = io.ReadAll(reader)
		_ = p.command.Wait() // ProcessState has the result.
		close(p.exited)
	}()
	t.Cleanup(func() {
		_ = p.command.Process.Kill() // Fails only if it has ended.
		<-p.exited
	})
	select {
	case p.ReadyLine = <-firstLine:
	case <-time.After(patience):
		t.Fatalf("%s printed no ready line within %v", binary, patience)
	}
	decoder := json.NewDecoder(strings.NewReader(p.ReadyLine))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&p.Ready); err != nil {
		_ = p.command.Process.Kill()
		<-p.exited
		t.Fatalf("ready line %q: %v; stderr: %s", p.ReadyLine, err, p.stderr)
	}
	return p
}

// PID is the process id that the kernel gave, not the one that the process claims.
func (p *Process) PID() int { return p.command.Process.Pid }

// Signal sends a signal.
func (p *Process) Signal(t testing.TB, signal syscall.Signal) {
	t.Helper()
	if err := p.command.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
}

// Wait waits for the end of the process and returns its exit code, -1 for death by a signal, and
// what it printed on stdout after the ready line and on stderr.
func (p *Process) Wait(t testing.TB) (code int, stdout, stderr string) {
	t.Helper()
	select {
	case <-p.exited:
	case <-time.After(patience):
		t.Fatalf("process %d did not end within %v", p.PID(), patience)
	}
	return p.command.ProcessState.ExitCode(), string(p.afterReady), p.stderr.String()
}

// Counters reads the counters.
func (p *Process) Counters(t testing.TB) fixture.Counters {
	t.Helper()
	var counters fixture.Counters
	decoder := json.NewDecoder(bytes.NewReader(Get(t, p.Ready.CountersURL)))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&counters); err != nil {
		t.Fatalf("%s: %v", p.Ready.CountersURL, err)
	}
	return counters
}

// Get returns the body of a page that must be there.
func Get(t testing.TB, url string) []byte {
	t.Helper()
	client := http.Client{Timeout: patience}
	response, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("status %s: %s", response.Status, body)
	}
	if err != nil {
		t.Fatalf("GET %s: %v", url, err)
	}
	return body
}

// Run runs a command that must end by itself, and returns its exit code and output.
func Run(t testing.TB, binary string, arguments ...string) (code int, stdout, stderr string) {
	t.Helper()
	command := exec.Command(binary, arguments...)
	var out, problems bytes.Buffer
	command.Stdout, command.Stderr = &out, &problems
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	timer := time.AfterFunc(patience, func() { _ = command.Process.Kill() })
	defer timer.Stop()
	var exit *exec.ExitError
	if err := command.Wait(); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return command.ProcessState.ExitCode(), out.String(), problems.String()
}

// Descriptors returns what the open descriptors of a process point at.
func Descriptors(t testing.TB, pid int) []string {
	t.Helper()
	folder := fmt.Sprintf("/proc/%d/fd", pid)
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	targets := make([]string, 0, len(entries))
	for _, entry := range entries {
		target, err := os.Readlink(filepath.Join(folder, entry.Name()))
		if errors.Is(err, os.ErrNotExist) {
			continue // Closed since the folder was read.
		}
		if err != nil {
			t.Fatal(err)
		}
		targets = append(targets, target)
	}
	return targets
}

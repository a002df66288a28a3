package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// cost runs a shell script and returns what it cost and what it wrote.
func cost(t *testing.T, script string, flags ...string) (c Cost, stdout, stderr string) {
	t.Helper()
	dir := t.TempDir()
	out, err := filepath.Join(dir, "out"), filepath.Join(dir, "err")
	var printed, said bytes.Buffer
	arguments := append([]string{"--stdout", out, "--stderr", err}, flags...)
	arguments = append(arguments, "--", "sh", "-c", script)
	if code := run(arguments, &printed, &said); code != 0 {
		t.Fatalf("exit code %d: %s", code, &said)
	}
	if e := json.Unmarshal(printed.Bytes(), &c); e != nil {
		t.Fatal(e)
	}
	return c, read(t, out), read(t, err)
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestOutputAndExitCode(t *testing.T) {
	c, stdout, stderr := cost(t, "echo said; echo complained >&2; exit 7")
	if c.ExitCode != 7 || c.Signal != 0 || stdout != "said\n" || stderr != "complained\n" {
		t.Errorf("got %+v, %q, %q", c, stdout, stderr)
	}
	if c.MaxRSSBytes < 100_000 {
		t.Errorf("a shell in %d bytes", c.MaxRSSBytes)
	}
}

func TestKilledCommandHasItsSignal(t *testing.T) {
	if c, _, _ := cost(t, "kill -TERM $$"); c.ExitCode != -1 || c.Signal != 15 || c.OverMemory {
		t.Errorf("got %+v", c)
	}
}

// The shell's own counter and ours are of the same kernel; a child of the command counts too.
func TestCPUTimeCountsChildren(t *testing.T) {
	c, _, _ := cost(t, "(i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done); true")
	if c.UserNs+c.SystemNs < 10_000_000 {
		t.Errorf("200,000 turns of a shell in %d ns", c.UserNs+c.SystemNs)
	}
}

func TestMemoryLimitKills(t *testing.T) {
	// It never ends by itself, so that the test does when the limit works.
	c, _, _ := cost(t, "while true; do x=$x$x.; done", "--max-rss", "20000000")
	if !c.OverMemory || c.Signal != 9 || c.MaxRSSBytes < 20_000_000 {
		t.Errorf("got %+v", c)
	}
}

func TestCommandMayOpenAllFiles(t *testing.T) {
	_, stdout, _ := cost(t, "ulimit -Sn; ulimit -Hn")
	if limits := strings.Fields(stdout); len(limits) != 2 || limits[0] != limits[1] {
		t.Errorf("soft and hard limit are %q", stdout)
	}
}

func TestWrongUse(t *testing.T) {
	for _, c := range []struct {
		arguments []string
		code      int
		said      string
	}{
		{nil, 2, "want --stdout FILE"},
		{[]string{"--stdout", "x", "--stderr", "y"}, 2, "and a command"},
		{[]string{"--max-rss", "much"}, 2, "invalid value"},
		{[]string{"--stdout", "/dev/null", "--stderr", "/dev/null", "no-such-command"}, 1, "no-such-command"},
		{[]string{"--stdout", "/no/such/dir", "--stderr", "/dev/null", "true"}, 1, "/no/such/dir"},
	} {
		var stdout, stderr bytes.Buffer
		if code := run(c.arguments, &stdout, &stderr); code != c.code || !strings.Contains(stderr.String(), c.said) {
			t.Errorf("%q: exit code %d, %q", c.arguments, code, &stderr)
		}
	}
}

package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/HdrHistogram/hdrhistogram-go"

	"pollgate/go-fixtures/internal/loadgen/hlog"
)

// write makes a log with the given number of values of 1 ms, and an empty tag.
func write(t *testing.T, path string, values int64) {
	t.Helper()
	full, empty := hdrhistogram.New(1, 60_000_000_000, 3), hdrhistogram.New(1, 60_000_000_000, 3)
	if err := full.RecordValues(1_000_000, values); err != nil {
		t.Fatal(err)
	}
	log := hlog.Log{StartedMs: 1_790_000_000_000, Intervals: []hlog.Interval{
		{Tag: "a.run.latency", EndMs: 1000, Histogram: full},
		{Tag: "b.run.latency", EndMs: 1000, Histogram: empty},
		{Tag: "../a.run.sendLag", EndMs: 1000, Histogram: full},
	}}
	var b bytes.Buffer
	if err := log.Write(&b); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
}

func names(t *testing.T, folder string) string {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return strings.Join(names, " ")
}

func call(arguments ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	code = run(arguments, &out, &errs)
	return code, out.String(), errs.String()
}

func TestPercentilesOfTwoFiles(t *testing.T) {
	folder := t.TempDir()
	one, two := filepath.Join(folder, "1.hlog"), filepath.Join(folder, "2.hlog")
	write(t, one, 30)
	write(t, two, 12)
	out := filepath.Join(folder, "made", "by percentiles")
	code, stdout, stderr := call("percentiles", "--out", out, one, two)
	if code != 0 || stderr != "" {
		t.Fatalf("exit %d, %s", code, stderr)
	}
	if got, want := names(t, out), "..%2Fa.run.sendLag.hgrm a.run.latency.hgrm"; got != want {
		t.Errorf("the folder holds %q, want %q: no file for no values, none outside", got, want)
	}
	lines := strings.Split(stdout, "\n")
	if got, want := strings.Fields(lines[1]), []string{"a.run.latency", "42", "1000.4", "1000.4", "1000.4", "1000.4", "1000.4"}; strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("got %q, want %q", got, want)
	}
	if !strings.Contains(lines[2], "–") {
		t.Errorf("%q: a percentile of nothing", lines[2])
	}
	text, err := os.ReadFile(filepath.Join(out, "a.run.latency.hgrm"))
	if err != nil || !strings.Contains(string(text), "Total count    =           42]") {
		t.Errorf("%v: got\n%s", err, text)
	}
	other := filepath.Join(folder, "one tag")
	if code, stdout, _ := call("percentiles", "--tag", "a.*", "--out", other, one); code != 0 || strings.Contains(stdout, "b.run") || names(t, other) != "a.run.latency.hgrm" {
		t.Errorf("--tag: exit %d, %s, files %s", code, stdout, names(t, other))
	}
}

func TestMergeIntoOneFile(t *testing.T) {
	folder := t.TempDir()
	one, two, out := filepath.Join(folder, "1.hlog"), filepath.Join(folder, "2.hlog"), filepath.Join(folder, "all.hlog")
	write(t, one, 30)
	write(t, two, 12)
	if code, _, stderr := call("merge", "--out", out, one, two); code != 0 {
		t.Fatalf("exit %d, %s", code, stderr)
	}
	log, err := hlog.Read(out)
	if err != nil || len(log.Intervals) != 3 || log.Intervals[0].TotalCount() != 42 {
		t.Errorf("%v: got %+v", err, log)
	}
	if got := names(t, folder); got != "1.hlog 2.hlog all.hlog" {
		t.Errorf("the folder holds %s", got)
	}
}

func TestWrongUseAndBadInput(t *testing.T) {
	folder := t.TempDir()
	good, bad := filepath.Join(folder, "good.hlog"), filepath.Join(folder, "bad.hlog")
	write(t, good, 1)
	text, _ := os.ReadFile(good)
	if err := os.WriteFile(bad, text[:len(text)-5], 0o666); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(folder, "out")
	for _, test := range []struct {
		arguments string
		code      int
		want      string
	}{
		{"", 2, "want a command"},
		{"split", 2, `saw the command "split"`},
		{"merge " + good, 2, "--out"},
		{"merge --out " + out, 2, "at least one log"},
		{"merge --tag x --out " + out + " " + good, 2, "-tag"},
		{"percentiles --tag [ --out " + out + " " + good, 2, "no pattern"},
		{"percentiles --tag none --out " + out + "/sub " + good, 1, `no tag matches "none"`},
		{"merge --out " + out + " " + good + " " + bad, 1, bad + ": line 7 is cut short"},
		{"merge --out " + out + " " + folder + "/none.hlog", 1, "no such file"},
		{"merge --out " + folder + "/none/out " + good, 1, "no such file"},
	} {
		code, stdout, stderr := call(strings.Fields(test.arguments)...)
		if code != test.code || stdout != "" || !strings.Contains(stderr, test.want) {
			t.Errorf("hlog %s: exit %d, stdout %q, stderr %q; want exit %d, …%s…", test.arguments, code, stdout, stderr, test.code, test.want)
		}
	}
	if _, err := os.Stat(out + "/none"); err == nil || strings.Contains(names(t, folder), ".out.") {
		t.Errorf("something was left behind: %s", names(t, folder))
	}
}

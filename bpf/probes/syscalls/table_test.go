package syscalls

import (
	"os"
	"regexp"
	"slices"
	"testing"

	"pollgate/bpf/internal/sysnum"
)

// rowsInC is ROWS in syscalls.bpf.c.
const rowsInC = 32

func TestTableFitsTheProgram(t *testing.T) {
	if len(rows) != rowsInC {
		t.Errorf("%d rows, the program has %d", len(rows), rowsInC)
	}
	for i, call := range []string{"futex", "futexWait", "io_uring_enter", "io_uring_enterWait", "accept4", "nanosleep"} {
		if rows[i].call != call {
			t.Errorf("row %d is %s, `enum row` says %s", i, rows[i].call, call)
		}
	}
	metrics := map[string]bool{}
	for _, m := range Probe.Manifest.Metrics {
		metrics[m.Name] = true
	}
	for _, row := range rows {
		if !metrics[row.metric] {
			t.Errorf("metric %s is not in probe.json", row.metric)
		}
		if row.family != "" && !slices.Contains(families, row.family) {
			t.Errorf("row %s: family %q", row.call, row.family)
		}
	}
}

func TestEveryNumberHasItsRow(t *testing.T) {
	table := codes()
	for number, code := range table {
		name := sysnum.Name(number)
		i := slices.IndexFunc(rows, func(r row) bool { return slices.Contains(r.names, name) })
		if int(code&^codeHasFD) != i+1 {
			t.Errorf("%s: code %d, row %d", name, code, i)
		}
		if hasFD := code&codeHasFD != 0; hasFD != (i >= 0 && slices.Contains(rows[i].on, name)) {
			t.Errorf("%s: has a descriptor: %v", name, hasFD)
		}
	}
}

var named = regexp.MustCompile(`\d+:\s+"(\w+)"`)

// Each row has a call on either architecture, and each name is one of some architecture.
func TestRowsAreThereOnBothArchitectures(t *testing.T) {
	known := map[string]bool{}
	for _, arch := range []string{"amd64", "arm64"} {
		source, err := os.ReadFile("../../internal/sysnum/names_" + arch + ".go")
		if err != nil {
			t.Fatal(err)
		}
		here := map[string]bool{}
		for _, match := range named.FindAllStringSubmatch(string(source), -1) {
			here[match[1]], known[match[1]] = true, true
		}
		for _, row := range rows {
			if len(row.names) > 0 && !slices.ContainsFunc(row.names, func(name string) bool { return here[name] }) {
				t.Errorf("%s: nothing for row %s", arch, row.call)
			}
		}
	}
	for _, row := range rows {
		for _, name := range row.names {
			if !known[name] {
				t.Errorf("row %s: no architecture has %s", row.call, name)
			}
		}
	}
}

func TestSlowestCallsAreKept(t *testing.T) {
	var e examples
	for i := range uint64(3 * mostExamples) {
		e.keep(slowCall{Place: place{Slot: 1}, Ns: i * 7919 % 1009})
	}
	kept := e[1]
	if len(kept) != mostExamples || len(e[0]) != 0 {
		t.Fatalf("%d kept, %d of another target", len(kept), len(e[0]))
	}
	var all []uint64
	for i := range uint64(3 * mostExamples) {
		all = append(all, i*7919%1009)
	}
	slices.Sort(all)
	slices.Reverse(all)
	for i, c := range kept {
		if c.Ns != all[i] {
			t.Fatalf("call %d took %d, want %d", i, c.Ns, all[i])
		}
	}
}

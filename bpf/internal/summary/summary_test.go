package summary

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pollgate/bpf/internal/gosym"
	"pollgate/bpf/internal/report"
)

func TestFitTakesFromTheLongest(t *testing.T) {
	var long, longer section
	for i := range 40 {
		long = append(long, fmt.Sprint("long ", i))
	}
	for i := range 50 {
		longer = append(longer, fmt.Sprint("longer ", i))
	}
	lines := fit([]section{{"short"}, long, nil, longer, {"last", "line"}})
	if len(lines) != MaxLines || lines[0] != "short" || lines[MaxLines-1] != "line" {
		t.Fatalf("%d lines: %q", len(lines), lines)
	}
	// What is left and what is told to be missing is what there was.
	for name, want := range map[string]int{"long ": 40, "longer ": 50} {
		kept := 0
		var note string
		for _, line := range lines {
			if strings.HasPrefix(line, name) {
				kept++
				note = lines[slices.Index(lines, line)+1]
			}
		}
		var dropped int
		if _, err := fmt.Sscanf(note, "  … and %d more lines", &dropped); err != nil || kept+dropped != want {
			t.Errorf("%skept %d, note %q, want %d together", name, kept, note, want)
		}
	}
	if few := fit([]section{{"a", "b"}, {"c"}}); !slices.Equal(few, []string{"a", "b", "c"}) {
		t.Errorf("few lines became %q", few)
	}
}

func TestNumbers(t *testing.T) {
	for got, want := range map[string]string{
		duration(0): "0 ns", duration(999): "999 ns", duration(1000): "1 µs", duration(1234): "1.23 µs",
		duration(12_345): "12.3 µs", duration(999_499): "999 µs", duration(999_600): "1.00 ms",
		duration(5_000_000): "5 ms", duration(61_000_000_000): "61 s", duration(4_000_000_000_000): "4,000 s",
		count(0): "0", count(999): "999", count(1000): "1,000", count(1_234_567): "1,234,567",
		digits(0.5): "0.50", digits(9.996): "10.0", digits(99.96): "100", digits(12_345.6): "12,346",
		percent(1, 3): "33.3 %", percent(1, 0): "–", counted(1, "poll"): "1 poll", counted(1200, "poll"): "1,200 polls",
		clip("abc\x1b[31mdef", 100): "abc?[31mdef", clip("abcdef", 4): "abc…", clip("ab  ", 4): "ab",
		byCount(map[string]uint64{"a": 1, "b": 0, "c": 1200}): "1,200 c, 1 a",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestUserFrames(t *testing.T) {
	at := func(function, file string, line int) gosym.Frame {
		return gosym.Frame{Function: function, File: file, Line: line}
	}
	syscallFrame := at("internal/runtime/syscall/linux.Syscall6", "internal/runtime/syscall/linux/asm.s", 36)
	read := at("os.(*File).Read", "/usr/local/go/src/os/file.go", 118)
	raw := at("golang.org/x/sys/unix.Read", "golang.org/x/sys@v0.49.0/unix/syscall_unix.go", 167)
	main := at("main.main", "pollgate/cmd/main.go", 9)
	load := at("example.org/app/store.(*Table[go.shape.int]).Load", "/home/me/app/store/table.go", 77)
	inlined := at("main.readAll", "golang.org/x/sys@v0.49.0/unix/syscall_unix.go", 167)
	goexit := at("runtime.goexit", "runtime/asm_amd64.s", 1771)
	for _, c := range []struct {
		stack     []gosym.Frame
		one, more string
	}{
		{[]gosym.Frame{syscallFrame, raw, main, goexit}, "main.main main.go:9", "main.main main.go:9"},
		{[]gosym.Frame{syscallFrame, read, load, main}, "store.(*Table[…]).Load table.go:77",
			"store.(*Table[…]).Load table.go:77 < main.main main.go:9"},
		{[]gosym.Frame{syscallFrame, inlined}, "main.readAll", "main.readAll"},
		{[]gosym.Frame{syscallFrame, read, goexit}, "os.(*File).Read file.go:118", "os.(*File).Read file.go:118"},
		{[]gosym.Frame{syscallFrame, goexit}, "linux.Syscall6 asm.s:36", "linux.Syscall6 asm.s:36"},
		{[]gosym.Frame{at("0x7f00", "", 0)}, "0x7f00", "0x7f00"},
		{[]gosym.Frame{at("[vdso]", "", 0)}, "[vdso]", "[vdso]"},
		{nil, "(no stack)", "(no stack)"},
	} {
		if one, more := userFrame(c.stack), userFrames(c.stack); one != c.one || more != c.more {
			t.Errorf("%q and %q, want %q and %q", one, more, c.one, c.more)
		}
	}
}

func TestTheHeadTellsOfBurstsAndOfTheBudget(t *testing.T) {
	head := headOf(&report.File{
		Kernel:   "6.18",
		Sampling: &report.Sampling{Probes: []string{"wakeup", "handoff"}, Bursts: 3, OnNs: 600_000_000},
		Budget: &report.Budget{LimitPermille: 100, HighestPermille: 312, Exceeded: true,
			Shed: []report.Shed{{Probe: "request"}, {Probe: "wakeup"}}},
	}, 6)
	want := section{"netprobe: window of 6.000 s on Linux 6.18", "probes ",
		"  wakeup, handoff were on in 3 bursts: 10.0 % of the time; their counts are of that time",
		"  budget 10.0 % of the CPU time, taken at most 31.2 %; taken off: request; taken off: wakeup; " +
			"EXCEEDED with nothing more to take off"}
	if !slices.Equal(head, want) {
		t.Errorf("%q, want %q", head, want)
	}
}

package gosym

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// build compiles testdata/program and opens the result.
func build(t *testing.T, arch string, args ...string) *Binary {
	t.Helper()
	path := filepath.Join(t.TempDir(), "program")
	args = append(append([]string{"build", "-trimpath", "-o", path}, args...), "./testdata/program")
	cmd := exec.Command("go", args...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go %v: %v\n%s", args, err, out)
	}
	b, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

// hot are the functions that the probes hook, with the number of arguments read.
var hot = map[string]int{"runtime.netpollready": 3, "runtime.execute": 1}

func TestSitesInRealPrograms(t *testing.T) {
	for name, c := range map[string]struct {
		arch         string
		args         []string
		instructions string
	}{
		"amd64":               {"amd64", nil, "push"},
		"amd64 position free": {"amd64", []string{"-buildmode=pie"}, "push"},
		"amd64 without DWARF": {"amd64", []string{"-ldflags=-w"}, "push"},
		"arm64":               {"arm64", nil, "b adrp"},
	} {
		t.Run(name, func(t *testing.T) {
			b := build(t, c.arch, c.args...)
			for symbol, args := range hot {
				site, err := b.Site(symbol, args)
				if err != nil {
					t.Error(err)
					continue
				}
				if site.Class != Emulated || !strings.Contains(c.instructions, site.Instruction) {
					t.Errorf("%s: %+v, want an emulated one of: %s", symbol, site, c.instructions)
				}
				checkByObjdump(t, b, site)
			}
			layout, err := b.PollDesc()
			if want := (PollDesc{FD: 8, ReadG: 32, WriteG: 40}); err != nil || layout != want {
				t.Errorf("runtime.pollDesc %+v (%v), want %+v", layout, err, want)
			}
		})
	}
}

// goMnemonics are the names that Go's disassembler has for what the chooser picks.
var goMnemonics = map[string]string{"push": "PUSHQ", "adrp": "ADRP", "b": "B", "call": "CALL",
	"bl": "CALL", "ret": "RET"}

// checkByObjdump asks another disassembler what lies at the site.
func checkByObjdump(t *testing.T, b *Binary, site Site) {
	t.Helper()
	out, err := exec.Command("go", "tool", "objdump", "-s", "^"+regexp.QuoteMeta(site.Symbol)+"$",
		b.Path).Output()
	if err != nil {
		t.Fatal(err)
	}
	line := regexp.MustCompile(`(?m)^\s+\S+\s+0x([0-9a-f]+)\s+[0-9a-f]+\s+(\S+)`)
	lines := line.FindAllStringSubmatch(string(out), -1)
	if lines == nil {
		t.Fatalf("no code of %s:\n%s", site.Symbol, out)
	}
	start, _ := strconv.ParseUint(lines[0][1], 16, 64)
	for _, l := range lines {
		address, _ := strconv.ParseUint(l[1], 16, 64)
		if address == start+site.Offset {
			if !strings.HasPrefix(l[2], goMnemonics[site.Instruction]) {
				t.Errorf("%s+%d is %s, chosen as %s", site.Symbol, site.Offset, l[2], site.Instruction)
			}
			return
		}
	}
	t.Errorf("%s+%d is inside an instruction", site.Symbol, site.Offset)
}

// Stripping leaves the table that the runtime itself needs: sites are where the same program's
// symbol table has them.
func TestStrippedProgramsHaveTheirFunctions(t *testing.T) {
	for _, c := range []struct{ arch, mode string }{
		{"amd64", "exe"}, {"amd64", "pie"}, {"arm64", "exe"},
	} {
		t.Run(c.arch+" "+c.mode, func(t *testing.T) {
			whole := build(t, c.arch, "-buildmode="+c.mode)
			stripped := build(t, c.arch, "-buildmode="+c.mode, "-ldflags=-s -w")
			for symbol, args := range hot {
				want, err := whole.Site(symbol, args)
				if err != nil {
					t.Fatal(err)
				}
				got, err := stripped.Site(symbol, args)
				want.FileOffset, got.FileOffset = 0, 0 // the files are of different length
				if err != nil || got != want {
					t.Errorf("%+v, %v; want %+v", got, err, want)
				}
			}
			if !strings.HasPrefix(stripped.GoVersion, "go1.") {
				t.Errorf("Go version %q: build information survives stripping", stripped.GoVersion)
			}
		})
	}
}

func TestFrames(t *testing.T) {
	for _, ldflags := range []string{"", "-s -w"} {
		b := build(t, "amd64", "-ldflags="+ldflags)
		main := b.symbols["runtime.main"]
		inside := []uint64{main.Value, main.Value + main.Size/2, 1}
		frames := b.Frames(inside)
		for i, frame := range frames[:2] {
			if frame.Function != "runtime.main" || !strings.HasSuffix(frame.File, "runtime/proc.go") || frame.Line <= 0 {
				t.Errorf("flags %q, frame %d: %+v, want runtime.main in proc.go", ldflags, i, frame)
			}
		}
		if frames[2] != (Frame{Function: "0x0"}) {
			t.Errorf("%+v, want an address that nothing names", frames[2])
		}
	}
}

func TestSymbolThatIsNotThere(t *testing.T) {
	b := build(t, "amd64")
	_, err := b.Site("runtime.nosuch", 0)
	if !errors.Is(err, ErrNoSymbol) || err.Error() != "symbol runtime.nosuch not found" {
		t.Errorf("%v, want that it is not found", err)
	}
}

// With C's code before Go's nothing tells where a stripped program's functions begin.
func TestStrippedProgramWithC(t *testing.T) {
	if _, err := exec.LookPath("gcc"); err != nil {
		t.Skipf("a C compiler is missing: %v", err)
	}
	dir := t.TempDir()
	source := "package main\n\n// int one(void) { return 1; }\nimport \"C\"\n\nfunc main() { println(C.one()) }\n"
	if err := os.WriteFile(filepath.Join(dir, "main.go"), []byte(source), 0o644); err != nil {
		t.Fatal(err)
	}
	for ldflags, found := range map[string]bool{"": true, "-s -w": false} {
		path := filepath.Join(dir, "program")
		cmd := exec.Command("go", "build", "-ldflags="+ldflags, "-o", path, filepath.Join(dir, "main.go"))
		cmd.Env = append(os.Environ(), "CGO_ENABLED=1", "GO111MODULE=off")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		b, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer b.Close()
		_, err = b.Site("runtime.execute", 1)
		if found != (err == nil) {
			t.Errorf("flags %q: %v", ldflags, err)
		}
		if !found && (err == nil || !strings.Contains(err.Error(), "cgo")) {
			t.Errorf("flags %q: %v, want the reason", ldflags, err)
		}
	}
}

func TestUnknownVersionWithoutDWARFIsRefused(t *testing.T) {
	b := build(t, "amd64", "-ldflags=-w")
	for _, version := range []string{"go1.21.13", "go1.99.1", "go1.26.8 X:io_uring",
		"devel go1.27-abcdef", ""} {
		b.GoVersion = version
		if layout, err := b.PollDesc(); err == nil {
			t.Errorf("version %q: guessed %+v, want a refusal", version, layout)
		}
	}
	b.GoVersion = "go1.26rc1" // has the layout of its release
	if _, err := b.PollDesc(); err != nil {
		t.Errorf("version %q: %v", b.GoVersion, err)
	}
}

func TestNotAProgram(t *testing.T) {
	path := filepath.Join(t.TempDir(), "script")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path); err == nil {
		t.Error("a script was opened as an ELF file")
	}
}

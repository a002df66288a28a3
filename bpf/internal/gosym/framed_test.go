package gosym

import (
	"os/exec"
	"regexp"
	"strconv"
	"testing"
)

// Another disassembler says where a function has its frame: behind the instruction that sets the
// frame pointer, and not at a return.
func TestFramedAgreesWithObjdump(t *testing.T) {
	for arch, setsFrame := range map[string]string{
		"amd64": `^MOVQ SP, BP`, "arm64": `^SUB \$8, RSP, R29`,
	} {
		t.Run(arch, func(t *testing.T) {
			b := build(t, arch)
			for symbol, hasFrame := range map[string]bool{
				"runtime.ready": true, "runtime.schedule": true, "runtime.memmove": false,
				"runtime.memclrNoHeapPointers": false,
			} {
				framed, seen := false, 0
				for _, line := range disassemble(t, b, symbol) {
					isReturn := regexp.MustCompile(`^RET`).MatchString(line.text)
					if want := framed && !isReturn; b.Framed(line.address) != want {
						t.Errorf("%s at %#x (%s): framed %v, want %v", symbol, line.address, line.text, !want, want)
					}
					seen++
					framed = framed || regexp.MustCompile(setsFrame).MatchString(line.text)
				}
				if framed != hasFrame || seen < 10 {
					t.Errorf("%s: %d instructions, a frame %v, want %v", symbol, seen, framed, hasFrame)
				}
			}
			if !b.Framed(1) {
				t.Error("an address without a function: nothing may be made up there")
			}
		})
	}
}

type disassembled struct {
	address uint64
	text    string
}

func disassemble(t *testing.T, b *Binary, symbol string) []disassembled {
	t.Helper()
	out, err := exec.Command("go", "tool", "objdump", "-s", "^"+regexp.QuoteMeta(symbol)+"(.abi0)?$", b.Path).Output()
	if err != nil {
		t.Fatal(err)
	}
	var found []disassembled
	line := regexp.MustCompile(`(?m)^\s+\S+\s+0x([0-9a-f]+)\s+[0-9a-f]+\s+(\S.*)$`)
	for _, match := range line.FindAllStringSubmatch(string(out), -1) {
		address, err := strconv.ParseUint(match[1], 16, 64)
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, disassembled{address, match[2]})
	}
	return found
}

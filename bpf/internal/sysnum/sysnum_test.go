package sysnum

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
)

func TestName(t *testing.T) {
	if got := Name(len(names) + 1000); got != fmt.Sprintf("syscall_%d", len(names)+1000) {
		t.Errorf("unknown number: %q", got)
	}
	if got := Name(-1); got != "syscall_-1" {
		t.Errorf("negative number: %q", got)
	}
}

var (
	define = regexp.MustCompile(`#define SYS_(\w+) (-?\d+)`)
	entry  = regexp.MustCompile(`(\d+):\s+"(\w+)"`)
)

// The BPF programs have their own table of numbers, in include/syscall.bpf.h.
func TestHeaderAgrees(t *testing.T) {
	header, err := os.ReadFile("../../include/syscall.bpf.h")
	if err != nil {
		t.Fatal(err)
	}
	x86, arm64, found := strings.Cut(string(header), "#elif defined(__TARGET_ARCH_arm64)")
	if !found {
		t.Fatal("the header has no part for arm64")
	}
	for arch, part := range map[string]string{"amd64": x86, "arm64": arm64} {
		numbers := tableOf(t, arch)
		defines := define.FindAllStringSubmatch(part, -1)
		if len(defines) < 60 {
			t.Errorf("%s: only %d numbers in the header", arch, len(defines))
		}
		for _, d := range defines {
			name, number := d[1], d[2]
			want, exists := numbers[name]
			absent := strings.HasPrefix(number, "-")
			if absent == exists || exists && number != want {
				t.Errorf("%s: SYS_%s is %s in the header, %q in the table", arch, name, number, want)
			}
		}
	}
}

func tableOf(t *testing.T, arch string) map[string]string {
	t.Helper()
	source, err := os.ReadFile("names_" + arch + ".go")
	if err != nil {
		t.Fatal(err)
	}
	numbers := map[string]string{}
	for _, match := range entry.FindAllStringSubmatch(string(source), -1) {
		numbers[match[2]] = match[1]
	}
	return numbers
}

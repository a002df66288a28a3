package calibrate

import (
	"errors"
	"os"
	"strings"
	"testing"

	"pollgate/bpf/internal/caps"
)

func TestEventsCostSomething(t *testing.T) {
	held, err := caps.Effective()
	if err != nil {
		t.Fatal(err)
	}
	var missing *caps.MissingError
	if errors.As(held.Check(), &missing) {
		t.Skipf("missing: %s", strings.Join(missing.Names, ", "))
	}
	if _, err := os.Stat("/sys/kernel/btf/vmlinux"); err != nil {
		t.Skipf("kernel BTF is missing: %v", err)
	}
	cost, err := Measure(false)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("tracepoint %d ns, uprobe %d ns (%s)", cost.TracepointNs, cost.UprobeNs, cost.Class)
	// A trap into the kernel takes longer than a call within it, on every machine.
	if cost.TracepointNs <= 0 || cost.UprobeNs <= cost.TracepointNs || cost.Class == "" {
		t.Errorf("%+v: want a tracepoint that costs something, and a uprobe that costs more", cost)
	}
}

package clock

import (
	"errors"
	"strings"
	"testing"

	"pollgate/bpf/internal/caps"
	"pollgate/bpf/internal/report"
)

func TestBothClocksAreOne(t *testing.T) {
	held, err := caps.Effective()
	if err != nil {
		t.Fatal(err)
	}
	var missing *caps.MissingError
	if errors.As(held.Check(), &missing) {
		t.Skipf("missing: %s", strings.Join(missing.Names, ", "))
	}
	watch, err := Open(false)
	if err != nil {
		t.Fatal(err)
	}
	defer watch.Close()
	watch.Start()
	clock, err := watch.Stop()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v", *clock)
	if len(clock.Readings) != 2 {
		t.Fatalf("%d readings, want one at the beginning and one at the end", len(clock.Readings))
	}
	for _, r := range clock.Readings {
		// Whatever the machine does, the kernel's clock was read between our two readings.
		if r.OffsetNs > r.HalfWidthNs || -r.OffsetNs > r.HalfWidthNs {
			t.Errorf("%+v: the offset lies outside of its bound", r)
		}
	}
	if clock.Readings[1].AtNs <= clock.Readings[0].AtNs {
		t.Errorf("%+v: the second reading is not later", clock.Readings)
	}
}

func TestFit(t *testing.T) {
	// An offset of 1 ms at first, which grows by 2 µs a second.
	readings := []report.ClockReading{
		{AtNs: 50e9, OffsetNs: 1_000_000, HalfWidthNs: 300},
		{AtNs: 55e9, OffsetNs: 1_010_000, HalfWidthNs: 500},
		{AtNs: 60e9, OffsetNs: 1_020_000, HalfWidthNs: 400},
	}
	clock := fit(readings)
	if clock.OffsetNs != 1_010_000 || clock.SlopePpb != 2_000 || clock.BoundNs != 1_020_400 {
		t.Errorf("%+v, want offset 1,010,000 ns, slope 2,000 ppb, bound 1,020,400 ns", *clock)
	}
	negative := fit([]report.ClockReading{{AtNs: 1, OffsetNs: -700, HalfWidthNs: 100}})
	if negative.BoundNs != 800 || negative.SlopePpb != 0 {
		t.Errorf("%+v, want bound 800 ns, no slope", *negative)
	}
}

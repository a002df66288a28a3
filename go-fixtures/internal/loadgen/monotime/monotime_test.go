package monotime

import (
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

// Between two system calls, Now must give a time between theirs, but for the
// error of the calibration.
func TestNowIsTheMonotonicClock(t *testing.T) {
	const calibrationErrorNs = 1000
	for range 1000 {
		before := system(unix.CLOCK_MONOTONIC)
		now := Now()
		after := system(unix.CLOCK_MONOTONIC)
		if now < before-calibrationErrorNs || now > after+calibrationErrorNs {
			t.Fatalf("Now is %d, the system call gave %d before and %d after", now, before, after)
		}
	}
}

func TestNowNeverGoesBackAndDoesNotAllocate(t *testing.T) {
	last := Now()
	if n := testing.AllocsPerRun(10_000, func() {
		now := Now()
		if now < last {
			t.Fatalf("%d comes after %d", now, last)
		}
		last = now
	}); n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}

func TestThreadCPUGrowsWithWork(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	before := ThreadCPU()
	for range 1000 {
		Now()
	}
	if after := ThreadCPU(); after <= before {
		t.Errorf("CPU time went from %d to %d", before, after)
	}
}

func BenchmarkNow(b *testing.B) {
	for b.Loop() {
		Now()
	}
}

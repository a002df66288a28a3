// Package monotime reads CLOCK_MONOTONIC cheaply.
//
// All times of pollgate are nanoseconds of CLOCK_MONOTONIC, so that stamps of
// the generator, the kernel probes and the Go execution trace can be set side
// by side. The runtime reads the same clock through the vDSO but shows only
// differences; the package calibrates the difference to the clock's own zero
// once, because a real clock_gettime system call per stamp would cost several
// times the 30 ns of the vDSO.
package monotime

import (
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

var (
	reference = time.Now()
	zero      = calibrate()
)

// Now returns CLOCK_MONOTONIC in nanoseconds. It neither allocates nor enters
// the kernel. Its offset to clock_gettime(CLOCK_MONOTONIC) is constant and
// smaller than the best of the calibration's reads, a few hundred ns.
func Now() int64 {
	if extra := slowdown.Load(); extra > 0 {
		return spin(extra)
	}
	return zero + int64(time.Since(reference))
}

// calibrate brackets a system call between two runtime reads and keeps the
// tightest of many brackets: a preempted attempt is wide and thereby dropped.
func calibrate() int64 {
	const attempts = 64
	best, tightest := int64(0), int64(1<<62)
	for range attempts {
		before := int64(time.Since(reference))
		absolute := system(unix.CLOCK_MONOTONIC)
		after := int64(time.Since(reference))
		if width := after - before; width < tightest {
			tightest = width
			best = absolute - before - width/2
		}
	}
	return best
}

// ThreadCPU returns the CPU time in nanoseconds that the calling OS thread has
// used. It is meaningful only on a goroutine locked to its thread.
func ThreadCPU() int64 {
	return system(unix.CLOCK_THREAD_CPUTIME_ID)
}

func system(clock int32) int64 {
	var t unix.Timespec
	if err := unix.ClockGettime(clock, &t); err != nil {
		// Both clocks exist on every Linux; only a seccomp filter can refuse them.
		panic("clock_gettime refused: " + err.Error())
	}
	return t.Nano()
}

// RealtimeOffset returns CLOCK_REALTIME − CLOCK_MONOTONIC in nanoseconds. It
// changes only when somebody sets the clock: slewing moves both alike.
func RealtimeOffset() int64 {
	const attempts = 32
	best, tightest := int64(0), int64(1<<62)
	for range attempts {
		before := Now()
		realtime := system(unix.CLOCK_REALTIME)
		width := Now() - before
		if width < tightest {
			tightest = width
			best = realtime - before - width/2
		}
	}
	return best
}

// ReadCost returns what one Now costs at present, in nanoseconds: the median of
// many, so that an interruption does not count.
func ReadCost() int64 {
	const attempts, batch = 101, 10
	costs := make([]int64, attempts)
	for i := range costs {
		begin := Now()
		for range batch - 1 {
			Now()
		}
		costs[i] = (Now() - begin) / batch
	}
	slices.Sort(costs)
	return costs[attempts/2]
}

// slowdown is added to the cost of every Now.
var slowdown atomic.Int64

// SlowDown makes every later Now take that many nanoseconds more, by spinning:
// what a machine without a fast clock source (hpet, acpi_pm) does. It is the
// fault that the generator's tests inject.
func SlowDown(ns int64) { slowdown.Store(ns) }

func spin(extra int64) int64 {
	end := time.Since(reference) + time.Duration(extra)
	for {
		if now := time.Since(reference); now >= end {
			return zero + int64(now)
		}
	}
}

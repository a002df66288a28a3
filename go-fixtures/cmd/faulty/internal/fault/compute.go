package fault

import (
	"sync/atomic"
	"time"
)

// computed is where results go: what nobody uses, the compiler leaves out.
var computed atomic.Uint64

// mix does dependent integer steps (Marsaglia's xorshift), about 1 ns each, which no compiler and no
// CPU can do in parallel.
func mix(seed uint64, steps int) uint64 {
	x := seed | 1 // A seed of 0 would stay 0.
	for range steps {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
	}
	computed.Store(x)
	return x
}

// stepsIn is how many steps of mix take that long on a CPU of this machine, by the best of several tries:
// how much of a CPU a fault takes must not depend on the CPU.
func stepsIn(duration time.Duration) int {
	const tries, steps = 9, 200_000
	best := time.Duration(1<<63 - 1)
	for range tries {
		began := time.Now()
		mix(1, steps)
		best = min(best, time.Since(began))
	}
	return int(int64(steps) * int64(duration) / int64(best))
}

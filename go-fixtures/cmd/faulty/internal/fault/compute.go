package fault

import "sync/atomic"

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

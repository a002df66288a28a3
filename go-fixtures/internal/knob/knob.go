// Package knob makes a server slower by a known amount, so that the gate can be
// shown a regression and has to find it. All knobs are off by default, and cost
// one branch then.
package knob

import (
	"flag"
	"sync/atomic"
	"time"
)

// Knobs of one server.
type Knobs struct {
	spin      uint64
	allocs    uint64
	tailEvery uint64
	tailSleep time.Duration
	any       bool // one of them is on

	requests atomic.Uint64
	sink     atomic.Uint64 // what is computed must be used, or the compiler leaves it out
	garbage  atomic.Pointer[[64]byte]
}

// New defines the knobs' flags. They can be turned after the flags were parsed.
func New(flags *flag.FlagSet) *Knobs {
	k := &Knobs{}
	flags.Uint64Var(&k.spin, "knob-spin", 0, "do `N` dependent integer steps more in each request, about 2 ns each")
	flags.Uint64Var(&k.allocs, "knob-allocs", 0, "allocate `N` objects of 64 bytes more in each request")
	flags.Uint64Var(&k.tailEvery, "knob-tail-every", 0, "sleep in every `N`th request; 0 = never")
	flags.DurationVar(&k.tailSleep, "knob-tail-sleep", 0, "for so `long`")
	return k
}

// Turn reads the parsed flags; it belongs between their parsing and the first request.
func (k *Knobs) Turn() {
	k.any = k.spin > 0 || k.allocs > 0 || k.tailEvery > 0
}

// Request does what the knobs ask for. It may be called from any goroutine.
func (k *Knobs) Request() {
	if k.any {
		k.work()
	}
}

func (k *Knobs) work() {
	n := k.requests.Add(1)
	if k.spin > 0 {
		k.sink.Store(steps(n, k.spin))
	}
	for range k.allocs {
		k.garbage.Store(new([64]byte))
	}
	if k.tailEvery > 0 && n%k.tailEvery == 0 {
		time.Sleep(k.tailSleep)
	}
}

// steps of Marsaglia's xorshift: each needs the one before, so that nothing can be
// done in parallel. A seed of 0 would stay 0.
func steps(seed, count uint64) uint64 {
	x := seed | 1
	for range count {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
	}
	return x
}

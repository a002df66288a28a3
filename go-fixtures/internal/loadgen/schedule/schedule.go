// Package schedule computes when each request of a phase is due, to which arm it
// goes and which key it carries, before the phase begins.
//
// A schedule is a pure function of its Config: the same on every machine,
// architecture and Go version. Arithmetic is therefore done in integers, or in
// float64 with +, −, ×, ÷ and square root only, which IEEE 754 rounds correctly;
// an explicit conversion stands around every product that is added to something,
// because Go may otherwise fuse the two where the processor can. A schedule is
// never re-anchored while it runs; the engine only reads it.
package schedule

import (
	"math"
	"time"
)

// MaxRequests bounds the requests of a phase, planned or recorded.
const MaxRequests = 10_000_000

// Config determines a phase's schedule completely.
type Config struct {
	Seed     uint64
	Phase    int // index of the phase in the run; each phase has sequences of its own
	Arrivals Arrivals
	// RatePerSec over all arms together; 0.1 … 10,000,000. Not read by Replay.
	RatePerSec float64
	Duration   time.Duration // up to 4 hours
	Arms       int           // ≥ 1
	Interleave Interleave
	SliceNs    int64  // length of a slice; used by Slice only
	Keys       uint64 // keys are drawn from 0..Keys-1, at most 2^32; 0 where the protocol needs none
}

// Entry is one planned request.
type Entry struct {
	AtNs int64  // since the start of the phase
	Key  uint32 // what the protocol makes of it: a page number, the draw of a service time
	Arm  uint16
}

// Plan returns the requests of a phase, all in [0, Duration), in order of time.
// Arrivals, arms and keys have sequences of their own: a change of how one is
// drawn leaves the others as they were.
func Plan(c Config) []Entry {
	if c.Arrivals.Kind == Replay {
		return replay(c)
	}
	entries := make([]Entry, 0, capacity(ExpectedCount(c)))
	arrivals, arms, keys := newArrivals(c), newArmDraw(c), newKeyDraw(c)
	for {
		at, ok := arrivals.next()
		if !ok {
			return entries
		}
		entries = append(entries, Entry{AtNs: at, Arm: arms.at(at), Key: keys.next()})
	}
}

// ExpectedCount returns the mean number of entries over all seeds. Constant and
// Replay have no other number than this.
func ExpectedCount(c Config) float64 {
	seconds := float64(c.Duration) / float64(time.Second)
	switch c.Arrivals.Kind {
	case Constant:
		return float64(newConstant(c).count())
	case OnOff:
		return newOnOff(c).expectedCount()
	case Ramp:
		return (c.RatePerSec + c.Arrivals.ToRatePerSec) / 2 * seconds
	case Replay:
		return float64(len(recordedWithin(c)))
	}
	return c.RatePerSec * seconds
}

// capacity leaves room for six standard deviations, so that the slice hardly
// ever grows.
func capacity(mean float64) int {
	return int(mean+float64(6*math.Sqrt(mean))) + 1
}

// keyDraw draws the keys of one phase.
type keyDraw struct {
	generator *generator
	keys      uint64
}

func newKeyDraw(c Config) *keyDraw {
	return &keyDraw{newGenerator(c.Seed, c.Phase, keyStream), c.Keys}
}

func (k *keyDraw) next() uint32 {
	if k.keys == 0 {
		return 0
	}
	return uint32(k.generator.below(k.keys))
}

// Package schedule computes when each request of a phase is due, to which arm it
// goes and which page it asks for, before the phase begins.
//
// A schedule is a pure function of its Config: the same on every machine,
// architecture and Go version. It is never re-anchored while it runs; the engine
// only reads it.
package schedule

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"math"
	"math/bits"
	"time"
)

// Interleave says how the arms share one schedule.
type Interleave string

const (
	// Slice gives the whole rate to one arm for a slice of time, then to the
	// next, forwards and backwards (A B B A A B B A …), so that a linear drift
	// of the machine hits all arms alike.
	Slice Interleave = "slice"
	// Request sends each request to an arm drawn at random.
	Request Interleave = "request"
)

// Config determines a phase's schedule completely.
type Config struct {
	Seed       uint64
	Phase      int     // index of the phase in the run; each phase has sequences of its own
	RatePerSec float64 // over all arms together; 0.1 … 10,000,000
	Duration   time.Duration
	Arms       int // ≥ 1
	Interleave Interleave
	SliceNs    int64  // length of a slice; used by Slice only
	Pages      uint64 // pages are drawn from 0..Pages-1; 0 where the protocol has no pages
}

// Entry is one planned request.
type Entry struct {
	AtNs int64 // since the start of the phase
	Page uint32
	Arm  uint16
}

// fractionBits is the resolution of the clock that sums up the gaps: 2^-20 ns,
// so that a rate whose mean gap is no whole number of ns is still met exactly.
const fractionBits = 20

// Poisson returns the arrivals of a Poisson process in [0, Duration), in order
// of time. Their number is random too, with mean RatePerSec × Duration.
func Poisson(c Config) []Entry {
	arrivals := newGenerator(c.Seed, c.Phase, arrivalStream)
	arms := newGenerator(c.Seed, c.Phase, armStream)
	pages := newGenerator(c.Seed, c.Phase, pageStream)

	meanGap := uint64(math.Round(float64(time.Second) / c.RatePerSec * (1 << fractionBits)))
	end := uint64(c.Duration) << fractionBits
	entries := make([]Entry, 0, expectedCount(c))
	for at := nextGap(arrivals, meanGap); at < end; at += nextGap(arrivals, meanGap) {
		e := Entry{AtNs: int64(at >> fractionBits)}
		if c.Interleave == Slice {
			e.Arm = sliceArm(e.AtNs/c.SliceNs, c.Arms)
		} else {
			e.Arm = uint16(arms.below(uint64(c.Arms)))
		}
		if c.Pages > 0 {
			e.Page = uint32(pages.below(c.Pages))
		}
		entries = append(entries, e)
	}
	return entries
}

func nextGap(g *generator, mean uint64) uint64 {
	whole, fraction := g.exponential()
	part, _ := bits.Mul64(fraction, mean)
	return whole*mean + part
}

// expectedCount leaves room for six standard deviations, so that the slice
// hardly ever grows.
func expectedCount(c Config) int {
	mean := c.RatePerSec * c.Duration.Seconds()
	return int(mean+6*math.Sqrt(mean)) + 1
}

// sliceArm walks the arms forwards and backwards in turn: 0 1 … n-1 n-1 … 1 0.
func sliceArm(slice int64, arms int) uint16 {
	position := int(slice % int64(2*arms))
	if position < arms {
		return uint16(position)
	}
	return uint16(2*arms - 1 - position)
}

// Hash sums up the schedules of a run, so that two runs can be shown to have
// offered the same load.
type Hash struct{ sum hash.Hash }

// NewHash returns the hash of no schedule.
func NewHash() *Hash { return &Hash{sha256.New()} }

// Add appends a phase: its number of entries, then each entry as time (8 bytes),
// page (4) and arm (2), big-endian.
func (h *Hash) Add(entries []Entry) {
	var b [14]byte
	binary.BigEndian.PutUint64(b[:8], uint64(len(entries)))
	h.sum.Write(b[:8])
	for _, e := range entries {
		binary.BigEndian.PutUint64(b[:], uint64(e.AtNs))
		binary.BigEndian.PutUint32(b[8:], e.Page)
		binary.BigEndian.PutUint16(b[12:], e.Arm)
		h.sum.Write(b[:])
	}
}

// String returns the hash of all phases added so far as "sha256:<hex>".
func (h *Hash) String() string {
	return "sha256:" + hex.EncodeToString(h.sum.Sum(nil))
}

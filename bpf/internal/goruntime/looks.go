package goruntime

import (
	"cmp"
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"time"

	"pollgate/bpf/internal/gosym"
)

const (
	// restFactor bounds what looking takes: 1 % of a CPU.
	restFactor = 100
	// shortestRest is on average: irregular, for programs do much at a steady beat.
	shortestRest = 100 * time.Millisecond
)

// Place is a state at a place, with how many goroutines were in it.
type Place struct {
	State string `json:"state"`
	// Reason is empty unless the state is waiting.
	Reason string `json:"reason"`
	// Frames begin in the runtime; empty for a goroutine that ran.
	Frames []gosym.Frame `json:"frames"`
	Count  uint64        `json:"count"`
}

// Places counts goroutines by state and stack.
type Places map[string]*place

type place struct {
	Goroutine
	count uint64
}

// Add counts one more.
func (p Places) Add(one Goroutine) {
	key := make([]byte, 0, 8*len(one.Stack)+64)
	key = append(append(key, one.State...), one.Reason...)
	for _, address := range one.Stack {
		key = binary.NativeEndian.AppendUint64(key, address)
	}
	found := p[string(key)]
	if found == nil {
		found = &place{Goroutine: one}
		p[string(key)] = found
	}
	found.count++
}

// Sorted names the places, the most frequent first.
func (p Places) Sorted(name func(stack []uint64) []gosym.Frame) []Place {
	all := []Place{}
	for _, one := range p {
		all = append(all, Place{one.State, one.Reason, name(one.Stack), one.count})
	}
	slices.SortFunc(all, func(x, y Place) int {
		return cmp.Or(cmp.Compare(y.Count, x.Count), cmp.Compare(x.State, y.State),
			cmp.Compare(x.Reason, y.Reason), gosym.CompareFrames(x.Frames, y.Frames))
	})
	return all
}

// Rest says when the next look may be taken.
type Rest struct{ until time.Time }

// Over tells whether the rest is over.
func (r *Rest) Over(now time.Time) bool { return !now.Before(r.until) }

// Begin begins a rest behind a look: long enough for all looks together to take 1 % of the time.
func (r *Rest) Begin(looked, now time.Time) {
	rest := shortestRest/2 + rand.N(shortestRest)
	r.until = now.Add(max(rest, restFactor*now.Sub(looked)))
}

// BeginShort is Begin without the shortest rest.
func (r *Rest) BeginShort(looked, now time.Time) { r.until = now.Add(restFactor * now.Sub(looked)) }

// Looks counts where the goroutines of a program are, look by look.
type Looks struct {
	Reader *Reader
	// Taken is the number of looks, Places the sum over them.
	Taken  uint64
	Places Places
	rest   Rest
	err    error
}

// Look takes one if the last one is long enough ago. A program whose memory can no longer be read has
// ended: its looks stay as they are.
func (l *Looks) Look() {
	looked := time.Now()
	if l.err != nil || !l.rest.Over(looked) {
		return
	}
	if l.Places == nil {
		l.Places = Places{}
	}
	// Added only when all were read: what is half seen is no look.
	var seen []Goroutine
	if seen, l.err = l.Reader.Own(); l.err != nil {
		return
	}
	for _, one := range seen {
		l.Places.Add(one)
	}
	l.Taken++
	l.rest.Begin(looked, time.Now())
}

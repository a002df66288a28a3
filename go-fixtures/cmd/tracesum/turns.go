package main

import (
	"cmp"
	"maps"
	"slices"

	"golang.org/x/exp/trace"
)

const (
	// mostTurns is how many turns are told one by one.
	mostTurns = 20
	// mostParts is how many parts of a turn are told; a request that does more is told in part.
	mostParts = 100
	// mostSums is how many sums are told apart.
	mostSums = 2000
	// mostFrames of each stack are told, the innermost first.
	mostFrames = 24
)

// Turns are what goroutines do between two waits for the network at the same place: in a goroutine that
// serves a connection, the work on one request. Times are of CLOCK_MONOTONIC, in ns.
type Turns struct {
	DurationNs Distribution `json:"durationNs"`
	// ClockSpreadNs is by how much the trace's readings of CLOCK_MONOTONIC disagree: the times are
	// not better than that.
	ClockSpreadNs int64 `json:"clockSpreadNs"`
	// Slowest has at most 20, the slowest first.
	Slowest []Turn `json:"slowest"`
	// Sums are over all turns, the longest first: what comes of a goroutine that the network has made
	// ready. SumsLeftOutNs is the time of those beyond the first 2000.
	Sums          []TurnSum `json:"sums"`
	SumsLeftOutNs int64     `json:"sumsLeftOutNs"`
}

// TurnSum is the time of the parts of all turns with one place, state, reason and stack.
type TurnSum struct {
	// Place is where the turn's goroutine waited for the network, an index of Stacks.Stacks.
	Place  int    `json:"place"`
	State  string `json:"state"`
	Reason string `json:"reason"`
	// Stack is where it was blocked or in a call, an index of Stacks.Stacks; null in other states.
	Stack *int  `json:"stack"`
	Count int   `json:"count"`
	Ns    int64 `json:"ns"`
}

type sumKey struct {
	place, stack  int
	state, reason string
}

// noStack is the stack of a goroutine that runs or could run.
const noStack = -1

// Turn is one of them. It begins when its goroutine is woken.
type Turn struct {
	Goroutine int64 `json:"goroutine"`
	BeginNs   int64 `json:"beginNs"`
	EndNs     int64 `json:"endNs"`
	// Place is the stack of the waits before and after, innermost function first.
	Place []string `json:"place"`
	Parts []Part   `json:"parts"`
	// PartsLeftOut counts those beyond the first 100.
	PartsLeftOut int `json:"partsLeftOut"`
}

// Part is a time in one state.
type Part struct {
	// State is "runnable", "running", "syscall" or "blocked".
	State string `json:"state"`
	// Reason is why it is blocked, as the runtime says it; empty for other states.
	Reason  string `json:"reason"`
	BeginNs int64  `json:"beginNs"`
	EndNs   int64  `json:"endNs"`
	// Thread is the number of the system's thread that runs it; 0 where none does.
	Thread int64 `json:"thread"`
	// Stack is where it is blocked or in a call, innermost function first.
	Stack []string `json:"stack"`
	// index is that of the whole stack in the stack book, or noStack.
	index int
}

var partStates = map[trace.GoState]string{
	trace.GoRunnable: "runnable", trace.GoRunning: "running",
	trace.GoSyscall: "syscall", trace.GoWaiting: "blocked",
}

// turnBook gathers Turns.
type turnBook struct {
	goroutines map[trace.GoID]*turner
	durations  []int64
	slowest    []Turn
	sums       map[sumKey]TurnSum
	// offsets are CLOCK_MONOTONIC minus the trace's clock, at each reading of both.
	offsets []int64
}

// turner is what is known of the turns of one goroutine.
type turner struct {
	// place is the index of the stack of its network waits, -1 before the first. Of several the one
	// with the fewest frames counts: others wait in the midst of a request.
	place, frames int
	// parked tells that it waits there now.
	parked bool
	open   *Turn
	// sums are those of the open turn.
	sums map[sumKey]TurnSum
}

func newTurnBook() *turnBook {
	return &turnBook{goroutines: map[trace.GoID]*turner{}, sums: map[sumKey]TurnSum{}}
}

// move is told of each transition of a goroutine after the stack book: g is in its next state, which it
// came into at now, and left what before describes.
func (b *turnBook) move(id trace.GoID, before Part, g *goroutine, book *stackBook, now trace.Time) {
	t := b.goroutines[id]
	if t == nil {
		t = &turner{place: -1, sums: map[sumKey]TurnSum{}}
		b.goroutines[id] = t
	}
	if t.open != nil {
		t.open.add(before)
		t.sum(before)
	}
	switch {
	case g.tool, g.state == trace.GoNotExist:
		if g.state == trace.GoNotExist && t.open != nil {
			b.close(t, now)
		}
		delete(b.goroutines, id)
	case g.state == trace.GoWaiting && g.reason == networkReason:
		frames := len(book.names[g.stack])
		if t.open != nil && g.stack == t.place {
			b.close(t, now)
		}
		if frames > 0 && (t.place < 0 || frames < t.frames) {
			// What was taken for a turn was a part of one.
			t.place, t.frames, t.open = g.stack, frames, nil
		}
		t.parked = g.stack == t.place
	case t.parked:
		t.parked = false
		if g.state == trace.GoRunnable {
			clear(t.sums)
			t.open = &Turn{Goroutine: int64(id), BeginNs: int64(now), Place: clipped(book.names[t.place])}
		}
	}
}

func (t *Turn) add(part Part) {
	if len(t.Parts) == mostParts {
		t.PartsLeftOut++
		return
	}
	t.Parts = append(t.Parts, part)
}

// close keeps the turn if it is among the slowest.
func (b *turnBook) close(t *turner, now trace.Time) {
	turn := t.open
	t.open = nil
	turn.EndNs = int64(now)
	duration := turn.EndNs - turn.BeginNs
	b.durations = append(b.durations, duration)
	for key, sum := range t.sums {
		of := b.sums[key]
		b.sums[key] = TurnSum{State: key.state, Reason: key.reason, Count: of.Count + sum.Count, Ns: of.Ns + sum.Ns}
	}
	if len(b.slowest) == mostTurns && duration <= b.slowest[mostTurns-1].duration() {
		return
	}
	at, _ := slices.BinarySearchFunc(b.slowest, duration, func(each Turn, ns int64) int {
		return cmp.Compare(ns, each.duration())
	})
	b.slowest = slices.Insert(b.slowest, at, *turn)
	b.slowest = b.slowest[:min(len(b.slowest), mostTurns)]
}

// sum adds a part of the open turn.
func (t *turner) sum(part Part) {
	key := sumKey{place: t.place, stack: part.index, state: part.State, reason: part.Reason}
	sum := t.sums[key]
	sum.Count++
	sum.Ns += part.EndNs - part.BeginNs
	t.sums[key] = sum
}

func (t *Turn) duration() int64 { return t.EndNs - t.BeginNs }

// finish is nil where turns were not asked for, and where the trace does not say how its clock relates to CLOCK_MONOTONIC (Go before 1.25).
// Its stacks go into those of the book.
func (b *turnBook) finish(book *stackBook, stacks *Stacks) *Turns {
	if b == nil || len(b.offsets) == 0 {
		return nil
	}
	turns := &Turns{DurationNs: distribution(b.durations), Slowest: []Turn{},
		ClockSpreadNs: slices.Max(b.offsets) - slices.Min(b.offsets)}
	slices.Sort(b.offsets)
	offset := b.offsets[len(b.offsets)/2]
	for _, turn := range b.slowest {
		turn.BeginNs += offset
		turn.EndNs += offset
		for i := range turn.Parts {
			turn.Parts[i].BeginNs += offset
			turn.Parts[i].EndNs += offset
		}
		turns.Slowest = append(turns.Slowest, turn)
	}
	keys := slices.SortedFunc(maps.Keys(b.sums), func(x, y sumKey) int {
		return cmp.Or(cmp.Compare(b.sums[y].Ns, b.sums[x].Ns), cmp.Compare(x.state, y.state),
			cmp.Compare(x.reason, y.reason), slices.Compare(book.namesOf(x.place), book.namesOf(y.place)),
			slices.Compare(book.namesOf(x.stack), book.namesOf(y.stack)))
	})
	turns.Sums = []TurnSum{}
	for _, key := range keys {
		sum := b.sums[key]
		if len(turns.Sums) == mostSums {
			turns.SumsLeftOutNs += sum.Ns
			continue
		}
		sum.Place = book.place(stacks, key.place)
		if key.stack != noStack {
			stack := book.place(stacks, key.stack)
			sum.Stack = &stack
		}
		turns.Sums = append(turns.Sums, sum)
	}
	return turns
}

// namesOf has none for noStack.
func (b *stackBook) namesOf(stack int) []string {
	if stack == noStack {
		return nil
	}
	return b.names[stack]
}

// clipped has the innermost frames.
func clipped(names []string) []string {
	if names == nil {
		return []string{}
	}
	return names[:min(len(names), mostFrames)]
}

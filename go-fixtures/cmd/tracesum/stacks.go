package main

import (
	"cmp"
	"maps"
	"math/bits"
	"slices"
	"strings"

	"golang.org/x/exp/trace"
)

// maxWaits is the number of kinds of wait that are told apart; the rest is summed up.
const maxWaits = 4000

// Stacks says where goroutines were blocked, in system calls and waiting for a processor, without the
// goroutines of whoever takes the trace.
type Stacks struct {
	// Functions are named once; stacks refer to them by index.
	Functions []string `json:"functions"`
	// Stacks are lists of functions, leaf first. The runtime leaves out its own innermost ones.
	Stacks [][]int `json:"stacks"`
	// Blocked has the longest first; of equal ones the first by reason and stack.
	Blocked []Wait `json:"blocked"`
	// Syscalls are those that the scheduler is told of. Reason is empty. One that lasts through the
	// whole trace is left out, as in Summary.SyscallNs.
	Syscalls []Wait `json:"syscalls"`
	// LeftOutNs is the time of those beyond the first 4000 kinds of both.
	LeftOutNs int64 `json:"leftOutNs"`
	// RunnableNs is the time from Runnable to Running of each time that a goroutine got to run: the
	// latency of the scheduler.
	RunnableNs Distribution `json:"runnableNs"`
	// RunnableBuckets counts the same by steps of a quarter of a power of two, from the least on.
	RunnableBuckets []Bucket `json:"runnableBuckets"`
	// ToolNs is what was subtracted: blocked, in system calls and runnable.
	ToolNs int64 `json:"toolNs"`
}

// Wait sums up the times that goroutines waited for one reason at one place.
type Wait struct {
	Reason string `json:"reason"`
	// Stack is an index of Stacks.Stacks.
	Stack int `json:"stack"`
	// Count and Ns are of those that began and ended within the trace.
	Count int   `json:"count"`
	Ns    int64 `json:"ns"`
	// OpenCount and OpenNs are of those that lasted since before the trace or to its end.
	OpenCount int   `json:"openCount"`
	OpenNs    int64 `json:"openNs"`
}

// Bucket is a half-open range of durations that begins at LowNs.
type Bucket struct {
	LowNs int64 `json:"lowNs"`
	Count int   `json:"count"`
}

// stackBook gathers Stacks.
type stackBook struct {
	known     map[trace.Stack]int
	indices   map[string]int
	names     [][]string
	tools     []bool
	blocked   map[waitKey]*Wait
	syscalls  map[waitKey]*Wait
	runnable  []int64
	toolNs    int64
	functions map[string]int
	// places are the indices of stacks in Stacks.Stacks.
	places map[int]int
}

type waitKey struct {
	reason string
	stack  int
}

func newStackBook() *stackBook {
	return &stackBook{
		known: map[trace.Stack]int{}, indices: map[string]int{}, functions: map[string]int{},
		blocked: map[waitKey]*Wait{}, syscalls: map[waitKey]*Wait{}, places: map[int]int{},
	}
}

// index returns the number of a stack, the same for stacks with the same functions.
func (b *stackBook) index(stack trace.Stack) int {
	if index, ok := b.known[stack]; ok {
		return index
	}
	var names []string
	for frame := range stack.Frames() {
		names = append(names, frame.Func)
	}
	index := b.intern(names)
	b.known[stack] = index
	return index
}

func (b *stackBook) intern(names []string) int {
	key := strings.Join(names, "\n")
	index, ok := b.indices[key]
	if !ok {
		index = len(b.names)
		b.indices[key] = index
		b.names = append(b.names, names)
		b.tools = append(b.tools, isTool(names))
	}
	return index
}

// enter notes the stack with which g comes into its state. A goroutine that becomes runnable or runs
// is whose it was when it waited.
func (b *stackBook) enter(g *goroutine, stack trace.Stack) {
	if g.state == trace.GoWaiting || g.state == trace.GoSyscall {
		g.stack = b.index(stack)
		g.tool = b.tools[g.stack]
		b.settle(g, b.names[g.stack])
	}
}

// repeat notes the stack of a goroutine whose state was known without one.
func (b *stackBook) repeat(g *goroutine, stack trace.Stack) {
	if len(b.names[g.stack]) == 0 {
		b.enter(g, stack)
	}
}

// leave adds the time that g has spent in its state. It is open if it lasted since before the trace
// or to its end.
func (b *stackBook) leave(g *goroutine, to trace.GoState, ns int64, open, bySystem bool) {
	switch {
	case g.state != trace.GoWaiting && g.state != trace.GoSyscall && g.state != trace.GoRunnable:
	case g.tool:
		b.toolNs += ns
	case g.state == trace.GoRunnable:
		if to == trace.GoRunning && !open {
			b.runnable = append(b.runnable, ns)
		}
	case g.state == trace.GoWaiting && open && bySystem && to == trace.GoRunnable && len(b.names[g.stack]) == 0:
		g.earlierNs = ns
	case g.state == trace.GoWaiting:
		add(b.blocked, waitKey{g.reason, g.stack}, ns, open)
	default:
		add(b.syscalls, waitKey{"", g.stack}, ns, open)
	}
}

// inferredReason is the key of waits since before the trace of which the trace says neither reason nor
// stack, since they ended before it came to list them: if the system woke the goroutine, and what it
// then did first was to read or accept on a descriptor, it was there that it waited for the network.
// One that slept and then read for the first time looks the same.
const inferredReason = networkReason + " (inferred)"

// settle decides where g waited when the trace began: names is the stack with which it next comes into
// a system call or a wait, or nil if there is none.
func (b *stackBook) settle(g *goroutine, names []string) {
	if g.earlierNs == 0 {
		return
	}
	key := waitKey{unknownReason, b.intern(nil)}
	if wait := slices.IndexFunc(names, isDescriptorWait); wait >= 0 && g.state == trace.GoSyscall {
		key = waitKey{inferredReason, b.intern(names[wait:])}
	}
	add(b.blocked, key, g.earlierNs, true)
	g.earlierNs = 0
}

func isDescriptorWait(name string) bool {
	return name == "internal/poll.(*FD).Read" || name == "internal/poll.(*FD).Accept"
}

func add(waits map[waitKey]*Wait, key waitKey, ns int64, open bool) {
	wait := waits[key]
	if wait == nil {
		wait = &Wait{Reason: key.reason, Stack: key.stack}
		waits[key] = wait
	}
	if open {
		wait.OpenCount++
		wait.OpenNs += ns
	} else {
		wait.Count++
		wait.Ns += ns
	}
}

// finish returns what was gathered; only stacks that a wait refers to are in it.
func (b *stackBook) finish() *Stacks {
	s := &Stacks{
		Functions: []string{}, Stacks: [][]int{},
		RunnableNs: distribution(b.runnable), RunnableBuckets: buckets(b.runnable), ToolNs: b.toolNs,
	}
	list := func(waits map[waitKey]*Wait) []Wait {
		sorted := slices.SortedFunc(maps.Values(waits), func(x, y *Wait) int {
			return cmp.Or(
				cmp.Compare(y.Ns+y.OpenNs, x.Ns+x.OpenNs),
				cmp.Compare(x.Reason, y.Reason),
				slices.Compare(b.names[x.Stack], b.names[y.Stack]),
			)
		})
		out := []Wait{}
		for _, wait := range sorted {
			if len(out) == maxWaits {
				s.LeftOutNs += wait.Ns + wait.OpenNs
				continue
			}
			listed := *wait
			listed.Stack = b.place(s, wait.Stack)
			out = append(out, listed)
		}
		return out
	}
	s.Blocked = list(b.blocked)
	s.Syscalls = list(b.syscalls)
	return s
}

// place is the index that a stack has in s, which it enters if it is not there.
func (b *stackBook) place(s *Stacks, stack int) int {
	place, ok := b.places[stack]
	if !ok {
		place = len(s.Stacks)
		b.places[stack] = place
		s.Stacks = append(s.Stacks, b.frames(s, stack))
	}
	return place
}

func (b *stackBook) frames(s *Stacks, stack int) []int {
	frames := []int{}
	for _, name := range b.names[stack] {
		index, ok := b.functions[name]
		if !ok {
			index = len(s.Functions)
			b.functions[name] = index
			s.Functions = append(s.Functions, name)
		}
		frames = append(frames, index)
	}
	return frames
}

// buckets counts durations, which are sorted, in steps of a quarter of a power of two.
func buckets(sorted []int64) []Bucket {
	out := []Bucket{}
	for _, ns := range sorted {
		low := ns
		if shift := bits.Len64(uint64(ns)) - 3; shift > 0 {
			low = ns >> shift << shift
		}
		if len(out) == 0 || out[len(out)-1].LowNs != low {
			out = append(out, Bucket{LowNs: low})
		}
		out[len(out)-1].Count++
	}
	return out
}

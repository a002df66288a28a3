// Package goruntime reads the goroutines of a running program out of its memory, while it goes on.
package goruntime

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"pollgate/bpf/internal/gosym"
	"pollgate/bpf/internal/target"
)

// States of a goroutine, runtime.g.atomicstatus without its scan bit (runtime/runtime2.go).
const (
	scanBit     = 0x1000
	stateIdle   = 0
	stateWaits  = 4
	stateDead   = 6
	stateLeaked = 10 // found unreachable by the collector; it waits
	stateSpare  = 11 // belongs to a thread that came from C
)

var stateNames = map[uint32]string{1: "runnable", 2: "running", 3: "syscall", stateWaits: Waiting,
	8: "running", 9: "preempted", stateLeaked: Waiting}

// Waiting is the state of a goroutine that waits, for a Reason.
const Waiting = "waiting"

// Goroutine is one as it was when it was looked at.
type Goroutine struct {
	ID uint64
	// GoPC is the address of the go statement that made it, StartPC of its function.
	GoPC, StartPC uint64
	// State is runnable, running, syscall, waiting, preempted or other.
	State string
	// Reason is what one that waits waits for, in the words of the program's own runtime; else empty.
	Reason string
	// Stack has return addresses, innermost first; none of one that runs.
	Stack []uint64
}

// Reader reads the goroutines of one process.
type Reader struct {
	memory  *target.Memory
	layout  gosym.Goroutine
	reasons []string
	// allLen and allPointer are the addresses of runtime.allglen and runtime.allgptr.
	allLen, allPointer uint64
	target             *target.Target
	// system has what isSystem found, by StartPC.
	system map[uint64]bool
}

// Open takes what the reading needs while the observer may still take it. It fails where the memory may
// not be read, and for a program without a table of symbols.
func Open(t *target.Target, layout gosym.Goroutine) (r *Reader, err error) {
	memory, err := t.OpenMemory()
	if err != nil {
		return nil, fmt.Errorf("memory of the process: %w", err)
	}
	defer func() {
		if err != nil {
			memory.Close()
		}
	}()
	r = &Reader{memory: memory, layout: layout, target: t, system: map[uint64]bool{}}
	for name, address := range map[string]*uint64{
		"runtime.allglen": &r.allLen, "runtime.allgptr": &r.allPointer,
	} {
		if *address, _, err = t.Binary.Variable(name); err != nil {
			return nil, err
		}
		*address = memory.Address(*address)
	}
	if r.reasons, err = waitReasons(t.Binary, memory); err != nil {
		return nil, err
	}
	return r, nil
}

// waitReasons reads the names from the process itself: their numbers change with the Go version.
func waitReasons(b *gosym.Binary, memory *target.Memory) ([]string, error) {
	const name = "runtime.waitReasonStrings"
	address, size, err := b.Variable(name)
	if err != nil {
		return nil, err
	}
	headers := make([]byte, size)
	if err := memory.Read(headers, memory.Address(address)); err != nil {
		return nil, err
	}
	var reasons []string
	for ; len(headers) >= 16; headers = headers[16:] {
		length := binary.NativeEndian.Uint64(headers[8:])
		if length > 256 {
			return nil, fmt.Errorf("%s[%d] is %d bytes long, expected at most 256", name, len(reasons), length)
		}
		text := make([]byte, length)
		if length > 0 {
			if err := memory.Read(text, binary.NativeEndian.Uint64(headers)); err != nil {
				return nil, err
			}
		}
		reasons = append(reasons, string(text))
	}
	return reasons, nil
}

// Goroutines has those that have not ended, by the address of their g.
func (r *Reader) Goroutines() (map[uint64]Goroutine, error) {
	found := map[uint64]Goroutine{}
	err := r.each(true, func(address uint64, one Goroutine) { found[address] = one })
	return found, err
}

// Own has the program's own goroutines that have not ended, with their stacks.
func (r *Reader) Own() (own []Goroutine, err error) {
	err = r.each(true, func(_ uint64, one Goroutine) {
		if !r.isSystem(one) {
			own = append(own, one)
		}
	})
	return own, err
}

// Counts is how many of the program's goroutines are in each state, those of the runtime itself left out.
func (r *Reader) Counts() (map[string]uint64, error) {
	counts := map[string]uint64{}
	err := r.each(false, func(_ uint64, one Goroutine) {
		if !r.isSystem(one) {
			counts[one.State]++
		}
	})
	return counts, err
}

func (r *Reader) isSystem(one Goroutine) bool {
	system, known := r.system[one.StartPC]
	if !known {
		system = IsSystem(r.target.FrameAt(one.StartPC).Function)
		r.system[one.StartPC] = system
	}
	return system
}

// IsSystem follows runtime.isSystemGoroutine: goroutines that begin with one of the runtime's own functions.
// Those that run finalizers and cleanups count as system here also while they call user code.
func IsSystem(start string) bool {
	switch start {
	case "runtime.main", "runtime.corostart", "runtime.handleAsyncEvent":
		return false
	}
	return strings.HasPrefix(start, "runtime.")
}

// each calls use with every goroutine that has not ended.
func (r *Reader) each(stacks bool, use func(address uint64, one Goroutine)) error {
	// In this order: the runtime writes them in the other one, so the list is never shorter.
	length, err := r.memory.Word(r.allLen)
	if err != nil {
		return err
	}
	list, err := r.memory.Word(r.allPointer)
	if err != nil {
		return err
	}
	const most = 1 << 24
	if length > most {
		return fmt.Errorf("runtime.allglen is %d, expected at most %d", length, most)
	}
	addresses := make([]byte, 8*length)
	if err := r.memory.Read(addresses, list); err != nil {
		return err
	}
	for ; len(addresses) > 0; addresses = addresses[8:] {
		address := binary.NativeEndian.Uint64(addresses)
		one, alive, err := r.goroutine(address, stacks)
		if err != nil {
			return err
		}
		if alive {
			use(address, one)
		}
	}
	return nil
}

func (r *Reader) goroutine(address uint64, stack bool) (one Goroutine, alive bool, err error) {
	l := r.layout
	g := make([]byte, 8+slices.Max([]uint32{l.StackHigh, l.SavedSP, l.SavedPC, l.SavedFP, l.Status,
		l.GoID, l.WaitReason, l.GoPC, l.StartPC}))
	if err := r.memory.Read(g, address); err != nil {
		return Goroutine{}, false, err
	}
	word := func(offset uint32) uint64 { return binary.NativeEndian.Uint64(g[offset:]) }
	status := binary.NativeEndian.Uint32(g[l.Status:]) &^ scanBit
	if status == stateIdle || status == stateDead || status == stateSpare {
		return Goroutine{}, false, nil
	}
	one = Goroutine{ID: word(l.GoID), GoPC: word(l.GoPC), StartPC: word(l.StartPC),
		State: stateNames[status]}
	if one.State == "" {
		one.State = "other"
	}
	if one.State == Waiting {
		one.Reason = "unknown"
		if number := int(g[l.WaitReason]); number < len(r.reasons) {
			one.Reason = r.reasons[number]
		}
	}
	// Of one in a system call the runtime has saved where it went in.
	if stack && one.State != "running" && one.State != "other" {
		one.Stack = r.stack(word(l.SavedPC), word(l.SavedSP), word(l.SavedFP), word(l.StackHigh))
	}
	return one, true, nil
}

// stack follows the frame pointers of a goroutine that does not run its own code. One that moves meanwhile gives
// a short stack: every frame must lie above the one before and below the stack's upper end. The memory
// is read a piece at a time: most stacks are short, and a server's middleware makes some very long.
func (r *Reader) stack(pc, sp, fp, high uint64) []uint64 {
	const depth, pieceBytes = 128, 8192
	frames := []uint64{pc}
	piece, from := []byte(nil), sp
	for len(frames) < depth && fp >= sp && fp < high && high-fp >= 16 {
		if fp < from || fp-from+16 > uint64(len(piece)) {
			piece, from = make([]byte, min(high-fp, pieceBytes)&^7), fp
			if r.memory.Read(piece, from) != nil {
				break
			}
		}
		frame := piece[fp-from:]
		next, caller := binary.NativeEndian.Uint64(frame), binary.NativeEndian.Uint64(frame[8:])
		if caller == 0 {
			break
		}
		frames = append(frames, caller)
		if next <= fp {
			break
		}
		fp = next
	}
	return frames
}

// Close gives up the right to read.
func (r *Reader) Close() error { return r.memory.Close() }

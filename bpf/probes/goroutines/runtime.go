package goroutines

import (
	"encoding/binary"
	"fmt"
	"slices"

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

var stateNames = map[uint32]string{1: "runnable", 2: "running", 3: "syscall", stateWaits: "waiting",
	8: "running", 9: "preempted", stateLeaked: "waiting"}

// snapshot is one goroutine as it was when it was looked at.
type snapshot struct {
	goid          uint64
	goPC, startPC uint64
	state, reason string
	// stack has return addresses, innermost first.
	stack []uint64
}

// runtimeState reads the goroutines of one process out of its memory.
type runtimeState struct {
	memory  *target.Memory
	layout  gosym.Goroutine
	reasons []string
	// allLen and allPointer are the addresses of runtime.allglen and runtime.allgptr.
	allLen, allPointer uint64
}

// openRuntime takes what the reading needs while the observer may still take it.
func openRuntime(t *target.Target, layout gosym.Goroutine) (r *runtimeState, err error) {
	memory, err := t.OpenMemory()
	if err != nil {
		return nil, fmt.Errorf("memory of the process: %w", err)
	}
	defer func() {
		if err != nil {
			memory.Close()
		}
	}()
	r = &runtimeState{memory: memory, layout: layout}
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

// goroutines has those that have not ended, by the address of their g.
func (r *runtimeState) goroutines() (map[uint64]snapshot, error) {
	// In this order: the runtime writes them in the other one, so the list is never shorter.
	length, err := r.memory.Word(r.allLen)
	if err != nil {
		return nil, err
	}
	list, err := r.memory.Word(r.allPointer)
	if err != nil {
		return nil, err
	}
	const most = 1 << 24
	if length > most {
		return nil, fmt.Errorf("runtime.allglen is %d, expected at most %d", length, most)
	}
	addresses := make([]byte, 8*length)
	if err := r.memory.Read(addresses, list); err != nil {
		return nil, err
	}
	found := map[uint64]snapshot{}
	for ; len(addresses) > 0; addresses = addresses[8:] {
		address := binary.NativeEndian.Uint64(addresses)
		one, alive, err := r.goroutine(address)
		if err != nil {
			return nil, err
		}
		if alive {
			found[address] = one
		}
	}
	return found, nil
}

func (r *runtimeState) goroutine(address uint64) (one snapshot, alive bool, err error) {
	l := r.layout
	g := make([]byte, 8+slices.Max([]uint32{l.StackHigh, l.SavedSP, l.SavedPC, l.SavedFP, l.Status,
		l.GoID, l.WaitReason, l.GoPC, l.StartPC}))
	if err := r.memory.Read(g, address); err != nil {
		return snapshot{}, false, err
	}
	word := func(offset uint32) uint64 { return binary.NativeEndian.Uint64(g[offset:]) }
	status := binary.NativeEndian.Uint32(g[l.Status:]) &^ scanBit
	if status == stateIdle || status == stateDead || status == stateSpare {
		return snapshot{}, false, nil
	}
	one = snapshot{goid: word(l.GoID), goPC: word(l.GoPC), startPC: word(l.StartPC),
		state: stateNames[status]}
	if one.state == "" {
		one.state = "other"
	}
	if one.state == "waiting" {
		one.reason = "unknown"
		if number := int(g[l.WaitReason]); number < len(r.reasons) {
			one.reason = r.reasons[number]
		}
	}
	if one.state == "waiting" || one.state == "runnable" || one.state == "preempted" {
		one.stack = r.stack(word(l.SavedPC), word(l.SavedSP), word(l.SavedFP), word(l.StackHigh))
	}
	return one, true, nil
}

// stack follows the frame pointers of a goroutine that does not run. One that moves meanwhile gives
// a short stack: every frame must lie above the one before and below the stack's upper end. The memory
// is read a piece at a time: most stacks are short, and a server's middleware makes some very long.
func (r *runtimeState) stack(pc, sp, fp, high uint64) []uint64 {
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

func (r *runtimeState) Close() error { return r.memory.Close() }

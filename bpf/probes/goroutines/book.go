package goroutines

import (
	"fmt"
	"slices"

	"pollgate/bpf/internal/attach"
	"pollgate/bpf/internal/goruntime"
)

const slotShift = 56 // SLOT_SHIFT in goroutines.bpf.c

// book is all that was recorded of one target.
type book struct {
	creations map[goroutinesCreation]goroutinesBalance
	// stacks begin with the go statement.
	stacks map[goroutinesCreation][]uint64
	live   map[uint64]goroutinesGoroutine // by address of the g
	older  []goroutinesOlderEnd

	names   namer
	window  window
	leakAge uint64
	// now has the goroutines alive behind the window, unless stateErr says why not.
	now      map[uint64]goruntime.Goroutine
	stateErr error
	// looks are those inside the window; nil where the memory may not be read.
	looks *goruntime.Looks
}

// place identifies a site.
type place struct{ goPC, startPC uint64 }

func (r *running) readBook(slot int) (*book, error) {
	b := &book{
		creations: map[goroutinesCreation]goroutinesBalance{},
		stacks:    map[goroutinesCreation][]uint64{},
		live:      map[uint64]goroutinesGoroutine{},
	}
	var creation goroutinesCreation
	var balance goroutinesBalance
	entries := r.objects.Creations.Iterate()
	for entries.Next(&creation, &balance) {
		if int(creation.Slot) == slot {
			b.creations[creation] = balance
		}
	}
	if err := entries.Err(); err != nil {
		return nil, fmt.Errorf("read creations: %w", err)
	}
	var key uint64
	var goroutine goroutinesGoroutine
	entries = r.objects.LiveGoroutines.Iterate()
	for entries.Next(&key, &goroutine) {
		if int(key>>slotShift) == slot {
			b.live[key&(1<<slotShift-1)] = goroutine
		}
	}
	if err := entries.Err(); err != nil {
		return nil, fmt.Errorf("read live goroutines: %w", err)
	}
	var end goroutinesOlderEnd
	entries = r.objects.OlderEnds.Iterate()
	for entries.Next(&key, &end) {
		if int(key>>slotShift) == slot {
			b.older = append(b.older, end)
		}
	}
	if err := entries.Err(); err != nil {
		return nil, fmt.Errorf("read ends of older goroutines: %w", err)
	}
	for creation := range b.creations {
		addresses, err := attach.ReadStack(r.objects.Stacks, creation.Stack)
		if err != nil {
			return nil, err
		}
		b.stacks[creation] = fromGoStatement(addresses, creation.GoPc)
	}
	return b, nil
}

// fromGoStatement leaves out the runtime's own frames. The go statement is known even where the
// stack is not.
func fromGoStatement(stack []uint64, goPC uint64) []uint64 {
	if at := slices.Index(stack, goPC); at >= 0 {
		return stack[at:]
	}
	return []uint64{goPC}
}

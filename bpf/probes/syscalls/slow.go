package syscalls

import (
	"cmp"
	"fmt"
	"slices"

	"pollgate/bpf/internal/attach"
	"pollgate/bpf/internal/gosym"
	"pollgate/bpf/internal/target"
)

const (
	mostExamples = 200
	mostStacks   = 256
)

// fileKinds is in the order of `enum file_kind` in slow.bpf.h.
var fileKinds = []string{"regular", "socket", "pipe", "directory", "character", "block", "other", "none"}

// slowCall is `struct slow_call` in slow.bpf.h.
type slowCall struct {
	Place                  place
	EnteredNs, Ns, BlockNs uint64
	Result                 int64
	FD                     int32
	TID, NonBlocking, _    uint32
}

// place is `struct place` in slow.bpf.h, without holes so that it is read and compared as it is.
type place struct {
	Slot       uint32
	Row, Kind  uint16
	IP, Caller uint64
	Stack      int32
	Pad        uint32
}

// examples keeps the slowest calls of each target, in falling order.
type examples [target.Max][]slowCall

func (e *examples) keep(seen slowCall) {
	kept := e[seen.Place.Slot]
	if len(kept) == mostExamples && seen.Ns <= kept[len(kept)-1].Ns {
		return
	}
	at, _ := slices.BinarySearchFunc(kept, seen.Ns, func(c slowCall, ns uint64) int {
		return cmp.Compare(ns, c.Ns)
	})
	kept = slices.Insert(kept, at, seen)
	e[seen.Place.Slot] = kept[:min(len(kept), mostExamples)]
}

// details puts together what the closed window has of a target.
func (r *running) details(t *target.Target, counts slowTotals) (*Details, error) {
	d := &Details{SlowCallThresholdNs: r.slowCallNs, SlowCalls: []SlowCall{}, Waits: []Wait{},
		Stacks: []Stack{}, Examples: []Example{}}
	for i, row := range rows {
		for j, kind := range fileKinds {
			if total := counts.slow[i*len(fileKinds)+j]; total.Calls > 0 {
				d.SlowCalls = append(d.SlowCalls, r.slowCallOf(row.call, kind, total))
			}
		}
		if total := counts.waits[i]; total.Calls > 0 {
			d.Waits = append(d.Waits, Wait{row.call, total.Calls, total.Ns, total.MaxNs})
		}
	}
	slices.SortStableFunc(d.SlowCalls, func(x, y SlowCall) int { return cmp.Compare(y.TotalNs, x.TotalNs) })
	slices.SortStableFunc(d.Waits, func(x, y Wait) int { return cmp.Compare(y.TotalNs, x.TotalNs) })
	indexes, err := r.stacks(t, d)
	if err != nil {
		return nil, err
	}
	var slow uint64
	for _, c := range d.SlowCalls {
		slow += c.Calls
	}
	for _, c := range r.examples[t.Slot] {
		d.Examples = append(d.Examples, r.exampleOf(c, indexes))
	}
	d.ExamplesLeftOut = slow - uint64(len(d.Examples))
	if r.followsBlocks {
		d.BlockIO, err = r.blockIO(t)
	}
	return d, err
}

func (r *running) slowCallOf(call, kind string, total syscallsTotal) SlowCall {
	return SlowCall{Call: call, FileKind: kind, Calls: total.Calls, TotalNs: total.Ns,
		MaxNs: total.MaxNs, BlockNs: r.blockNs(total.BlockNs)}
}

// blockNs is nil where nobody follows requests to block devices.
func (r *running) blockNs(ns uint64) *uint64 {
	if !r.followsBlocks {
		return nil
	}
	return &ns
}

func (r *running) exampleOf(c slowCall, indexes map[place]int) Example {
	example := Example{Call: rows[c.Place.Row].call, AtNs: c.EnteredNs, DurationNs: c.Ns,
		ThreadID: c.TID, FileKind: fileKinds[c.Place.Kind], NonBlocking: c.NonBlocking != 0,
		Result: c.Result, BlockNs: r.blockNs(c.BlockNs), Stack: -1}
	if c.FD >= 0 {
		example.Descriptor = &c.FD
	}
	if index, listed := indexes[c.Place]; listed {
		example.Stack = index
	}
	return example
}

// stacks lists the places that made slow calls, and tells where each is in the list.
func (r *running) stacks(t *target.Target, d *Details) (map[place]int, error) {
	totals := map[place]syscallsTotal{}
	var at place
	var total syscallsTotal
	entries := r.objects.SlowPlaces.Iterate()
	for entries.Next(&at, &total) {
		if int(at.Slot) == t.Slot && total.Calls > 0 {
			totals[at] = total
		}
	}
	if err := entries.Err(); err != nil {
		return nil, fmt.Errorf("read places of slow calls: %w", err)
	}
	var places []place
	for at := range totals {
		places = append(places, at)
	}
	slices.SortFunc(places, func(x, y place) int {
		return cmp.Or(cmp.Compare(totals[y].Ns, totals[x].Ns), cmp.Compare(x.Row, y.Row),
			cmp.Compare(x.Kind, y.Kind), cmp.Compare(x.Caller, y.Caller), cmp.Compare(x.Stack, y.Stack))
	})
	indexes := map[place]int{}
	for i, at := range places[:min(len(places), mostStacks)] {
		frames, err := r.framesOf(t, at)
		if err != nil {
			return nil, err
		}
		slow := r.slowCallOf(rows[at.Row].call, fileKinds[at.Kind], totals[at])
		d.Stacks = append(d.Stacks, Stack{slow, frames})
		indexes[at] = i
	}
	d.StacksLeftOut = uint64(len(places) - len(d.Stacks))
	return indexes, nil
}

// framesOf puts together what the program took apart (include/caller.bpf.h).
func (r *running) framesOf(t *target.Target, at place) ([]gosym.Frame, error) {
	rest, err := attach.ReadStack(r.objects.Stacks, at.Stack)
	if err != nil {
		return nil, err
	}
	if len(rest) > 0 && rest[0] == at.IP {
		rest = rest[1:]
	}
	addresses := []uint64{at.IP}
	if at.Caller != 0 {
		addresses = append(addresses, at.Caller)
	}
	return t.Frames(append(addresses, rest...)), nil
}

func (r *running) blockIO(t *target.Target) ([]BlockIO, error) {
	var sums [32]BlockIO
	err := attach.SumPerCPU(r.objects.SyscallBlocks, t.Slot, func(b syscallsRowBlocks) {
		for i, row := range b.Row {
			sums[i].Calls += row.Calls
			sums[i].Requests += row.Requests
			sums[i].BlockNs += row.Ns
		}
	})
	found := []BlockIO{}
	for i, sum := range sums[:len(rows)] {
		if sum.Calls > 0 {
			sum.Call = rows[i].call
			found = append(found, sum)
		}
	}
	return found, err
}

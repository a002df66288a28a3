package uring

import (
	"cmp"
	"fmt"
	"slices"

	"pollgate/bpf/internal/attach"
	"pollgate/bpf/internal/target"
)

const (
	operationCount = 80          // OPERATIONS in book.bpf.h
	sliceNs        = 100_000_000 // WINDOW_NS
	latestSlices   = 10          // of WINDOWS
)

// readRequests are those of a target that are under way.
func (r *running) readRequests(t *target.Target) ([]uringRequest, error) {
	var underWay []uringRequest
	var address uint64
	var request uringRequest
	each := r.objects.Requests.Iterate()
	for each.Next(&address, &request) {
		if int(request.Slot) == t.Slot && request.Quiet == 0 {
			underWay = append(underWay, request)
		}
	}
	if err := each.Err(); err != nil {
		return nil, fmt.Errorf("read requests under way: %w", err)
	}
	return underWay, nil
}

func (r *running) readOperations(t *target.Target, d *Details, underWay []uringRequest) error {
	for opcode := range operationCount {
		o := Operation{Name: nameOf(opcode)}
		var refused, punted uint64
		index := t.Slot*operationCount + opcode
		err := attach.SumPerCPU(r.objects.UringOperations, index, func(c uringOperation) {
			o.Submitted += c.Submitted
			o.Completed += c.Completed
			o.Failed += c.Failed
			o.Cancelled += c.Cancelled
			o.Quiet += c.Quiet
			o.QuietFailed += c.QuietFailed
			o.EndedUnseen += c.EndedUnseen
			o.Multishots += c.Multishots
			o.More += c.More
			refused += c.Refused
			punted += c.Punted
			o.Latency.add(c)
		})
		if err != nil {
			return err
		}
		for _, request := range underWay {
			if min(int(request.Opcode), operationCount-1) != opcode {
				continue
			}
			o.InFlight++
			if request.More > 0 {
				o.Multishots++
			}
		}
		if o.Submitted == 0 {
			continue
		}
		if !r.kernel.absent["uring_refused"] {
			o.Refused = &refused
		}
		if !r.kernel.absent["uring_punt"] {
			o.Punted = &punted
		}
		d.Operations = append(d.Operations, o)
	}
	slices.SortStableFunc(d.Operations, func(a, b Operation) int {
		return cmp.Compare(b.Submitted, a.Submitted)
	})
	return nil
}

func (l *Latency) add(c uringOperation) {
	if c.Latencies == 0 {
		return
	}
	if l.Count == 0 || c.LatencyMin < l.MinNs {
		l.MinNs = c.LatencyMin
	}
	l.Count += c.Latencies
	l.SumNs += c.LatencySum
	l.MaxNs = max(l.MaxNs, c.LatencyMax)
}

// nameOf gives a number to operations that are newer than this probe.
func nameOf(opcode int) string {
	switch {
	case opcode < len(operations):
		return operations[opcode]
	case opcode == operationCount-1:
		return fmt.Sprintf("%d and above", opcode)
	}
	return fmt.Sprint(opcode)
}

func (r *running) readRings(t *target.Target, d *Details) error {
	beginNs, _ := r.session.Window()
	var address uint64
	var ring uringRing
	each := r.objects.Rings.Iterate()
	for each.Next(&address, &ring) {
		if int(ring.Slot) != t.Slot {
			continue
		}
		told := Ring{CqEntries: ring.CqEntries, Submitted: ring.Submitted, Completed: ring.Completed,
			CqOverflows: ring.Overflowed, InFlight: ring.Depth, DepthMax: ring.DepthMax,
			CqBacklogMax: ring.BacklogMax, Slices: []Slice{}}
		for _, w := range ring.Windows {
			if w.Number == 0 {
				continue
			}
			told.Slices = append(told.Slices, Slice{FromNs: int64(w.Number)*sliceNs - beginNs,
				Submitted: w.Submitted, Completed: w.Completed, CqOverflows: w.Overflowed,
				DepthMax: w.DepthMax, CqBacklogMax: w.BacklogMax})
		}
		slices.SortFunc(told.Slices, func(a, b Slice) int { return cmp.Compare(a.FromNs, b.FromNs) })
		told.Slices = latest(told.Slices)
		d.Rings = append(d.Rings, told)
	}
	if err := each.Err(); err != nil {
		return fmt.Errorf("read rings: %w", err)
	}
	slices.SortFunc(d.Rings, func(a, b Ring) int {
		return cmp.Or(cmp.Compare(b.Submitted, a.Submitted), cmp.Compare(a.CqEntries, b.CqEntries))
	})
	return nil
}

// latest leaves out slices that are not among the ten that end with the last one.
func latest(all []Slice) []Slice {
	for len(all) > 0 && all[len(all)-1].FromNs-all[0].FromNs >= latestSlices*sliceNs {
		all = all[1:]
	}
	return all
}

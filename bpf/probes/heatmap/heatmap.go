// Package heatmap tells what long wake-ups come together with.
//
// It has no programs of its own: those of the probe wakeup, which are hit anyway, count the pairs
// where this probe is selected too (include/heat.bpf.h). Own programs on the same functions would
// have to find out again what wakeup knows already, at a greater cost than the counting.
package heatmap

import (
	"cmp"
	_ "embed"
	"slices"

	"github.com/cilium/ebpf"

	"pollgate/bpf/internal/attach"
	"pollgate/bpf/internal/probe"
	"pollgate/bpf/internal/report"
	"pollgate/bpf/internal/target"
	"pollgate/bpf/probes/wakeup"
)

//go:embed probe.json
var manifest []byte

// Probe is this probe, ready to be attached.
var Probe = probe.Probe{Manifest: probe.MustManifest(manifest), Attach: attachProbe}

// Details are the joint distributions of the last minute of the window. A value of a cell is the
// least that belongs to it: cells are a quarter of a power of two wide (SubSteps 4), below 4
// exact.
type Details struct {
	SubSteps int `json:"subSteps"`
	// FromNs and ToNs bound what is counted, of CLOCK_MONOTONIC: a window of up to 60 s is counted
	// whole, of a longer one the last 60 to 64 s.
	FromNs int64 `json:"fromNs"`
	ToNs   int64 `json:"toNs"`
	// LoopByWakeup and ReadyByWakeup have a row for each cell that is not empty, in rising order
	// of both values. Each wake-up with a known poll is once in either.
	LoopByWakeup  []LoopCell  `json:"loopByWakeup"`
	ReadyByWakeup []ReadyCell `json:"readyByWakeup"`
	// WithoutLoop counts the wake-ups of the whole window whose poll is not known.
	WithoutLoop uint64 `json:"withoutLoop"`
}

// LoopCell counts wake-ups by the age of the loop when the goroutine was made ready (from the
// return of the poll) and the wake-up delay.
type LoopCell struct {
	LoopNs   uint64 `json:"loopNs"`
	WakeupNs uint64 `json:"wakeupNs"`
	Count    uint64 `json:"count"`
}

// ReadyCell counts wake-ups by how many descriptors the same poll found and the wake-up delay.
type ReadyCell struct {
	ReadyCount uint64 `json:"readyCount"`
	WakeupNs   uint64 `json:"wakeupNs"`
	Count      uint64 `json:"count"`
}

// As in include/heat.bpf.h.
const (
	subBits    = 2
	sliceCount = 16
	sliceNs    = 4_000_000_000
)

// cell is `struct heat_cell`.
type cell [sliceCount]uint64

// pair is a cell of one map by its two indices.
type pair struct{ x, y uint8 }

type running struct {
	session         *attach.Session
	cells, counters *ebpf.Map
}

func attachProbe(session *attach.Session) (probe.Running, error) {
	return &running{session: session, cells: session.Shared(wakeup.HeatCells),
		counters: session.Shared(wakeup.HeatCounters)}, nil
}

func (r *running) Sites(*target.Target) []report.Site { return nil }

func (r *running) Unavailable(t *target.Target) map[string]string {
	reason := ""
	switch {
	case r.cells == nil:
		reason = "probe wakeup not selected or not attached: its hits are counted here"
	case r.session.Shared("observed_threads") == nil:
		reason = "probe netpoll not selected or not attached: it sees the returns of polls"
	case t.HasRing:
		reason = "the process holds an io_uring: its poller finds events without a return of a poll"
	default:
		return nil
	}
	reasons := map[string]string{}
	for _, metric := range Probe.Manifest.Metrics {
		reasons[metric.Name] = reason
	}
	return reasons
}

func (r *running) Read(t *target.Target, out *report.Target) error {
	if r.Unavailable(t) != nil {
		return nil
	}
	if reason, ok := out.Unavailable["wakeupNs"]; ok { // of this target only
		for _, metric := range Probe.Manifest.Metrics {
			out.Unavailable[metric.Name] = reason
		}
		return nil
	}
	withoutLoop, lost, err := wakeup.HeatLosses(r.counters, t.Slot)
	if err != nil {
		return err
	}
	out.Lost["heatmapFull"] += lost
	begin, end := r.session.Window()
	first := end/sliceNs - (sliceCount - 1)
	counts, err := r.count(t.Slot, first, end/sliceNs)
	if err != nil {
		return err
	}
	d := Details{SubSteps: 1 << subBits, FromNs: max(begin, first*sliceNs), ToNs: end,
		LoopByWakeup: []LoopCell{}, ReadyByWakeup: []ReadyCell{}, WithoutLoop: withoutLoop}
	for _, at := range sorted(counts[0]) {
		d.LoopByWakeup = append(d.LoopByWakeup,
			LoopCell{lowerBound(at.x), lowerBound(at.y), counts[0][at]})
	}
	for _, at := range sorted(counts[1]) {
		d.ReadyByWakeup = append(d.ReadyByWakeup,
			ReadyCell{lowerBound(at.x), lowerBound(at.y), counts[1][at]})
	}
	return out.SetDetails(Probe.Manifest.Name, d)
}

// count adds up the slices with numbers from first to last of a target's cells, per map (enum
// heat_map). A slice's word has its number in the high half: older ones have another.
func (r *running) count(slot int, first, last int64) (counts [2]map[pair]uint64, err error) {
	counts = [2]map[pair]uint64{{}, {}}
	var key uint64
	var counted cell
	entries := r.cells.Iterate()
	for entries.Next(&key, &counted) {
		if int(key>>32) != slot {
			continue
		}
		for _, word := range counted {
			if slice := int64(word >> 32); slice >= first && slice <= last && uint32(word) > 0 {
				counts[key>>16&1][pair{uint8(key >> 8), uint8(key)}] += uint64(uint32(word))
			}
		}
	}
	return counts, entries.Err()
}

func sorted(counts map[pair]uint64) []pair {
	var all []pair
	for at := range counts {
		all = append(all, at)
	}
	slices.SortFunc(all, func(a, b pair) int {
		return cmp.Or(cmp.Compare(a.x, b.x), cmp.Compare(a.y, b.y))
	})
	return all
}

// lowerBound is the least value with that index on an axis: heat_index in include/heat.bpf.h.
func lowerBound(index uint8) uint64 {
	if index < 1<<subBits {
		return uint64(index)
	}
	shift := index>>subBits - 1
	return uint64(1<<subBits+index&(1<<subBits-1)) << shift
}

// Close does nothing: the maps belong to the probe wakeup.
func (r *running) Close() error { return nil }

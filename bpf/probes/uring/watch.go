package uring

import (
	"fmt"
	"time"

	"pollgate/bpf/internal/goruntime"
	"pollgate/bpf/internal/probe"
	"pollgate/bpf/internal/target"
)

const (
	mostAlarms = 8
	mostPlaces = 32
	// alarmRest is how long an alarm stands for what follows: a full queue stays full for a while.
	alarmRest = time.Second
)

// watch looks at the rings of a target inside the window, and beside them at its goroutines.
type watch struct {
	target *target.Target
	// goroutines is nil where they cannot be read, and why says why.
	goroutines *goruntime.Reader
	why        string
	rest       goruntime.Rest
	// looked is the slice of the last look at the rings.
	looked int64
	// counts are the goroutines by state, by slice.
	counts map[int64]map[string]uint64
	// overflowed is how far each ring was at the last look.
	overflowed map[uint64]uint64
	alarms     []seenAlarm
	leftOut    uint64
	restUntil  int64
}

// seenAlarm is an Alarm whose stacks have no names yet.
type seenAlarm struct {
	Alarm
	atNs   int64
	places goruntime.Places
}

func newWatch(t *target.Target) *watch {
	w := &watch{target: t, counts: map[int64]map[string]uint64{}, overflowed: map[uint64]uint64{}}
	layout, err := t.Binary.Goroutine()
	if err == nil {
		w.goroutines, err = goruntime.Open(t, layout)
	}
	if err != nil {
		w.why = err.Error()
	}
	return w
}

// Look counts the goroutines of each target with a ring, and gives alarm where a completion queue has become
// too full.
func (r *running) Look(nowNs int64) []probe.Alarm {
	var alarms []probe.Alarm
	for _, w := range r.watches {
		w.count(nowNs)
		if slice := nowNs / sliceNs; slice != w.looked {
			w.looked = slice
			alarms = append(alarms, r.lookAtRings(w, nowNs)...)
		}
	}
	return alarms
}

// count takes the number of goroutines by state once a slice, less often where there are very many.
func (w *watch) count(nowNs int64) {
	slice, began := nowNs/sliceNs, time.Now()
	if _, counted := w.counts[slice]; counted || w.goroutines == nil || !w.rest.Over(began) {
		return
	}
	counts, err := w.goroutines.Counts()
	if err != nil {
		return // it has ended
	}
	w.rest.BeginShort(began, time.Now())
	w.counts[slice] = counts
	for earlier := range w.counts {
		if earlier <= slice-2*latestSlices {
			delete(w.counts, earlier)
		}
	}
}

func (r *running) lookAtRings(w *watch, nowNs int64) []probe.Alarm {
	var alarms []probe.Alarm
	var address uint64
	var ring uringRing
	each := r.objects.Rings.Iterate()
	for each.Next(&address, &ring) {
		if int(ring.Slot) != w.target.Slot {
			continue
		}
		overflows := ring.Overflowed - w.overflowed[address]
		w.overflowed[address] = ring.Overflowed
		backlog := latestBacklog(ring, nowNs)
		full := uint64(backlog)*100 >= r.session.UringAlarmPercent*uint64(ring.CqEntries)
		if r.session.UringAlarmPercent == 0 || !full && overflows == 0 || nowNs < w.restUntil {
			continue
		}
		w.restUntil = nowNs + int64(alarmRest)
		if len(w.alarms) == mostAlarms {
			w.leftOut++
			continue
		}
		w.alarms = append(w.alarms, w.alarm(ring, backlog, overflows, nowNs))
		alarms = append(alarms, probe.Alarm{Target: w.target.Name, Says: fmt.Sprintf(
			"%d of %d entries of a completion queue are not taken, %d overflowed in the last tenth of a second; "+
				"%d requests in flight (--uring-alarm %d)", backlog, ring.CqEntries, overflows, ring.Depth,
			r.session.UringAlarmPercent)})
	}
	return alarms // where the map could not be read, the end of the window tells
}

// latestBacklog is the most completions that were not taken in this slice and the one before.
func latestBacklog(ring uringRing, nowNs int64) (most uint32) {
	for _, w := range ring.Windows {
		if int64(w.Number) >= nowNs/sliceNs-1 {
			most = max(most, w.BacklogMax)
		}
	}
	return most
}

func (w *watch) alarm(ring uringRing, backlog uint32, overflows uint64, nowNs int64) seenAlarm {
	seen := seenAlarm{atNs: nowNs, Alarm: Alarm{CqEntries: ring.CqEntries, CqBacklog: backlog,
		CqOverflows: overflows, InFlight: ring.Depth}}
	if w.goroutines == nil {
		return seen
	}
	if own, err := w.goroutines.Own(); err == nil {
		seen.places = goruntime.Places{}
		for _, one := range own {
			seen.places.Add(one)
		}
	}
	return seen
}

// read adds what was seen to the details: counts to the slices, and alarms with names.
func (w *watch) read(d *Details, beginNs int64) {
	d.GoroutinesUnavailable = w.why
	d.AlarmsLeftOut = w.leftOut
	for i := range d.Rings {
		for j := range d.Rings[i].Slices {
			slice := &d.Rings[i].Slices[j]
			slice.Goroutines = w.counts[(slice.FromNs+beginNs)/sliceNs]
		}
	}
	for _, seen := range w.alarms {
		alarm := seen.Alarm
		alarm.AtNs = seen.atNs - beginNs
		alarm.Goroutines = seen.places.Sorted(w.target.Callers)
		alarm.Goroutines = alarm.Goroutines[:min(len(alarm.Goroutines), mostPlaces)]
		d.Alarms = append(d.Alarms, alarm)
	}
}

func (w *watch) Close() error {
	if w.goroutines == nil {
		return nil
	}
	return w.goroutines.Close()
}

package wakeup

import (
	"cmp"
	"slices"

	"github.com/cilium/ebpf"

	"pollgate/bpf/internal/attach"
	"pollgate/bpf/internal/target"
)

// mostExamples is how many loops, and how many wake-ups, are told of one by one.
const mostExamples = 100

// Details is what the probe tells beside its histograms.
type Details struct {
	NetpollLoops Loops `json:"netpollLoops"`
	// SlowestWakeups are the longest of wakeupNs, at most 100, the longest first.
	SlowestWakeups []Wakeup `json:"slowestWakeups"`
	// ReadyWhileParking counts goroutines that were about to wait when their descriptor became
	// ready. They run on, or were parked a moment later and are in no histogram.
	ReadyWhileParking uint64 `json:"readyWhileParking"`
}

// Loops is what netpollLoopNs does not say; nil examples and zeroes where that is unavailable.
type Loops struct {
	// AlarmThresholdNs is from how long on a loop is an alarm.
	AlarmThresholdNs uint64 `json:"alarmThresholdNs"`
	Alarms           uint64 `json:"alarms"`
	// Examples are the first alarms, at most 100, in order of time.
	Examples []Loop `json:"examples"`
	// ReadyWithoutLoop counts calls of runtime.netpollready after a poll that returned before the
	// window or that was no system call.
	ReadyWithoutLoop uint64 `json:"readyWithoutLoop"`
}

// Loop is one loop of the netpoller.
type Loop struct {
	ThreadID uint32 `json:"threadId"`
	// AtNs is when the poll returned, of CLOCK_MONOTONIC.
	AtNs   uint64 `json:"atNs"`
	LoopNs uint64 `json:"loopNs"`
	// ReadyEvents is how many descriptors the poll found, GoroutinesReady how many times
	// runtime.netpollready was called for them.
	ReadyEvents     uint32 `json:"readyEvents"`
	GoroutinesReady uint32 `json:"goroutinesReady"`
}

// Wakeup is one wake-up by the network.
type Wakeup struct {
	// GoroutineID is 0 where the layout of runtime.g is unknown.
	GoroutineID uint64 `json:"goroutineId"`
	// ThreadID is of the thread that runs the goroutine.
	ThreadID uint32 `json:"threadId"`
	// AtNs is when it was made ready, of CLOCK_MONOTONIC.
	AtNs      uint64 `json:"atNs"`
	WakeupNs  uint64 `json:"wakeupNs"`
	WaitPNs   uint64 `json:"waitPNs"`
	WaitCPUNs uint64 `json:"waitCpuNs"`
	// ReadyEvents is how many descriptors the poll found that found this one; 0 unknown.
	ReadyEvents uint32 `json:"readyEvents"`
}

// The kinds of events, as in wakeup.h.
const (
	slowWakeup = iota
	loopAlarm
)

// event is `struct event` in wakeup.h.
type event struct {
	Kind, Slot, TID, Found       uint32
	AtNs, Ns, WithoutCPUNs, Goid uint64
	Readied, _                   uint32
}

// examples collects what the ring tells, per target. They are read when the ring has ended.
type examples struct {
	floor   *ebpf.Map
	slowest [target.Max][]Wakeup
	loops   [target.Max][]Loop
	err     error
}

func (e *examples) keep(seen event) {
	switch seen.Kind {
	case slowWakeup:
		e.keepSlow(seen)
	case loopAlarm:
		e.loops[seen.Slot] = append(e.loops[seen.Slot], Loop{ThreadID: seen.TID, AtNs: seen.AtNs,
			LoopNs: seen.Ns, ReadyEvents: seen.Found, GoroutinesReady: seen.Readied})
	}
}

// keepSlow keeps the slowest in falling order. Once there are enough, the program in the kernel
// need not tell of any shorter than the last.
func (e *examples) keepSlow(seen event) {
	kept := e.slowest[seen.Slot]
	if len(kept) == mostExamples && seen.Ns <= kept[len(kept)-1].WakeupNs {
		return
	}
	at, _ := slices.BinarySearchFunc(kept, seen.Ns, func(w Wakeup, ns uint64) int {
		return cmp.Compare(ns, w.WakeupNs)
	})
	kept = slices.Insert(kept, at, Wakeup{GoroutineID: seen.Goid, ThreadID: seen.TID,
		AtNs: seen.AtNs, WakeupNs: seen.Ns, WaitPNs: seen.Ns - seen.WithoutCPUNs,
		WaitCPUNs: seen.WithoutCPUNs, ReadyEvents: seen.Found})
	if len(kept) >= mostExamples {
		kept = kept[:mostExamples]
		if err := e.floor.Put(seen.Slot, kept[mostExamples-1].WakeupNs); err != nil {
			e.err = err
		}
	}
	e.slowest[seen.Slot] = kept
}

// openLoops are the loops of a target that the window's end found still open: nobody can tell in
// the kernel that no further goroutine follows, so they are closed here.
func openLoops(threads *ebpf.Map, slot int) ([]Loop, error) {
	var loops []Loop
	var tid uint32
	var thread wakeupThread
	entries := threads.Iterate()
	for entries.Next(&tid, &thread) {
		loop := thread.Loop
		if int(thread.Slot) == slot && loop.ReturnedNs != 0 {
			loops = append(loops, Loop{ThreadID: tid, AtNs: loop.ReturnedNs,
				LoopNs:      loop.LastReadyNs - loop.ReturnedNs,
				ReadyEvents: loop.Found, GoroutinesReady: loop.Readied})
		}
	}
	return loops, entries.Err()
}

// details joins what was told and what was counted.
func (r *running) details(t *target.Target, counters wakeupWakeupCounters, open []Loop) Details {
	threshold := uint64(r.alarm.Nanoseconds())
	d := Details{
		NetpollLoops: Loops{AlarmThresholdNs: threshold, Alarms: counters.LoopAlarms,
			ReadyWithoutLoop: counters.ReadyWithoutLoop},
		SlowestWakeups:    r.examples.slowest[t.Slot],
		ReadyWhileParking: counters.ReadyWhileParking,
	}
	loops := r.examples.loops[t.Slot]
	for _, loop := range open {
		if loop.LoopNs >= threshold {
			d.NetpollLoops.Alarms++
			loops = append(loops, loop)
		}
	}
	slices.SortFunc(loops, func(a, b Loop) int { return cmp.Compare(a.AtNs, b.AtNs) })
	d.NetpollLoops.Examples = loops[:min(len(loops), mostExamples)]
	if d.NetpollLoops.Examples == nil {
		d.NetpollLoops.Examples = []Loop{}
	}
	if d.SlowestWakeups == nil {
		d.SlowestWakeups = []Wakeup{}
	}
	return d
}

// sum adds up all CPUs' counters.
func (r *running) sum(slot int) (total wakeupWakeupCounters, err error) {
	err = attach.SumPerCPU(r.objects.WakeupCounters, slot, func(c wakeupWakeupCounters) {
		total.NetpollreadyHits += c.NetpollreadyHits
		total.ExecuteHits += c.ExecuteHits
		total.ReadyHits += c.ReadyHits
		total.NewprocHits += c.NewprocHits
		total.MapFull += c.MapFull
		total.Restamped += c.Restamped
		total.WaiterUnreadable += c.WaiterUnreadable
		total.ReadyWhileParking += c.ReadyWhileParking
		total.ThreadStateLost += c.ThreadStateLost
		total.CpuWaitUnknown += c.CpuWaitUnknown
		total.CpuWaitTruncated += c.CpuWaitTruncated
		total.ReadyWithoutLoop += c.ReadyWithoutLoop
		total.LoopAlarms += c.LoopAlarms
		total.EventsLost += c.EventsLost
		total.HeatWithoutLoop += c.HeatWithoutLoop
		total.HeatLost += c.HeatLost
	})
	return total, err
}

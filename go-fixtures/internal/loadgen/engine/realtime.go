package engine

import (
	"unsafe"

	"golang.org/x/sys/unix"

	"pollgate/go-fixtures/internal/loadgen/monotime"
)

// With real-time priority the thread goes before every normal one: on a shared
// machine this is the difference between microseconds and milliseconds. The kernel
// allows it 950 ms of each second (sched_rt_runtime_us); who takes more stands
// still for the other 50 ms. A loop that polls would, so it spends a little of each
// half second with normal priority, the highest there is, which costs nothing
// where nobody else wants the CPU.
const (
	realtimePriority = 1 // the lowest; normal threads come after it all the same
	normalNice       = -20

	// A cycle is half a second, so that two that follow each other, one rested early
	// and one late, keep within a second's allowance too.
	cycleNs  = 500_000_000
	normalNs = 35_000_000 // of a cycle; more than the 25 ms that it takes
	// restedNs of sleep in a cycle are enough without.
	restedNs = 50_000_000
)

// realtime keeps the thread within what the kernel allows.
type realtime struct {
	// on: the thread has real-time priority, or had it in this cycle.
	on       bool
	normal   bool  // for the rest of this cycle
	beginNs  int64 // of the cycle
	beginCPU int64 // CPU time of the thread at that time
	dueNs    int64 // next time to look
	real     unix.SchedAttr
	other    unix.SchedAttr
}

// BecomeRealtime asks for real-time priority for the calling thread, which is the
// engine's. false: the kernel refused (it takes CAP_SYS_NICE).
func (e *Engine) BecomeRealtime() bool {
	r := &e.realtime
	r.real = unix.SchedAttr{
		Size:     unix.SizeofSchedAttr,
		Policy:   unix.SCHED_FIFO,
		Flags:    unix.SCHED_FLAG_RESET_ON_FORK,
		Priority: realtimePriority,
	}
	r.other = unix.SchedAttr{
		Size:   unix.SizeofSchedAttr,
		Policy: unix.SCHED_NORMAL,
		Flags:  unix.SCHED_FLAG_RESET_ON_FORK,
		Nice:   normalNice,
	}
	r.on = setAttributes(&r.real)
	return r.on
}

func setAttributes(a *unix.SchedAttr) bool {
	_, _, errno := unix.RawSyscall(unix.SYS_SCHED_SETATTR, 0, uintptr(unsafe.Pointer(a)), 0)
	return errno == 0
}

// begin starts a cycle.
func (r *realtime) begin(now int64) {
	if !r.on {
		r.dueNs = 1<<63 - 1
		return
	}
	if r.normal {
		setAttributes(&r.real)
	}
	r.normal, r.beginNs, r.beginCPU = false, now, monotime.ThreadCPU()
	r.dueNs = now + cycleNs - normalNs
}

// turn changes the priority where it is time to.
func (r *realtime) turn(now int64) {
	switch {
	case now < r.dueNs:
	case r.normal || now-r.beginNs >= cycleNs:
		r.begin(now)
	case now-r.beginNs-(monotime.ThreadCPU()-r.beginCPU) >= restedNs:
		r.begin(now) // it has slept enough
	default:
		r.normal = setAttributes(&r.other)
		r.dueNs = r.beginNs + cycleNs
	}
}

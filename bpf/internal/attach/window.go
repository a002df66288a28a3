package attach

import (
	"fmt"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"
)

// windowSpec must agree with the map `window` in include/target.bpf.h.
var windowSpec = &ebpf.MapSpec{
	Name: "window", Type: ebpf.Array, KeySize: 4, ValueSize: 4, MaxEntries: 1,
}

// OpenWindow lets all programs of all probes record from now on, at once, by one store. A session
// has one window: maps are never cleared, they are untouched before it opens.
//
// It returns a time that is not later than that of any event recorded.
func (s *Session) OpenWindow() (beginNs int64, err error) {
	beginNs = monotonicNs()
	s.beginNs = beginNs
	if err := s.window.Put(uint32(0), uint32(1)); err != nil {
		return 0, fmt.Errorf("open window: %w", err)
	}
	return beginNs, nil
}

// CloseWindow ends the recording by one store and returns when no program writes any more, so
// that what is read next cannot be torn.
func (s *Session) CloseWindow() (endNs int64, err error) {
	if err := s.window.Put(uint32(0), uint32(0)); err != nil {
		return 0, fmt.Errorf("close window: %w", err)
	}
	endNs = monotonicNs()
	s.endNs = endNs
	// A program that saw the window open may still be under way on another CPU. The kernel
	// promises that an update of a map of maps returns only after all programs that could have
	// seen the old state have ended; there is no other call that promises it.
	if err := s.barrier.Put(uint32(0), s.window); err != nil {
		return 0, fmt.Errorf("wait for running programs: %w", err)
	}
	return endNs, nil
}

// Window is when the window was opened and closed, 0 for what has not happened yet, in the clock of
// bpf_ktime_get_ns.
func (s *Session) Window() (beginNs, endNs int64) { return s.beginNs, s.endNs }

// newBarrier makes the map of maps that CloseWindow updates.
func newBarrier() (*ebpf.Map, error) {
	return ebpf.NewMap(&ebpf.MapSpec{
		Name: "barrier", Type: ebpf.ArrayOfMaps, KeySize: 4, ValueSize: 4, MaxEntries: 1,
		InnerMap: windowSpec,
	})
}

// Now is the clock of bpf_ktime_get_ns.
func (s *Session) Now() int64 { return monotonicNs() }

func monotonicNs() int64 {
	var now unix.Timespec
	// Cannot fail: the clock exists and the pointer is good.
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &now)
	return now.Nano()
}

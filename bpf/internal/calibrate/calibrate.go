// Package calibrate times on this machine what one event costs the process that is watched.
package calibrate

import (
	"errors"
	"fmt"
	"runtime"
	"slices"

	"golang.org/x/sys/unix"

	"pollgate/bpf/internal/attach"
	"pollgate/bpf/internal/gosym"
	"pollgate/bpf/internal/selfprobe"
)

// Cost is the CPU time that one event takes from the process in which it happens, in ns.
type Cost struct {
	// TracepointNs is that of one tp_btf program at one end of a system call.
	TracepointNs int64
	// UprobeNs is that of a uprobe on an instruction of Class.
	UprobeNs int64
	Class    gosym.Class
}

const (
	// batches of each kind, with and without the programs in turn; the median of differences is
	// taken, so that a neighbour's burst decides nothing.
	batches       = 5
	callsPerBatch = 5_000
	hitsPerBatch  = 2_000
)

// Measure attaches programs that do what probes do to this process itself and provokes events,
// which takes about 0.3 s, most of it for attaching and detaching.
func Measure(perfUprobes bool) (Cost, error) {
	// CPU time is read from the thread's clock.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	session, err := selfprobe.Open(perfUprobes)
	if err != nil {
		return Cost{}, err
	}
	defer session.Close()
	spec, err := loadCalibrate()
	if err != nil {
		return Cost{}, err
	}
	var objects calibrateObjects
	if err := session.Load(spec, &objects); err != nil {
		return Cost{}, err
	}
	defer objects.Close()
	if _, err := session.OpenWindow(); err != nil {
		return Cost{}, err
	}
	cost := Cost{Class: session.Site.Class}
	pair, err := difference(callsPerBatch, func() { unix.Getppid() }, func() (attach.Links, error) {
		var links attach.Links
		err := links.Tracepoints(objects.CalibrateSysEnter, objects.CalibrateSysExit)
		return links, err
	})
	if err != nil {
		return Cost{}, fmt.Errorf("time tracepoints: %w", err)
	}
	cost.TracepointNs = pair / 2
	cost.UprobeNs, err = difference(hitsPerBatch, selfprobe.Touch, func() (attach.Links, error) {
		link, err := session.Uprobe(objects.CalibrateUprobe, session.Targets[0], session.Site)
		if err != nil {
			return nil, err
		}
		return attach.Links{link}, nil
	})
	if err != nil {
		return Cost{}, fmt.Errorf("time uprobes: %w", err)
	}
	return cost, nil
}

// difference is what an event takes longer with the programs attached than without, in ns of CPU
// time, not below 0.
func difference(events int, provoke func(), attached func() (attach.Links, error)) (int64, error) {
	var differences []int64
	for range batches {
		without := batchNs(events, provoke)
		links, err := attached()
		if err != nil {
			return 0, errors.Join(err, links.Close())
		}
		with := batchNs(events, provoke)
		if err := links.Close(); err != nil {
			return 0, err
		}
		differences = append(differences, (with-without)/int64(events))
	}
	slices.Sort(differences)
	return max(0, differences[batches/2]), nil
}

func batchNs(events int, provoke func()) int64 {
	begin := threadNs()
	for range events {
		provoke()
	}
	return threadNs() - begin
}

func threadNs() int64 {
	var now unix.Timespec
	// Cannot fail: the clock exists and the pointer is good.
	_ = unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &now)
	return now.Nano()
}

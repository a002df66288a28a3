// Package clock bounds how far the clock of the probes is from that of programs.
//
// Both are meant to be CLOCK_MONOTONIC, as are the execution trace of Go and the harness: only then
// may what one saw be joined with what another saw. In a time namespace of its own a program's clock
// is shifted against the kernel's, and nothing else would say so.
package clock

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"

	"pollgate/bpf/internal/report"
	"pollgate/bpf/internal/selfprobe"
)

const (
	// every is how far readings of one window lie apart.
	every = 5 * time.Second
	// tries for each reading: the one that took least time bounds the offset best.
	tries = 5
)

// Watch reads both clocks from its start until it is stopped.
type Watch struct {
	self     *selfprobe.Session
	objects  clockObjects
	link     link.Link
	readings []report.ClockReading
	err      error
	stop     chan struct{}
	stopped  chan struct{}
}

// Open puts a probe on a function of this program. A trap takes less time, and less variable time,
// than a system call that would run the program, and it costs nobody else.
func Open(perfUprobes bool) (w *Watch, err error) {
	w = &Watch{}
	if w.self, err = selfprobe.Open(perfUprobes); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, w.Close())
		}
	}()
	spec, err := loadClock()
	if err != nil {
		return nil, err
	}
	if err := w.self.Load(spec, &w.objects); err != nil {
		return nil, err
	}
	w.link, err = w.self.Uprobe(w.objects.ReadClock, w.self.Targets[0], w.self.Site)
	return w, err
}

// Start reads once and goes on reading every 5 s.
func (w *Watch) Start() {
	w.stop, w.stopped = make(chan struct{}), make(chan struct{})
	w.read()
	go func(stop <-chan struct{}) {
		defer close(w.stopped)
		ticker := time.NewTicker(every)
		defer ticker.Stop()
		for {
			select {
			case <-stop:
				return
			case <-ticker.C:
				w.read()
			}
		}
	}(w.stop)
}

// Stop reads a last time and tells what was seen since Start.
func (w *Watch) Stop() (*report.Clock, error) {
	w.halt()
	w.read()
	if w.err != nil {
		return nil, w.err
	}
	return fit(w.readings), nil
}

// halt ends the reading every 5 s, if it was begun.
func (w *Watch) halt() {
	if w.stop == nil {
		return
	}
	close(w.stop)
	<-w.stopped
	w.stop = nil
}

// Close takes the probe off again.
func (w *Watch) Close() error {
	w.halt()
	var err error
	if w.link != nil {
		err = w.link.Close()
	}
	return errors.Join(err, w.objects.Close(), w.self.Close())
}

func (w *Watch) read() {
	best := report.ClockReading{HalfWidthNs: 1<<63 - 1}
	for range tries {
		reading, err := w.readOnce()
		if err != nil {
			w.err = errors.Join(w.err, err)
			return
		}
		if reading.HalfWidthNs < best.HalfWidthNs {
			best = reading
		}
	}
	w.readings = append(w.readings, best)
}

// readOnce has the kernel's clock read between two readings of our own, so their middle is off by
// half their distance at most.
func (w *Watch) readOnce() (report.ClockReading, error) {
	before := monotonicNs()
	selfprobe.Touch()
	after := monotonicNs()
	var kernel uint64
	if err := w.objects.Reading.Lookup(uint32(0), &kernel); err != nil {
		return report.ClockReading{}, fmt.Errorf("read the clock of the probes: %w", err)
	}
	if kernel == 0 {
		return report.ClockReading{}, errors.New("the probe that reads the clock was not hit")
	}
	middle := before + (after-before)/2
	return report.ClockReading{
		AtNs:        middle,
		OffsetNs:    int64(kernel) - middle,
		HalfWidthNs: (after - before + 1) / 2,
	}, nil
}

// fit draws the line of least squares through the readings and bounds how far the clocks can have
// been apart.
func fit(readings []report.ClockReading) *report.Clock {
	var meanAt, meanOffset float64
	for _, r := range readings {
		meanAt += float64(r.AtNs-readings[0].AtNs) / float64(len(readings))
		meanOffset += float64(r.OffsetNs) / float64(len(readings))
	}
	var covariance, variance float64
	for _, r := range readings {
		at := float64(r.AtNs-readings[0].AtNs) - meanAt
		covariance += at * (float64(r.OffsetNs) - meanOffset)
		variance += at * at
	}
	clock := &report.Clock{Readings: readings, OffsetNs: int64(math.Round(meanOffset))}
	if variance > 0 {
		clock.SlopePpb = int64(math.Round(1e9 * covariance / variance))
	}
	bounds := make([]int64, len(readings))
	for i, r := range readings {
		bounds[i] = max(r.OffsetNs, -r.OffsetNs) + r.HalfWidthNs
	}
	clock.BoundNs = slices.Max(bounds)
	return clock
}

func monotonicNs() int64 {
	var now unix.Timespec
	// Cannot fail: the clock exists and the pointer is good.
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &now)
	return now.Nano()
}

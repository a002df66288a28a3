package session

import (
	"encoding/json"
	"io"
	"sync"
	"time"

	"pollgate/go-fixtures/internal/loadgen/engine"
	"pollgate/go-fixtures/internal/loadgen/spec"
)

// The events, one JSON object per line.
type (
	// connectedEvent: all connections are up.
	connectedEvent struct {
		Event string                  `json:"event"`
		Arms  map[string]connectedArm `json:"arms"`
	}
	connectedArm struct {
		Connections int `json:"connections"`
	}
	// phaseEvent: "phase-start" with time zero of the schedule, a little ahead;
	// "phase-end" with the time of the last reply or timeout, at the earliest
	// the end of the schedule. Both in CLOCK_MONOTONIC ns.
	phaseEvent struct {
		Event string `json:"event"`
		Phase string `json:"phase"`
		AtNs  int64  `json:"atNs"`
	}
	// progressEvent: about once a second, cumulated within the phase.
	progressEvent struct {
		Event     string                 `json:"event"`
		Phase     string                 `json:"phase"`
		ElapsedMs int64                  `json:"elapsedMs"`
		Arms      map[string]progressArm `json:"arms"`
	}
	// progressArm: latency from the intended time, within 1 %; 0 without replies.
	progressArm struct {
		Completed int64 `json:"completed"`
		Errors    int64 `json:"errors"`
		P50Ns     int64 `json:"p50Ns"`
		P99Ns     int64 `json:"p99Ns"`
	}
	doneEvent struct {
		Event string `json:"event"`
	}
)

// emitter writes events from the loop's goroutine (at phase edges) and from the
// one that follows the progress.
type emitter struct {
	spec *spec.Spec

	mutex   sync.Mutex
	lines   *json.Encoder
	phase   string // the one that runs
	startNs int64  // of the one that runs; 0 between phases
}

func newEmitter(w io.Writer, s *spec.Spec) *emitter {
	return &emitter{spec: s, lines: json.NewEncoder(w)}
}

// write must be called with the mutex held. Nobody is left to tell when the
// reader of the events is gone; the end of the control input stops the run then.
func (e *emitter) write(event any) { _ = e.lines.Encode(event) }

func (e *emitter) connected() {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	arms := map[string]connectedArm{}
	for _, arm := range e.spec.Arms {
		arms[arm.Name] = connectedArm{e.spec.ConnectionsPerArm}
	}
	e.write(connectedEvent{"connected", arms})
}

func (e *emitter) phaseStart(name string, atNs int64) {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	e.phase, e.startNs = name, atNs
	e.write(phaseEvent{"phase-start", name, atNs})
}

func (e *emitter) phaseEnd(atNs int64) {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	e.write(phaseEvent{"phase-end", e.phase, atNs})
	e.startNs = 0
}

func (e *emitter) done() {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	e.write(doneEvent{"done"})
}

// followProgress writes progress events until the returned function is called.
func (e *emitter) followProgress(reports <-chan *engine.Progress) (stop func()) {
	quit := make(chan struct{})
	go func() {
		for {
			select {
			case <-quit:
				return
			case report := <-reports:
				e.progress(report)
			}
		}
	}()
	return func() { close(quit) }
}

func (e *emitter) progress(report *engine.Progress) {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	if report.StartNs != e.startNs {
		return // the phase ended while the report was on its way
	}
	arms := map[string]progressArm{}
	for i, arm := range report.Arms {
		arms[e.spec.Arms[i].Name] = progressArm(arm)
	}
	elapsed := time.Duration(report.ElapsedNs).Milliseconds()
	e.write(progressEvent{"progress", e.phase, elapsed, arms})
}

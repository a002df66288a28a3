// Package session runs a spec from the first connection to the written results,
// steered by the program that started it.
package session

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/HdrHistogram/hdrhistogram-go"

	"pollgate/go-fixtures/internal/loadgen/engine"
	"pollgate/go-fixtures/internal/loadgen/monotime"
	"pollgate/go-fixtures/internal/loadgen/record"
	"pollgate/go-fixtures/internal/loadgen/schedule"
	"pollgate/go-fixtures/internal/loadgen/spec"
)

// Command is the line on the control input that lets the next phase begin, and
// after the last one the connections end.
const Command = "next"

// ErrStopped is returned when the control input ended or the context was
// cancelled before the last phase was over.
var ErrStopped = engine.ErrStopped

// Streams connects a session with the program that steers it.
type Streams struct {
	// Control: a line "next" before each phase and one to disconnect; its end
	// stops the session. nil: nothing is waited for.
	Control io.Reader
	Events  io.Writer // one JSON object per line
	// Summary, unless nil, gets the results as text when all is done.
	Summary io.Writer
}

// session is a running Run.
type session struct {
	spec     *spec.Spec
	crew     *crew
	recorder *record.Recorder
	hash     *schedule.Hash
	events   *emitter
	ctx      context.Context
	next     <-chan struct{} // nil: nothing is waited for
	summary  io.Writer       // nil: none
	// apart: the arms are never connected at the same time.
	apart bool
}

// Run connects, carries out all phases and writes the results into folder. When
// it returns ErrStopped, the phases that had ended are written. It reads Control
// until its end, also after it has returned.
func Run(ctx context.Context, s *spec.Spec, folder string, streams Streams) error {
	if err := checkLimits(s); err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	crew, err := newCrew(func() engine.Config { return engineConfig(s) }, s.ConnectionsPerArm, s.CPUs)
	if err != nil {
		return err
	}
	defer crew.close()
	defer context.AfterFunc(ctx, crew.stop)()

	run := &session{
		spec:    s,
		crew:    crew,
		hash:    schedule.NewHash(),
		events:  newEmitter(streams.Events, s),
		ctx:     ctx,
		summary: streams.Summary,
		apart:   s.Interleave == schedule.Run,
	}
	if streams.Control != nil {
		run.next = readControl(streams.Control, len(s.Phases)+2, cancel)
	}
	if err := run.connect(); err != nil {
		return run.reason(err)
	}
	run.recorder, err = record.New(recorderConfig(s, folder))
	if err != nil {
		return err
	}
	return run.carryOut()
}

// connect brings all arms up and makes sure that they answer. Arms that cannot
// live together are tried one after the other and left unconnected.
func (s *session) connect() error {
	if !s.apart {
		if err := s.crew.each(func(_ int, e *engine.Engine) error { return e.Connect() }); err != nil {
			return err
		}
		return s.probe()
	}
	for arm := range s.spec.Arms {
		if err := s.connectArm(arm); err != nil {
			return err
		}
		if err := s.probe(arm); err != nil {
			return err
		}
		s.disconnectArm(arm)
	}
	return nil
}

// probe asks each arm once; one engine is enough.
func (s *session) probe(arms ...int) error {
	return s.crew.each(func(index int, e *engine.Engine) error {
		if index > 0 {
			return nil
		}
		return e.Probe(arms...)
	})
}

func (s *session) connectArm(arm int) error {
	return s.crew.each(func(_ int, e *engine.Engine) error { return e.Connect(arm) })
}

func (s *session) disconnectArm(arm int) {
	// Closing cannot fail.
	_ = s.crew.each(func(_ int, e *engine.Engine) error { e.Disconnect(arm); return nil })
}

// carryOut does everything after the connections are up.
func (s *session) carryOut() error {
	stopProgress := s.events.followProgress(s.crew.workers[0].engine.Progress())
	defer stopProgress()
	s.events.connected()

	err := s.runPhases()
	if err != nil && len(s.recorder.Report().Phases) == 0 && !errors.Is(err, ErrStopped) {
		s.recorder.Discard()
		return err
	}
	// What was finished before it failed is kept, marked as interrupted.
	if writeErr := s.finish(err != nil); writeErr != nil {
		return writeErr
	}
	if err != nil {
		return s.reason(err)
	}
	// The connections stay up until the steering program has counted the server's
	// descriptors. All phases are over, so that being stopped here is a good end.
	_ = s.waitForNext()
	s.events.done()
	return nil
}

func (s *session) finish(interrupted bool) error {
	if err := s.recorder.AddConnect(s.connectTimes()); err != nil {
		return err
	}
	if err := s.recorder.Finish(s.hash.String(), interrupted); err != nil || s.summary == nil {
		return err
	}
	return record.WriteSummary(s.summary, s.recorder.Report())
}

// connectTimes merges the engines' connect times by arm.
func (s *session) connectTimes() []*hdrhistogram.Histogram {
	all := s.crew.workers[0].engine.ConnectNs()
	for _, w := range s.crew.workers[1:] {
		for arm, more := range w.engine.ConnectNs() {
			all[arm].Merge(more)
		}
	}
	return all
}

// reason replaces the bare ErrStopped by what stopped the session.
func (s *session) reason(err error) error {
	if cause := context.Cause(s.ctx); errors.Is(err, ErrStopped) && cause != nil {
		return fmt.Errorf("%w: %w", ErrStopped, cause)
	}
	return err
}

func (s *session) runPhases() error {
	if s.spec.Search != nil {
		return s.search()
	}
	for index := range s.spec.Phases {
		if _, err := s.runPhase(index, s.spec.Phases[index]); err != nil {
			return err
		}
	}
	return nil
}

func (s *session) waitForNext() error {
	if s.next == nil {
		return nil
	}
	select {
	case <-s.ctx.Done():
		return ErrStopped
	case <-s.next:
		return nil
	}
}

// readControl delivers one value per "next" and cancels at the end of the input:
// the program that steers the session is gone then.
func readControl(control io.Reader, commands int, cancel context.CancelCauseFunc) <-chan struct{} {
	next := make(chan struct{}, commands)
	go func() {
		lines := bufio.NewScanner(control)
		for lines.Scan() {
			line := strings.TrimSpace(lines.Text())
			if line != Command {
				cancel(fmt.Errorf("control input: saw %q, allowed: %q or the end of the input", line, Command))
				return
			}
			select {
			case next <- struct{}{}:
			default: // more than there are phases: nothing is left to do
			}
		}
		cancel(errors.New("the control input ended"))
	}()
	return next
}

func recorderConfig(s *spec.Spec, folder string) record.Config {
	c := record.Config{
		Folder:     folder,
		Protocol:   string(s.Protocol),
		Mode:       string(s.Mode),
		Interleave: string(s.Interleave),
		Seed:       s.Seed,
		StartedNs:  monotime.Now(),
	}
	if s.Mode == spec.Open {
		c.Arrivals = string(s.Arrivals.Kind)
	}
	for _, arm := range s.Arms {
		c.Arms = append(c.Arms, arm.Name)
	}
	return c
}

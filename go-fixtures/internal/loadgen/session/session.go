// Package session runs a spec from the first connection to the written results,
// steered by the program that started it.
package session

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"time"

	"pollgate/go-fixtures/internal/loadgen/engine"
	"pollgate/go-fixtures/internal/loadgen/monotime"
	"pollgate/go-fixtures/internal/loadgen/record"
	"pollgate/go-fixtures/internal/loadgen/schedule"
	"pollgate/go-fixtures/internal/loadgen/spec"
	"pollgate/go-fixtures/internal/loadgen/wire"
)

// startLead is how far ahead a phase's time zero is set, so that its first
// request is not late already.
const startLead = 50 * time.Millisecond

// Command is the line on the control input that lets the next phase begin, and
// after the last one the connections end.
const Command = "next"

// ErrStopped is returned when the control input ended or the context was
// cancelled before the last phase was over.
var ErrStopped = engine.ErrStopped

// Streams connects a session with the program that steers it.
type Streams struct {
	Control io.Reader // a line "next" before each phase and one to disconnect; its end stops the session
	Events  io.Writer // one JSON object per line
}

// session is a running Run.
type session struct {
	spec     *spec.Spec
	engine   *engine.Engine
	recorder *record.Recorder
	hash     *schedule.Hash
	events   *emitter
	ctx      context.Context
	next     <-chan struct{}
}

// Run connects, carries out all phases and writes the results into folder. The
// caller has locked its goroutine to its OS thread. When it returns ErrStopped,
// the phases that had ended are written. It reads Control until its end, also
// after it has returned.
func Run(ctx context.Context, s *spec.Spec, folder string, streams Streams) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	e, err := engine.New(engineConfig(s))
	if err != nil {
		return err
	}
	defer e.Close()
	defer context.AfterFunc(ctx, e.Stop)()
	run := &session{
		spec:   s,
		engine: e,
		hash:   schedule.NewHash(),
		events: newEmitter(streams.Events, s),
		ctx:    ctx,
		next:   readControl(streams.Control, len(s.Phases)+1, cancel),
	}
	if err := e.Connect(); err != nil {
		return run.reason(err)
	}
	run.recorder, err = record.New(recorderConfig(s, folder))
	if err != nil {
		return err
	}
	return run.carryOut()
}

// carryOut does everything after the connections are up.
func (s *session) carryOut() error {
	stopProgress := s.events.followProgress(s.engine.Progress())
	defer stopProgress()
	s.events.connected()
	err := s.runPhases()
	if err != nil && !errors.Is(err, ErrStopped) {
		s.recorder.Discard()
		return s.reason(err)
	}
	if writeErr := s.recorder.Finish(s.hash.String(), err != nil); writeErr != nil {
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

// reason replaces the bare ErrStopped by what stopped the session.
func (s *session) reason(err error) error {
	if cause := context.Cause(s.ctx); errors.Is(err, ErrStopped) && cause != nil {
		return fmt.Errorf("%w: %w", ErrStopped, cause)
	}
	return err
}

func (s *session) runPhases() error {
	for index := range s.spec.Phases {
		if err := s.runPhase(index); err != nil {
			return err
		}
	}
	return nil
}

func (s *session) runPhase(index int) error {
	phase := s.spec.Phases[index]
	entries := schedule.Poisson(scheduleConfig(s.spec, index))
	requests := make([]engine.Request, len(entries))
	// What earlier phases left behind is collected now, while nothing is measured.
	runtime.GC()
	if err := s.waitForNext(); err != nil {
		return err
	}
	if err := s.engine.Settle(); err != nil {
		return err
	}
	startNs := monotime.Now() + int64(startLead)
	for i, entry := range entries {
		requests[i] = engine.Request{IntendedNs: startNs + entry.AtNs, Page: entry.Page, Arm: entry.Arm}
	}
	s.events.phaseStart(phase.Name, startNs)
	result, err := s.engine.Run(&engine.Phase{Requests: requests, StartNs: startNs, Duration: phase.Duration()})
	if err != nil {
		return err
	}
	s.events.phaseEnd(result.EndNs)
	s.hash.Add(entries)
	if !phase.Record {
		return nil
	}
	return s.recorder.AddPhase(record.Input{
		Name:     phase.Name,
		Requests: requests,
		StartNs:  startNs,
		Duration: phase.Duration(),
		Result:   result,
		CPU:      s.spec.CPU,
	})
}

func (s *session) waitForNext() error {
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

func engineConfig(s *spec.Spec) engine.Config {
	c := engine.Config{ConnectionsPerArm: s.ConnectionsPerArm, Timeout: s.RequestTimeout()}
	block := &wire.Block{}
	for _, arm := range s.Arms {
		newExchange := block.NewExchange
		if s.Protocol == spec.HTTP1 {
			newExchange = wire.NewHTTP(httpConfig(s.HTTP, arm)).NewExchange
		}
		c.Arms = append(c.Arms, engine.Arm{Name: arm.Name, Address: arm.Address, NewExchange: newExchange})
	}
	return c
}

func httpConfig(h *spec.HTTP, arm spec.Arm) wire.HTTPConfig {
	c := wire.HTTPConfig{
		Method:       h.Method,
		Host:         arm.Address.String(),
		Path:         h.Path,
		Headers:      h.Headers,
		ExpectStatus: h.ExpectStatus,
	}
	if h.ExpectBody != nil {
		c.ExpectBody = []byte(*h.ExpectBody)
	}
	return c
}

func scheduleConfig(s *spec.Spec, phase int) schedule.Config {
	c := schedule.Config{
		Seed:       s.Seed,
		Phase:      phase,
		RatePerSec: s.RatePerSec,
		Duration:   s.Phases[phase].Duration(),
		Arms:       len(s.Arms),
		Interleave: s.Interleave,
		SliceNs:    s.SliceMs * int64(time.Millisecond),
	}
	if s.Protocol == spec.Block4K {
		c.Pages = s.Block.Pages
	}
	return c
}

func recorderConfig(s *spec.Spec, folder string) record.Config {
	c := record.Config{Folder: folder, Protocol: string(s.Protocol), Seed: s.Seed, StartedNs: monotime.Now()}
	for _, arm := range s.Arms {
		c.Arms = append(c.Arms, arm.Name)
	}
	return c
}

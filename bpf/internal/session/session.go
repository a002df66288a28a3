// Package session is `netprobe run`: attach, wait for `begin` and `end`, read, write, detach.
package session

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"pollgate/bpf/internal/attach"
	"pollgate/bpf/internal/calibrate"
	"pollgate/bpf/internal/caps"
	"pollgate/bpf/internal/clock"
	"pollgate/bpf/internal/hist"
	"pollgate/bpf/internal/kernel"
	"pollgate/bpf/internal/probe"
	"pollgate/bpf/internal/report"
	"pollgate/bpf/internal/target"
)

// Config is what one run observes and where it speaks.
type Config struct {
	Targets []target.Spec
	Probes  []probe.Probe
	// Known is every probe that exists: metrics of those not in Probes are reported as not
	// selected.
	Known []probe.Probe
	// MapEntries is the room per target for open descriptors and for goroutines made ready; what
	// does not fit is counted as lost.
	MapEntries uint32
	// LeakAge is how old a goroutine must be at the end of the window to be a candidate for a leak;
	// 0 for a quarter of the window.
	LeakAge time.Duration
	// PerfUprobes takes perf events even where the kernel has uprobe_multi links.
	PerfUprobes bool
	// NetpollAlarm is how long a loop of the netpoller may take before it is counted as an alarm.
	NetpollAlarm time.Duration
	// SlowCall is from how long on a system call is told of as slow.
	SlowCall time.Duration
	// UringAlarmPercent is how full a completion queue may be before it is an alarm.
	UringAlarmPercent uint64
	// Sampled puts the probes that can be sampled on in bursts only.
	Sampled bool
	// BudgetPermille is the share of the targets' CPU time that watching may take before probes are
	// taken off; 0 for no limit.
	BudgetPermille int64
	// Out is the file to write. It is created when the window has closed; an older one of that
	// name is replaced in one step.
	Out    string
	Stdin  io.Reader
	Stdout io.Writer
}

// The ways in which a run ends other than well and other than by failing.
var (
	// ErrInterrupted: a signal or the end of the input came before `end`.
	ErrInterrupted = errors.New("interrupted before the window was closed")
	// ErrProtocol: the input had a line that is not expected there.
	ErrProtocol = errors.New("unexpected input")
)

type session struct {
	config  Config
	attach  *attach.Session
	running []attached
	// failed has the reason for each probe that could not be attached.
	failed   map[string]error
	begin    int64
	costs    costs
	budget   budget
	sampling sampling
	clock    *clock.Watch
}

type attached struct {
	probe.Probe
	probe.Running
}

// Run observes until `end` is read from the input. Everything is detached when it returns.
func Run(ctx context.Context, config Config) (err error) {
	held, err := caps.Effective()
	if err != nil {
		return err
	}
	if err := held.Check(); err != nil {
		return err
	}
	targets, err := target.Open(config.Targets)
	if errors.Is(err, target.ErrPermission) {
		return fmt.Errorf("%w: %w", err, caps.MissingPtrace())
	}
	if err != nil {
		return err
	}
	defer target.Close(targets)

	s := &session{config: config, failed: map[string]error{},
		budget: budget{permille: config.BudgetPermille, report: report.Budget{
			LimitPermille: config.BudgetPermille, Shed: []report.Shed{}}}}
	if s.attach, err = attach.NewSession(targets); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	s.attach.MapEntries = config.MapEntries
	s.attach.LeakAge = config.LeakAge
	s.attach.PerfUprobes = s.attach.PerfUprobes || config.PerfUprobes
	s.attach.NetpollAlarm = config.NetpollAlarm
	s.attach.SlowCall = config.SlowCall
	s.attach.UringAlarmPercent = config.UringAlarmPercent
	for _, p := range config.Probes {
		s.attach.Selected[p.Manifest.Name] = true
	}
	// Before the probes are there, which would be timed as well.
	if s.costs.event, err = calibrate.Measure(s.attach.PerfUprobes); err != nil {
		return fmt.Errorf("time what an event costs: %w", err)
	}
	if s.clock, err = clock.Open(s.attach.PerfUprobes); err != nil {
		return fmt.Errorf("watch the clock: %w", err)
	}
	if err := s.attachProbes(); err != nil {
		return err
	}
	drop := caps.Drop
	if config.Sampled {
		drop = func() error { return caps.DropToAttach(s.attach.PerfUprobes) }
	}
	if err := drop(); err != nil {
		return err
	}
	out, err := createOutput(config.Out)
	if err != nil {
		return err
	}
	defer out.discard()

	return s.serve(ctx, out)
}

// attachProbes attaches what can be attached. A probe that fails costs its metrics, not the run;
// only if none is left there is nothing to observe with.
func (s *session) attachProbes() error {
	for _, p := range s.config.Probes {
		running, err := p.Attach(s.attach)
		if err != nil {
			s.failed[p.Manifest.Name] = err
			continue
		}
		s.running = append(s.running, attached{p, running})
	}
	if len(s.running) > 0 {
		return s.attach.AttachJoint()
	}
	var all error
	for _, p := range s.config.Probes {
		all = errors.Join(all, fmt.Errorf("probe %s: %w", p.Manifest.Name, s.failed[p.Manifest.Name]))
	}
	return all
}

func (s *session) serve(ctx context.Context, out *output) error {
	if err := s.announceReady(); err != nil {
		return err
	}
	commands := readLines(s.config.Stdin)
	looks := time.NewTicker(lookEvery)
	defer looks.Stop()
	watches := time.NewTicker(probe.WatchEvery)
	defer watches.Stop()
	// Without sampling it never fires.
	s.sampling.turn = time.NewTimer(time.Hour)
	s.sampling.turn.Stop()
	defer s.sampling.turn.Stop()
	for {
		select {
		case <-s.sampling.turn.C:
			if err := s.nextTurn(); err != nil {
				return err
			}
		case <-watches.C:
			if err := s.watch(); err != nil {
				return err
			}
		case <-looks.C:
			if s.begin == 0 || s.budget.permille == 0 {
				continue
			}
			if err := s.look(); err != nil {
				return err
			}
		case <-ctx.Done():
			return ErrInterrupted
		case command, open := <-commands:
			switch {
			case !open:
				return ErrInterrupted
			case command == "begin" && s.begin == 0:
				if err := s.open(); err != nil {
					return err
				}
			case command == "end" && s.begin != 0:
				return s.finish(out)
			default:
				return fmt.Errorf("%w %q: expected `begin` once, then `end`", ErrProtocol, command)
			}
		}
	}
}

// watch lets the probes look that do, inside the window.
func (s *session) watch() error {
	if s.begin == 0 {
		return nil
	}
	for _, a := range s.running {
		watching, ok := a.Running.(probe.Watching)
		if !ok {
			continue
		}
		now := s.attach.Now()
		for _, alarm := range watching.Look(now) {
			if err := s.emit(event{"event": "alarm", "atNs": now, "probe": a.Manifest.Name,
				"target": alarm.Target, "says": alarm.Says}); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *session) open() (err error) {
	s.costs.open(s.attach.Targets)
	if s.begin, err = s.attach.OpenWindow(); err != nil {
		return err
	}
	if s.budget.last, err = s.consumed(); err != nil {
		return err
	}
	s.clock.Start()
	s.startSampling()
	return s.emit(event{"event": "begun", "atNs": s.begin})
}

func (s *session) finish(out *output) error {
	end, err := s.attach.CloseWindow()
	if err != nil {
		return err
	}
	s.costs.close(s.attach.Targets)
	clock, err := s.clock.Stop()
	if err != nil {
		return err
	}
	file := &report.File{
		Schema:       report.Schema,
		Kernel:       kernel.Release(),
		Window:       report.Window{BeginNs: s.begin, EndNs: end},
		Clock:        clock,
		BucketScheme: hist.Scheme,
		Probes:       []string{},
		Targets:      map[string]*report.Target{},
	}
	for _, a := range s.running {
		file.Probes = append(file.Probes, a.Manifest.Name)
	}
	file.Sampling = s.sampled(end)
	if s.budget.permille > 0 {
		file.Budget = &s.budget.report
	}
	for _, t := range s.attach.Targets {
		if file.Targets[t.Name], err = s.read(t); err != nil {
			return fmt.Errorf("target %s: %w", t.Name, err)
		}
	}
	if err := s.detach(); err != nil {
		return err
	}
	if err := out.commit(file); err != nil {
		return err
	}
	return s.emit(event{"event": "ended", "atNs": end})
}

func (s *session) read(t *target.Target) (*report.Target, error) {
	out := s.describe(t)
	out.Exited = t.Exited()
	out.Sites = []report.Site{} // each probe appends its own, with the hits
	for _, a := range s.running {
		if err := a.Read(t, out); err != nil {
			return nil, fmt.Errorf("probe %s: %w", a.Manifest.Name, err)
		}
	}
	out.Cost = s.costs.of(t, out, s.systemCallPrograms())
	return out, nil
}

// describe is a target as known before the window: no numbers yet, all reasons.
func (s *session) describe(t *target.Target) *report.Target {
	out := &report.Target{
		PID:         t.PID,
		Sites:       []report.Site{},
		Histograms:  map[string]*hist.Histogram{},
		Details:     map[string]json.RawMessage{},
		Lost:        map[string]uint64{},
		InFlight:    map[string]uint64{},
		Unavailable: map[string]string{},
	}
	if t.Binary.GoVersion != "" {
		out.GoVersion = &t.Binary.GoVersion
	}
	for _, known := range s.config.Known {
		reason := "probe " + known.Manifest.Name + " not selected"
		if err, failed := s.failed[known.Manifest.Name]; failed {
			reason = err.Error()
		}
		for _, m := range known.Manifest.Metrics {
			out.Unavailable[m.Name] = reason
			if m.Kind == "histogram" {
				out.Histograms[m.Name] = nil
			}
		}
	}
	for _, a := range s.running {
		for _, m := range a.Manifest.Metrics {
			delete(out.Unavailable, m.Name)
		}
		for metric, reason := range a.Unavailable(t) {
			out.Unavailable[metric] = reason
		}
		out.Sites = append(out.Sites, a.Sites(t)...)
	}
	return out
}

// detach takes all programs off their hooks and frees their maps.
func (s *session) detach() error {
	err := s.attach.DetachJoint()
	for _, a := range s.running {
		err = errors.Join(err, a.Close())
	}
	s.running = nil
	return err
}

func (s *session) close() error {
	err := errors.Join(s.detach(), s.attach.Close())
	if s.clock != nil {
		err = errors.Join(err, s.clock.Close())
	}
	return err
}

type event map[string]any

func (s *session) emit(e event) error {
	line, err := json.Marshal(e)
	if err != nil {
		return err
	}
	if _, err := s.config.Stdout.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("write to standard output: %w", err)
	}
	return nil
}

func (s *session) announceReady() error {
	targets := map[string]any{}
	for _, t := range s.attach.Targets {
		d := s.describe(t)
		targets[t.Name] = map[string]any{
			"pid": d.PID, "goVersion": d.GoVersion, "sites": d.Sites, "unavailable": d.Unavailable,
		}
	}
	return s.emit(event{"event": "ready", "targets": targets})
}

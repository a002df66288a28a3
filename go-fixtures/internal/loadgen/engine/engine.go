// Package engine sends precomputed requests at their times and receives the
// replies, on the calling OS thread alone.
//
// It has an event loop of its own over raw epoll. Go's netpoller is what the
// fixtures are measured for, so a generator that shared it would share its
// artefacts; goroutines and time.Sleep would add the scheduler's and the timer's
// lateness to every stamp. System calls of the loop are raw: the Go scheduler is
// not told of them and does not take the processor (P) away meanwhile. What
// remains of the scheduler is its request for preemption every 10 ms, which ends
// a sleep early and is otherwise lost in the noise of the kernel's own timer
// tick. Once a phase has begun the loop allocates nothing.
//
// The caller locks its goroutine to its OS thread before New and keeps it so.
package engine

import (
	"errors"
	"fmt"
	"net/netip"
	"sync/atomic"
	"time"

	"pollgate/go-fixtures/internal/loadgen/monotime"
	"pollgate/go-fixtures/internal/loadgen/wire"
)

const (
	// pollAheadNs is how long before a send the loop stops sleeping and polls:
	// longer than a wake-up takes on most machines, short enough to leave the
	// core idle most of the time at moderate rates.
	pollAheadNs = 60_000
	// settleLimit bounds how long Settle waits.
	settleLimit = time.Second
	// readBufferBytes is shared by all connections: no reply is kept.
	readBufferBytes = 64 << 10
)

// ErrStopped is returned by a call that Stop ended early.
var ErrStopped = errors.New("stopped")

// Arm is one server under load.
type Arm struct {
	Name    string
	Address netip.AddrPort
	// NewExchange returns the protocol of one more connection.
	NewExchange func() wire.Exchange
}

// Config of an Engine; all fields are required.
type Config struct {
	Arms              []Arm
	ConnectionsPerArm int
	// Timeout of a request from its sending, and of a connection attempt.
	Timeout time.Duration
}

// Outcome is how a request ended.
type Outcome uint8

const (
	// Pending requests have no end yet; none is left after Run.
	Pending Outcome = iota
	// Completed means that the whole reply came and was verified.
	Completed
	// Unsent means that no connection was free until the phase was over.
	Unsent
	// Reset means that the server closed or reset the connection.
	Reset
	// TimedOut means that the reply was not complete in time.
	TimedOut
	// BadStatus means a complete HTTP reply with another status.
	BadStatus
	// BadBody means other bytes than the reply should have.
	BadBody
)

// Request is one planned request (the first three fields, set by the caller) and
// what became of it. Times are CLOCK_MONOTONIC ns, 0 = did not happen.
type Request struct {
	IntendedNs int64 // when it should be sent
	Page       uint32
	Arm        uint16

	Outcome Outcome
	// Queued: all connections of the arm were busy when the request was due.
	Queued bool
	next   int32 // in the arm's queue; -1 = last

	// PickedNs is when the generator came to the request: PickedNs − IntendedNs
	// is the generator's own lateness. Of a request that was not queued it is SentNs.
	PickedNs int64
	SentNs   int64 // before the write
	DoneNs   int64 // after the last read, or when the request was given up
}

// Phase is what Run does.
type Phase struct {
	Requests []Request // by IntendedNs, ascending
	StartNs  int64
	Duration time.Duration
}

// ArmResult counts what belongs to no request.
type ArmResult struct {
	ConnectErrors int64 // connection attempts that failed
	Reconnects    int64 // connections made again
}

// Usage is what the generator itself spent on a phase.
type Usage struct {
	CPUNs               int64
	EmptyPollNs         int64 // part of CPUNs: polls that found nothing to do
	VoluntarySwitches   int64
	InvoluntarySwitches int64
}

// Result of a phase.
type Result struct {
	EndNs int64 // last reply, or when the last request was given up
	Arms  []ArmResult
	Usage Usage
}

// Engine drives a fixed set of connections. It belongs to one OS thread; only
// Stop and Progress may be used from others.
type Engine struct {
	config  Config
	arms    []armState
	conns   []conn
	poller  *poller
	buffer  []byte
	stopped atomic.Bool

	inflight   connList // by the time of sending
	connecting connList // by the time of the attempt
	down       connList // by the time of the next attempt
	// rampErr is the first failure to connect while the ramp is on.
	ramping bool
	rampErr error

	requests    []Request
	next        int // first request that was not picked yet
	pending     int // requests without an outcome
	startNs     int64
	scheduleEnd int64
	hardEnd     int64
	endNs       int64
	usage       Usage
	progress    progressReporter
}

// armState is what the loop keeps per arm.
type armState struct {
	target     target
	free       connList
	queueHead  int32 // requests that wait for a connection; -1 = none
	queueTail  int32
	result     ArmResult
	live       liveStatistics
	descriptor string // "name (address)", for errors
}

// New prepares an engine without connecting.
func New(c Config) (*Engine, error) {
	p, err := newPoller()
	if err != nil {
		return nil, err
	}
	e := &Engine{
		config: c,
		arms:   make([]armState, len(c.Arms)),
		conns:  make([]conn, len(c.Arms)*c.ConnectionsPerArm),
		poller: p,
		buffer: make([]byte, readBufferBytes),
	}
	e.inflight, e.connecting, e.down = newConnList(e.conns), newConnList(e.conns), newConnList(e.conns)
	for i := range e.arms {
		e.arms[i] = armState{
			target:     newTarget(c.Arms[i].Address),
			free:       newConnList(e.conns),
			queueHead:  -1,
			queueTail:  -1,
			live:       newLiveStatistics(),
			descriptor: fmt.Sprintf("arm %q (%s)", c.Arms[i].Name, c.Arms[i].Address),
		}
	}
	for i := range e.conns {
		// Neighbours belong to different arms, so that the ramp feeds all alike.
		arm := i % len(c.Arms)
		e.conns[i] = conn{index: int32(i), arm: uint16(arm), fd: -1, request: -1, last: -1,
			exchange: c.Arms[arm].NewExchange()}
	}
	e.progress = newProgressReporter(len(c.Arms))
	return e, nil
}

// Stop makes the running call return ErrStopped, and every later one. It may be
// called from any goroutine.
func (e *Engine) Stop() {
	e.stopped.Store(true)
	e.poller.wake()
}

// Close closes all connections.
func (e *Engine) Close() {
	for i := range e.conns {
		if c := &e.conns[i]; c.fd >= 0 {
			closeSocket(c.fd)
			c.fd = -1
		}
	}
	e.poller.close()
}

// Run carries out a phase and writes what happened into its requests. It ends
// when the schedule is over and every request has an outcome, at the latest
// Timeout after the end of the schedule.
func (e *Engine) Run(p *Phase) (Result, error) {
	e.begin(p)
	before := readThreadUsage()
	for now := monotime.Now(); !e.finished(now); now = monotime.Now() {
		if err := e.step(now); err != nil {
			return Result{}, err
		}
	}
	after := readThreadUsage()
	e.usage.CPUNs = after.cpuNs - before.cpuNs
	e.usage.VoluntarySwitches = after.voluntary - before.voluntary
	e.usage.InvoluntarySwitches = after.involuntary - before.involuntary
	result := Result{EndNs: e.endNs, Usage: e.usage, Arms: make([]ArmResult, len(e.arms))}
	for i := range e.arms {
		result.Arms[i] = e.arms[i].result
	}
	e.requests = nil
	return result, nil
}

func (e *Engine) begin(p *Phase) {
	e.requests, e.next, e.pending = p.Requests, 0, len(p.Requests)
	e.startNs = p.StartNs
	e.scheduleEnd = p.StartNs + int64(p.Duration)
	e.hardEnd = e.scheduleEnd + int64(e.config.Timeout)
	e.endNs = e.scheduleEnd
	e.usage = Usage{}
	for i := range e.arms {
		e.arms[i].result = ArmResult{}
		e.arms[i].live.reset()
	}
	for i := range e.conns {
		e.conns[i].last = -1
	}
	e.progress.begin(p.StartNs)
}

// finished gives up what is left once the hard end has come.
func (e *Engine) finished(now int64) bool {
	if now < e.scheduleEnd {
		return false
	}
	if e.pending > 0 && now >= e.hardEnd {
		e.giveUp(now)
	}
	return e.pending == 0
}

// giveUp closes a phase: what is under way timed out, what waits was never sent.
func (e *Engine) giveUp(now int64) {
	for i := range e.arms {
		arm := &e.arms[i]
		for arm.queueHead >= 0 {
			e.requests[arm.dequeue(e.requests)].Outcome = Unsent
			e.pending--
		}
	}
	for ; e.next < len(e.requests); e.next++ {
		// Only a generator that was itself stopped for long comes here.
		e.requests[e.next].Outcome = Unsent
		e.pending--
	}
	for c := e.inflight.first(); c != nil; c = e.inflight.first() {
		e.finish(c, TimedOut, true, now)
	}
	e.endNs = now
}

// step is one turn of the loop: send what is due, see to what is overdue, wait
// for events and handle them.
func (e *Engine) step(now int64) error {
	if e.stopped.Load() {
		return ErrStopped
	}
	now = e.sendDue(now)
	e.expire(now)
	e.reportProgress(now)
	sleepNs := e.sleepFor(now)
	n, err := e.poller.wait(sleepNs)
	if err != nil {
		return err
	}
	if n == 0 && sleepNs <= 0 {
		e.usage.EmptyPollNs += min(monotime.Now()-now, longestEmptyPollNs)
	}
	for i := range n {
		e.sendDue(monotime.Now())
		e.handle(e.poller.event(i))
	}
	return nil
}

// sleepFor returns how long nothing is to be done unless a reply arrives; ≤ 0
// means to poll. Only sends are worth polling for.
func (e *Engine) sleepFor(now int64) int64 {
	until := e.hardEnd
	if e.pending == 0 {
		until = e.scheduleEnd
	}
	if e.next < len(e.requests) {
		until = min(until, e.requests[e.next].IntendedNs-pollAheadNs)
	}
	until = min(until, e.progress.dueNs, e.housekeepingDue())
	return until - now
}

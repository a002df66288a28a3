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
// The loop reports what it did, never what to think of it: package validity
// judges.
//
// The caller locks its goroutine to its OS thread before New and keeps it so.
package engine

import (
	"errors"
	"fmt"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"pollgate/go-fixtures/internal/loadgen/monotime"
	"pollgate/go-fixtures/internal/loadgen/wire"
)

// settleLimit bounds how long Settle waits.
const settleLimit = time.Second

// ErrStopped is returned by a call that Stop ended early.
var ErrStopped = errors.New("stopped")

// Arm is one server under load.
type Arm struct {
	Name    string
	Address netip.AddrPort
	// NewExchange returns the protocol of one more connection.
	NewExchange func() wire.Exchange
}

// Config of an Engine.
type Config struct {
	Arms              []Arm
	ConnectionsPerArm int
	// Timeout of a request from its sending.
	Timeout time.Duration
	// ConnectTimeout of one connection attempt; 0 = Timeout.
	ConnectTimeout time.Duration
	// Dedicated: the thread has its CPU to itself, so that it may poll for replies.
	Dedicated bool
	// CPU that the thread is pinned to, whose stolen time is reported; -1 = none.
	CPU int
	// FirstConnection is how many connections to each arm other engines have: those
	// of this one come after them, also in the choice of local addresses.
	FirstConnection int
}

// Engine drives a fixed set of connections. It belongs to one OS thread; only
// Stop and Progress may be used from others.
type Engine struct {
	config   Config
	arms     []armState
	conns    []conn
	poller   *poller
	receiver *receiver
	stopped  atomic.Bool

	inflight   connList // by the time of sending
	connecting connList // by the time of the attempt
	down       connList // by the time of the next attempt
	// fault is the first failure to connect while the ramp is on, or what shows, then
	// and in a probe, that a server speaks another protocol.
	ramping bool
	fault   error

	requests    []Request
	stamps      []ServerStamps
	closed      *closedLoop // nil in an open loop
	samples     [][]byte    // by arm, what it answers to Probe; nil otherwise
	next        int         // first request that was not picked yet
	pending     int         // requests without an outcome
	startNs     int64
	scheduleEnd int64
	hardEnd     int64
	endNs       int64
	emptyPollNs int64
	pacing      pacing
	realtime    realtime
	progress    progressReporter
}

// armState is what the loop keeps per arm.
type armState struct {
	target     target
	free       connList
	queueHead  int32 // requests that wait for a connection; -1 = none
	queueTail  int32
	inflight   inflight
	result     ArmResult
	live       liveStatistics
	connectNs  *hdrhistogram.Histogram // of every connection that came up
	descriptor string                  // "name (address)", for errors
}

// inflight integrates the number of requests under way over time. It reads the
// clock itself, so that the records can be held against it: a stamp that is lost,
// overwritten or taken at another time makes the two differ.
type inflight struct {
	count   int64
	sinceNs int64
	areaNs  float64
}

func (i *inflight) change(by int64) {
	now := monotime.Now()
	i.areaNs += float64(i.count * (now - i.sinceNs))
	i.count += by
	i.sinceNs = now
}

// New prepares an engine without connecting.
func New(c Config) (*Engine, error) {
	p, err := newPoller()
	if err != nil {
		return nil, err
	}
	if c.ConnectTimeout == 0 {
		c.ConnectTimeout = c.Timeout
	}
	e := &Engine{
		config:   c,
		arms:     make([]armState, len(c.Arms)),
		conns:    make([]conn, len(c.Arms)*c.ConnectionsPerArm),
		poller:   p,
		receiver: newReceiver(),
	}
	e.inflight, e.connecting, e.down = newConnList(e.conns), newConnList(e.conns), newConnList(e.conns)
	for i := range e.arms {
		e.arms[i] = armState{
			target:     newTarget(c.Arms[i].Address),
			free:       newConnList(e.conns),
			queueHead:  -1,
			queueTail:  -1,
			live:       newLiveStatistics(),
			connectNs:  hdrhistogram.New(1, longestLiveNs, 3),
			descriptor: fmt.Sprintf("arm %q (%s)", c.Arms[i].Name, c.Arms[i].Address),
		}
	}
	for i := range e.conns {
		// Neighbours belong to different arms, so that the ramp feeds all alike.
		arm := i % len(c.Arms)
		e.conns[i] = conn{index: int32(i), arm: uint16(arm), fd: -1, request: -1, last: -1,
			source: e.arms[arm].target.source(c.FirstConnection + i/len(c.Arms)), exchange: c.Arms[arm].NewExchange()}
	}
	e.progress = newProgressReporter(len(c.Arms))
	return e, nil
}

// ConnectNs returns how long connections took from the attempt until they were
// up, of each arm since New, in ns. It belongs between phases.
func (e *Engine) ConnectNs() []*hdrhistogram.Histogram {
	all := make([]*hdrhistogram.Histogram, len(e.arms))
	for i := range e.arms {
		all[i] = e.arms[i].connectNs
	}
	return all
}

// Stop makes the running call return ErrStopped, and every later one. It may be
// called from any goroutine.
func (e *Engine) Stop() {
	e.stopped.Store(true)
	e.poller.wake()
}

// Close closes all connections.
func (e *Engine) Close() {
	for i := range e.arms {
		e.Disconnect(i)
	}
	e.poller.close()
}

// Run carries out a phase and writes what happened into its requests. It ends
// when the schedule is over and every request has an outcome, at the latest
// Timeout after the end of the schedule.
func (e *Engine) Run(p *Phase) (Result, error) {
	usage := e.beginUsage()
	e.begin(p)
	if err := e.loop(); err != nil {
		return Result{}, err
	}
	result := e.result(usage.end(e))
	e.requests, e.stamps = nil, nil
	return result, nil
}

func (e *Engine) loop() error {
	now := monotime.Now()
	e.realtime.begin(now)
	for e.pacing.begin(now); !e.finished(now); now = monotime.Now() {
		if err := e.step(now); err != nil {
			return err
		}
	}
	return nil
}

func (e *Engine) result(usage Usage) Result {
	result := Result{EndNs: e.endNs, Usage: usage, Arms: make([]ArmResult, len(e.arms))}
	for i := range e.arms {
		arm := &e.arms[i]
		arm.result.InflightAreaNs = arm.inflight.areaNs
		result.Arms[i] = arm.result
	}
	return result
}

func (e *Engine) begin(p *Phase) {
	e.requests, e.stamps, e.closed = p.Requests, p.Stamps, nil
	e.next, e.pending = 0, len(p.Requests)
	e.startNs = p.StartNs
	e.scheduleEnd = p.StartNs + int64(p.Duration)
	e.hardEnd = e.scheduleEnd + int64(e.config.Timeout)
	e.endNs = e.scheduleEnd
	e.emptyPollNs = 0
	for i := range e.arms {
		e.arms[i].result = ArmResult{}
		e.arms[i].inflight = inflight{}
		e.arms[i].live.reset()
	}
	for i := range e.conns {
		e.conns[i].last = -1
	}
	e.receiver.calibrate()
	e.progress.begin(p.StartNs)
}

// finished gives up what is left once the hard end has come.
func (e *Engine) finished(now int64) bool {
	if now < e.scheduleEnd {
		return false
	}
	// Not before a last look, though: replies may wait that came in time.
	if e.pending > 0 && e.pacing.turnNs >= e.hardEnd {
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
		e.finish(c, TimedOut, true, monotime.Now())
	}
	e.endNs = now
}

// step is one turn of the loop: send what is due, see to what is overdue, wait
// for events and handle them.
func (e *Engine) step(now int64) error {
	if e.stopped.Load() {
		return ErrStopped
	}
	e.pacing.turn(now)
	e.realtime.turn(now)
	now = e.sendDue(now)
	e.reportProgress(now)
	sleepNs := e.sleepFor(now)
	if sleepNs > 0 {
		e.pacing.askedNs = sleepNs
	}
	n, err := e.poller.wait(sleepNs)
	if err != nil {
		return err
	}
	if n == 0 && sleepNs <= 0 {
		e.emptyPollNs += min(monotime.Now()-now, longestEmptyPollNs)
	}
	for i := range n {
		e.sendDue(monotime.Now())
		e.handle(e.poller.event(i))
	}
	// After the replies, and as of before: a loop that was away must not give up
	// what has been answered meanwhile.
	e.expire(now)
	return e.fault
}

package engine

import (
	"fmt"
	"time"

	"pollgate/go-fixtures/internal/loadgen/monotime"
)

// ClosedPhase is a stretch of closed load: every connection sends its next
// request as soon as it has its reply. It finds a server's greatest throughput;
// its latencies leave out what an open loop would have had to wait
// (Schroeder, Wierman, Harchol-Balter: Open Versus Closed, NSDI 2006).
type ClosedPhase struct {
	// Requests has room (capacity) for all requests and is filled in the order of
	// sending; a request is intended when it is sent.
	Requests []Request
	Stamps   []ServerStamps // as long as Requests has room; nil without stamps
	// Keys are used in turn.
	Keys     []uint32
	StartNs  int64
	Duration time.Duration
}

// RoomError says that there were more requests than a phase has room for.
type RoomError struct{ Room int }

func (e *RoomError) Error() string {
	return fmt.Sprintf("more than %d requests in one closed-loop phase, which is all that it has room for: shorten it", e.Room)
}

// closedLoop is what the loop keeps of a ClosedPhase.
type closedLoop struct {
	keys    []uint32
	nextKey int
	full    bool
}

// RunClosed carries out a phase and returns its requests.
func (e *Engine) RunClosed(p *ClosedPhase) ([]Request, Result, error) {
	usage := e.beginUsage()
	e.begin(&Phase{Requests: p.Requests[:0], Stamps: p.Stamps, StartNs: p.StartNs, Duration: p.Duration})
	e.closed = &closedLoop{keys: p.Keys}
	defer func() { e.requests, e.stamps, e.closed = nil, nil, nil }()
	if err := e.waitUntil(p.StartNs); err != nil {
		return nil, Result{}, err
	}
	for i := range e.conns {
		if c := &e.conns[i]; c.list == &e.arms[c.arm].free {
			e.sendNext(c, monotime.Now())
		}
	}
	if err := e.loop(); err != nil {
		return nil, Result{}, err
	}
	if e.closed.full {
		return nil, Result{}, &RoomError{cap(p.Requests)}
	}
	return e.requests, e.result(usage.end(e)), nil
}

// sendNext sends a request of a closed loop on a free connection.
func (e *Engine) sendNext(c *conn, now int64) {
	if now < e.startNs || now >= e.scheduleEnd {
		return // one that comes up before the start is sent on with the others
	}
	if len(e.requests) == cap(e.requests) {
		e.closed.full, e.scheduleEnd = true, now
		return
	}
	loop := e.closed
	index := len(e.requests)
	e.requests = append(e.requests, Request{IntendedNs: now, Key: loop.keys[loop.nextKey], Arm: c.arm})
	e.next = len(e.requests)
	e.pending++
	if loop.nextKey++; loop.nextKey == len(loop.keys) {
		loop.nextKey = 0
	}
	e.send(c, int32(index))
}

// waitUntil turns the loop before a phase begins.
func (e *Engine) waitUntil(ns int64) error {
	for now := monotime.Now(); now < ns; now = monotime.Now() {
		if err := e.turn(ns - now); err != nil {
			return err
		}
	}
	return nil
}

package engine

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"pollgate/go-fixtures/internal/loadgen/monotime"
	"pollgate/go-fixtures/internal/loadgen/wire"
)

const (
	// retryDelay keeps a dead server from being flooded with attempts.
	retryDelay = 100 * time.Millisecond
	// connectWindow bounds the attempts under way during the ramp, below the
	// accept backlog of any server.
	connectWindow = 128
)

// conn is one connection. It is always in exactly one list: its arm's free, or
// the engine's inflight, connecting or down.
type conn struct {
	index      int32
	fd         int32
	generation int32 // tells events of an earlier socket apart
	arm        uint16
	served     bool  // has carried a good reply since it was opened
	request    int32 // index of the request under way; -1 = none
	last       int32 // index of the request before; -1 = none in this phase

	list       *connList
	prev, next int32
	sinceNs    int64 // orders the list

	source   unix.Sockaddr // local address to connect from; nil = the kernel's choice
	unsent   []byte        // rest of the request that the kernel did not take yet
	exchange wire.Exchange
}

// connList is a FIFO of connections linked by index. Changing it allocates
// nothing and takes constant time, wherever the connection stands.
type connList struct {
	conns      []conn
	head, tail int32
	count      int
}

func newConnList(conns []conn) connList { return connList{conns: conns, head: -1, tail: -1} }

func (l *connList) first() *conn {
	if l.head < 0 {
		return nil
	}
	return &l.conns[l.head]
}

// push moves c from the list it is in to the end of l.
func (l *connList) push(c *conn, sinceNs int64) {
	if c.list != nil {
		c.list.remove(c)
	}
	c.list, c.sinceNs, c.prev, c.next = l, sinceNs, l.tail, -1
	if l.tail >= 0 {
		l.conns[l.tail].next = c.index
	} else {
		l.head = c.index
	}
	l.tail = c.index
	l.count++
}

func (l *connList) remove(c *conn) {
	if c.prev >= 0 {
		l.conns[c.prev].next = c.next
	} else {
		l.head = c.next
	}
	if c.next >= 0 {
		l.conns[c.next].prev = c.prev
	} else {
		l.tail = c.prev
	}
	c.list = nil
	l.count--
}

// errClosedAtOnce: a server, or what stands before it, takes only so many.
var errClosedAtOnce = errors.New("a connection was closed as soon as it was up")

// ConnectError says that a server could not be reached at the start.
type ConnectError struct {
	Arm   string // name and address
	Cause error
}

func (e *ConnectError) Error() string {
	hint := "is the server running and listening there?"
	switch e.Cause {
	case unix.EMFILE, unix.ENFILE:
		hint = "raise the limit of open files (ulimit -n) or lower connectionsPerArm"
	case errClosedAtOnce:
		hint = "does the server limit its connections? lower connectionsPerArm"
	case unix.EADDRNOTAVAIL:
		hint = "no local port is left (net.ipv4.ip_local_port_range): lower connectionsPerArm"
	}
	return fmt.Sprintf("cannot connect to %s: %v; %s", e.Arm, e.Cause, hint)
}

func (e *ConnectError) Unwrap() error { return e.Cause }

// Connect opens the connections of the given arms (without any: of all) and
// returns when they are up. The first failure ends it with a *ConnectError.
func (e *Engine) Connect(arms ...int) error {
	e.ramping, e.fault = true, nil
	for i := range e.conns {
		if c := &e.conns[i]; len(arms) == 0 || slices.Contains(arms, int(c.arm)) {
			e.down.push(c, 0)
		}
	}
	err := e.pump(math.MaxInt64)
	e.ramping = false
	return err
}

// Disconnect closes the connections of one arm, which get no requests until it is
// connected again.
func (e *Engine) Disconnect(arm int) {
	for i := range e.conns {
		c := &e.conns[i]
		if int(c.arm) != arm {
			continue
		}
		e.disconnect(c)
		c.generation++ // what the kernel still reports of the old socket is stale
		if c.list != nil {
			c.list.remove(c)
		}
	}
}

// Settle notices what happened to the idle connections since the last phase and
// waits, at most a second, for those that have to be made again. It belongs
// before the start time of the next phase is chosen.
func (e *Engine) Settle() error {
	if err := e.turn(0); err != nil {
		return err
	}
	return e.pump(monotime.Now() + int64(settleLimit))
}

// pump works outside of phases, until all connections are up or the time comes.
func (e *Engine) pump(untilNs int64) error {
	for e.down.count+e.connecting.count > 0 {
		now := monotime.Now()
		if now >= untilNs {
			return nil
		}
		if err := e.turn(min(e.housekeepingDue(), untilNs) - now); err != nil {
			return err
		}
	}
	return nil
}

// turn is one turn of the loop outside of phases.
func (e *Engine) turn(sleepNs int64) error {
	e.expire(monotime.Now())
	if e.fault != nil {
		return e.fault
	}
	if e.stopped.Load() {
		return ErrStopped
	}
	n, err := e.poller.wait(sleepNs)
	if err != nil {
		return err
	}
	for i := range n {
		e.handle(e.poller.event(i))
	}
	return e.fault
}

// expire gives up what took too long and begins the connection attempts that
// are due.
func (e *Engine) expire(now int64) {
	timeout := int64(e.config.Timeout)
	for c := e.inflight.first(); c != nil && c.sinceNs+timeout <= now; c = e.inflight.first() {
		e.finish(c, TimedOut, true, monotime.Now())
	}
	timeout = int64(e.config.ConnectTimeout)
	for c := e.connecting.first(); c != nil && c.sinceNs+timeout <= now; c = e.connecting.first() {
		e.connectFailed(c, unix.ETIMEDOUT, now)
	}
	for c := e.down.first(); c != nil && c.sinceNs <= now && e.connecting.count < connectWindow; c = e.down.first() {
		e.open(c, now)
	}
}

// housekeepingDue returns when expire has something to do.
func (e *Engine) housekeepingDue() int64 {
	due := int64(math.MaxInt64)
	timeout := int64(e.config.Timeout)
	if c := e.inflight.first(); c != nil {
		due = min(due, c.sinceNs+timeout)
	}
	if c := e.connecting.first(); c != nil {
		due = min(due, c.sinceNs+int64(e.config.ConnectTimeout))
	}
	if c := e.down.first(); c != nil && e.connecting.count < connectWindow {
		due = min(due, c.sinceNs)
	}
	return due
}

func (e *Engine) open(c *conn, now int64) {
	fd, err := dial(e.arms[c.arm].target, c.source)
	if err != nil {
		e.connectFailed(c, err, now)
		return
	}
	c.fd, c.served = fd, false
	c.generation++
	e.connecting.push(c, now)
	if err := e.poller.add(c); err != nil {
		e.connectFailed(c, err, now)
	}
}

// opened is called when the outcome of an attempt is known.
func (e *Engine) opened(c *conn, now int64) {
	if err := connectOutcome(c.fd); err != nil {
		e.connectFailed(c, err, now)
		return
	}
	arm := &e.arms[c.arm]
	// Cannot fail: the value is in range.
	_ = arm.connectNs.RecordValue(min(max(now-c.sinceNs, 1), longestLiveNs))
	if !e.ramping {
		arm.result.Reconnects++
	}
	e.release(c, now)
}

func (e *Engine) connectFailed(c *conn, cause error, now int64) {
	e.disconnect(c)
	e.down.push(c, now+int64(retryDelay))
	if !e.ramping {
		e.arms[c.arm].result.ConnectErrors++
		return
	}
	if e.fault == nil {
		e.fault = &ConnectError{Arm: e.arms[c.arm].descriptor, Cause: cause}
	}
}

// reopen replaces a connection that cannot be used any more. One that never
// carried a good reply waits first: its server accepts only to fail.
func (e *Engine) reopen(c *conn, now int64) {
	e.disconnect(c)
	if c.served {
		e.open(c, now)
		return
	}
	e.down.push(c, now+int64(retryDelay))
}

func (e *Engine) disconnect(c *conn) {
	if c.fd >= 0 {
		closeSocket(c.fd)
	}
	c.fd, c.unsent = -1, nil
}

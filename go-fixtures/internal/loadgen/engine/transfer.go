package engine

import (
	"slices"

	"golang.org/x/sys/unix"

	"pollgate/go-fixtures/internal/loadgen/monotime"
	"pollgate/go-fixtures/internal/loadgen/wire"
)

// sendDue sends every request whose time has come, or queues it where the arm
// has no free connection. It returns the time at which it looked last.
func (e *Engine) sendDue(now int64) int64 {
	for e.next < len(e.requests) && e.requests[e.next].IntendedNs <= now && now < e.hardEnd {
		index := int32(e.next)
		e.next++
		r := &e.requests[index]
		arm := &e.arms[r.Arm]
		if c := arm.free.first(); c != nil {
			e.send(c, index)
		} else {
			r.Queued, r.PickedNs = true, now
			arm.enqueue(e.requests, index)
		}
		now = monotime.Now()
	}
	return now
}

// send puts a request onto a free connection.
func (e *Engine) send(c *conn, index int32) {
	r := &e.requests[index]
	c.request = index
	c.unsent = c.exchange.Begin(r.Key)
	r.SentNs = monotime.Now()
	if !r.Queued {
		r.PickedNs = r.SentNs
	}
	e.inflight.push(c, r.SentNs)
	e.arms[c.arm].inflight.change(1)
	e.pacing.lastEventNs = r.SentNs
	e.flush(c)
}

// flush writes what the kernel takes; the rest goes when the socket is writable.
func (e *Engine) flush(c *conn) {
	for len(c.unsent) > 0 {
		n, errno := sendBytes(c.fd, c.unsent)
		switch errno {
		case 0:
			c.unsent = c.unsent[n:]
		case unix.EINTR:
		case unix.EAGAIN:
			return
		default:
			e.finish(c, Reset, true, monotime.Now())
			return
		}
	}
}

// handle acts on one event of the poller.
func (e *Engine) handle(ev event) {
	if ev.index < 0 {
		return // woken by Stop
	}
	c := &e.conns[ev.index]
	if c.generation != ev.generation || c.fd < 0 {
		return // of a socket that was closed earlier in this batch
	}
	if c.list == &e.connecting {
		// What else the event says of the new connection is not said again.
		e.opened(c, monotime.Now())
	}
	if ev.writable && len(c.unsent) > 0 {
		e.flush(c)
	}
	// A failed write may have replaced the socket.
	if ev.readable && c.generation == ev.generation && c.fd >= 0 {
		e.receive(c, ev.hangup)
	}
}

// receive reads until the socket is empty: the poller reports only changes. A
// read that does not fill the buffer has emptied it, unless the server has hung
// up, which only a further read can tell.
func (e *Engine) receive(c *conn, hangup bool) {
	generation := c.generation
	for c.generation == generation && c.fd >= 0 {
		n, arrivedNs, errno := e.receiver.read(c.fd)
		now := monotime.Now()
		e.pacing.lastEventNs = now
		switch {
		case errno == unix.EINTR:
			continue
		case errno == unix.EAGAIN:
			return
		case errno != 0 || n == 0:
			e.lost(c, now)
			return
		}
		e.consume(c, chunk{e.receiver.buffer[:n], arrivedNs, now, hangup})
		if n < readBufferBytes && !hangup {
			return
		}
		e.sendDue(now) // a server that never stops sending must not stop the schedule
	}
}

// chunk is what one read has brought.
type chunk struct {
	bytes     []byte
	arrivedNs int64 // the kernel's stamp; 0 = unknown
	atNs      int64 // after the read
	hangup    bool  // the server will not answer on this connection again
}

// consume hands a chunk to the exchange and settles the request when its reply is
// complete.
func (e *Engine) consume(c *conn, in chunk) {
	if c.request < 0 {
		e.unsolicited(c, in)
		return
	}
	// A reply that was there in time is in time, however late it is read.
	cameNs := in.atNs
	if in.arrivedNs != 0 {
		cameNs = in.arrivedNs
	}
	if cameNs-c.sinceNs > int64(e.config.Timeout) || cameNs > e.hardEnd {
		e.finish(c, TimedOut, true, in.atNs)
		return
	}
	if e.samples != nil {
		e.sample(c.arm, in.bytes)
	}
	result := c.exchange.Feed(in.bytes)
	outcome := Completed
	switch result.Verdict {
	case wire.Incomplete:
		return
	case wire.WrongStatus:
		outcome = BadStatus
	case wire.WrongBody:
		outcome = BadBody
	}
	if result.Consumed < len(in.bytes) {
		// More than was asked for: this reply is not what it seemed.
		outcome, result.Close = BadBody, true
	}
	e.requests[c.request].ArrivedNs = in.arrivedNs
	if e.stamps != nil {
		e.stamps[c.request] = ServerStamps(result.Stamps)
	}
	// A reply that overtook its request leaves the server in an unknown state.
	replace := result.Close || in.hangup || len(c.unsent) > 0
	e.finish(c, outcome, replace, in.atNs)
}

// unsolicited bytes on an idle connection belong to the reply before, which was
// thus longer than it should be.
func (e *Engine) unsolicited(c *conn, in chunk) {
	if (e.ramping || e.samples != nil) && e.fault == nil {
		reply := slices.Clone(in.bytes[:min(len(in.bytes), sampleBytes)])
		e.fault = &ProtocolError{e.arms[c.arm].descriptor, BadBody, reply}
	}
	if c.last >= 0 && e.requests != nil && e.requests[c.last].Outcome == Completed {
		e.requests[c.last].Outcome = BadBody
		e.arms[c.arm].live.reclassify()
	}
	e.reopen(c, in.atNs)
}

// lost is called when the server has closed or reset a connection.
func (e *Engine) lost(c *conn, now int64) {
	if c.request >= 0 {
		e.finish(c, Reset, true, now)
		return
	}
	if e.ramping && e.fault == nil {
		e.fault = &ConnectError{Arm: e.arms[c.arm].descriptor, Cause: errClosedAtOnce}
	}
	e.reopen(c, now) // an idle connection: no request is harmed
}

// finish settles the request under way on c. The connection goes on to the next
// request, or is replaced.
func (e *Engine) finish(c *conn, outcome Outcome, replace bool, now int64) {
	r := &e.requests[c.request]
	r.Outcome, r.DoneNs = outcome, now
	c.last, c.request = c.request, -1
	e.arms[c.arm].inflight.change(-1)
	e.pending--
	e.endNs = max(e.endNs, now)
	live := &e.arms[c.arm].live
	if outcome == Completed {
		c.served = true
		live.completedIn(now - r.IntendedNs)
	} else {
		live.errors++
	}
	if replace {
		e.reopen(c, now)
		return
	}
	e.release(c, now)
}

// release gives a connection its arm's next waiting request, or sets it free.
func (e *Engine) release(c *conn, now int64) {
	arm := &e.arms[c.arm]
	// The connection is free first, so that a failing send finds it in a list.
	arm.free.push(c, now)
	switch {
	case arm.queueHead >= 0:
		e.send(c, arm.dequeue(e.requests))
	case e.closed != nil:
		e.sendNext(c, now)
	}
}

// enqueue and dequeue keep the waiting requests as a list through the requests
// themselves: however many wait, nothing is allocated.
func (a *armState) enqueue(requests []Request, index int32) {
	requests[index].next = -1
	if a.queueTail >= 0 {
		requests[a.queueTail].next = index
	} else {
		a.queueHead = index
	}
	a.queueTail = index
}

func (a *armState) dequeue(requests []Request) int32 {
	index := a.queueHead
	a.queueHead = requests[index].next
	if a.queueHead < 0 {
		a.queueTail = -1
	}
	return index
}

package engine

// How the loop waits decides how late it sends and reads. It sleeps only while
// nothing can happen soon, and polls otherwise: a wake-up from sleep costs tens
// of microseconds, a poll that finds nothing under one.
const (
	// pollAheadNs is how long before a send the loop stops sleeping and polls:
	// longer than a wake-up takes on most machines, short enough to leave the
	// core idle most of the time at moderate rates.
	pollAheadNs = 60_000
	// pollRepliesNs is how long after the last event the loop polls for replies
	// that are due. Later ones are found after a wake-up, which then is less than
	// a tenth of their latency.
	pollRepliesNs = 500_000
	// heartbeatNs bounds every sleep, so that a loop that was stopped is seen to
	// come back late, whatever it was waiting for.
	heartbeatNs = 10_000_000
)

// pacing remembers how the loop has waited.
type pacing struct {
	lastEventNs int64 // last send or reply
	turnNs      int64 // begin of the last turn
	askedNs     int64 // how long that turn asked to sleep
	largestGap  int64
}

func (p *pacing) begin(now int64) { *p = pacing{turnNs: now} }

// turn notes the begin of a turn: what the last one took beyond the sleep that
// it asked for is a gap, in which nothing could be sent or read.
func (p *pacing) turn(now int64) {
	p.largestGap = max(p.largestGap, now-p.turnNs-p.askedNs)
	p.turnNs, p.askedNs = now, 0
}

// sleepFor returns how long nothing is to be done unless a reply arrives; ≤ 0
// means to poll.
func (e *Engine) sleepFor(now int64) int64 {
	until := min(now+heartbeatNs, e.hardEnd, e.progress.dueNs, e.housekeepingDue())
	if e.pending == 0 {
		until = min(until, e.scheduleEnd)
	}
	if e.next < len(e.requests) {
		until = min(until, e.requests[e.next].IntendedNs-pollAheadNs)
	}
	if e.expectsReply(now) {
		return 0
	}
	return until - now
}

// expectsReply says whether a reply is worth polling for. Only a thread that has
// its CPU to itself may: elsewhere it would keep the server from answering.
func (e *Engine) expectsReply(now int64) bool {
	return e.config.Dedicated && e.inflight.count > 0 && now-e.pacing.lastEventNs < pollRepliesNs
}

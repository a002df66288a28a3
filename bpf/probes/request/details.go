package request

// Details is what became of the requests of a target. Every request that began is in one place:
// Woken is Joined and the sums in Unmatched named for it and inFlightAtEnd.requestsWoken; Direct
// is DirectJoined, Unmatched.ReadWithoutWrite and inFlightAtEnd.requestsRead, where both kinds
// share EndOfStream and Closed.
type Details struct {
	// ReadableHook is the tracepoint that tells when data is there: "sk_data_ready" or "tcp_probe".
	ReadableHook string `json:"readableHook"`
	// Woken counts requests whose goroutine was parked and was made ready for them; Joined those of
	// them that were answered. They are in the first four histograms.
	Woken  uint64 `json:"woken"`
	Joined uint64 `json:"joined"`
	// Direct counts requests whose goroutine read them without having parked, because the data was
	// there already; DirectJoined those that were answered. They are in the last two histograms.
	Direct       uint64 `json:"direct"`
	DirectJoined uint64 `json:"directJoined"`
	// JoinRatePpm is Joined and DirectJoined in a million writes that answer a request: those two
	// and AnswerWithoutReadable. Null where there was no such write.
	JoinRatePpm *uint64   `json:"joinRatePpm"`
	Unmatched   Unmatched `json:"unmatched"`
	// AnswersFromBefore counts replies to requests that had come before the window: one a
	// connection at most.
	AnswersFromBefore uint64 `json:"answersFromBefore"`
	// FurtherWrites are writes that begin no reply: the rest of one that went in parts, replies to
	// requests that were read together with the one before (pipelining), what is sent unasked.
	FurtherWrites uint64 `json:"furtherWrites"`
	// CoalescedReadable counts times of data that was read in one with earlier data.
	CoalescedReadable uint64 `json:"coalescedReadable"`
	// AcceptWakeups are wake-ups of goroutines that wait at a listening socket: not requests.
	AcceptWakeups uint64 `json:"acceptWakeups"`
	// OtherWakeups are wake-ups on descriptors that are no sockets (pipes).
	OtherWakeups uint64 `json:"otherWakeups"`
}

// Unmatched is what could not be joined, by what was seen of it.
type Unmatched struct {
	// Superseded: the goroutine was made ready again before it ran.
	Superseded uint64 `json:"superseded"`
	// RunWithoutWrite: it ran, and waited for more without a reply: a request in several parts, or
	// a message that has none. The next part counts as a request of its own.
	RunWithoutWrite uint64 `json:"runWithoutWrite"`
	// ReadWithoutWrite: the same, of one that was read without parking.
	ReadWithoutWrite uint64 `json:"readWithoutWrite"`
	// WokenForNothing: it ran, and its first read found nothing.
	WokenForNothing uint64 `json:"wokenForNothing"`
	// EndOfStream: the other side closed, or reset the connection.
	EndOfStream uint64 `json:"endOfStream"`
	// Closed: the socket was closed before a reply.
	Closed uint64 `json:"closed"`
	// WakeWithoutReadable counts wake-ups for whose data there is no time: spurious ones, resets,
	// data from before the window. These are wake-ups, not requests.
	WakeWithoutReadable uint64 `json:"wakeWithoutReadable"`
	// AnswerWithoutReadable counts replies to requests whose beginning was not seen: data that came
	// before the connection was accepted, or in one segment with the request before.
	AnswerWithoutReadable uint64 `json:"answerWithoutReadable"`
}

// add counts in what one CPU has counted.
func (d *Details) add(c requestRequestCounters) {
	d.Woken += c.Woken
	d.Joined += c.Joined
	d.Direct += c.Direct
	d.DirectJoined += c.DirectJoined
	d.AnswersFromBefore += c.AnswersFromBefore
	d.FurtherWrites += c.FurtherWrites
	d.CoalescedReadable += c.Coalesced
	d.AcceptWakeups += c.WakesForAccept
	d.OtherWakeups += c.WakesWithoutSocket
	u := &d.Unmatched
	u.Superseded += c.Superseded
	u.RunWithoutWrite += c.RunWithoutWrite
	u.ReadWithoutWrite += c.ReadWithoutWrite
	u.WokenForNothing += c.WokenForNothing
	u.EndOfStream += c.Ended
	u.Closed += c.Closed
	u.WakeWithoutReadable += c.WakesWithoutReadable
	u.AnswerWithoutReadable += c.AnswersWithoutReadable
}

func (d *Details) rate() {
	joined := d.Joined + d.DirectJoined
	if answers := joined + d.Unmatched.AnswerWithoutReadable; answers > 0 {
		ppm := joined * 1_000_000 / answers
		d.JoinRatePpm = &ppm
	}
}

package fdleak

// Details is what the probe tells beside the balance by kind: evidence for or against a leak, not
// a verdict. What is opened and never closed may be a pool. A pool fills early and stays; a leak
// grows in every quarter of the window.
type Details struct {
	// Origins are the places that opened descriptors inside the window, those with the most left
	// open first; at most 256.
	Origins        []Origin `json:"origins"`
	OriginsLeftOut uint64   `json:"originsLeftOut"`
	// Open are the descriptors opened in the window and open at its end, the oldest first; at
	// most 1,024.
	Open        []Open `json:"open"`
	OpenLeftOut uint64 `json:"openLeftOut"`
	// AgesAtEnd has, for each kind with a descriptor left open, how long ago they were opened.
	AgesAtEnd map[string][]AgeRow `json:"agesAtEnd"`
	// ClosedUnseen counts closings inside the window that were noticed only because the number
	// was given anew. They are in the balance as closed.
	ClosedUnseen uint64 `json:"closedUnseen"`
	// DoubleClose is closing a number that was closed before in the window and is not open. If
	// it were open again, somebody else's descriptor would be closed, which looks like any close.
	DoubleClose Misuse `json:"doubleClose"`
	// CloseOfUnknown is closing a number that is not open and was not closed in the window.
	CloseOfUnknown Misuse `json:"closeOfUnknown"`
	// EpollOutlivingClose is closing a number that an epoll waits for while a copy, here or in
	// another process, keeps its file alive: events go on under the number, which nobody can
	// remove any more.
	EpollOutlivingClose Misuse `json:"epollOutlivingClose"`
	// Ring is null on kernels without the tracepoint io_uring_submit_req.
	Ring *RingRequests `json:"ring"`
}

// Origin is one stack that opened descriptors of one kind.
type Origin struct {
	// Stack is where the call came from, innermost frame first.
	Stack []Frame `json:"stack"`
	// Kind is one of the kinds of the balance.
	Kind string `json:"kind"`
	// Opened and Closed are counts of the window; Closed counts who opened, not who closed.
	Opened    uint64 `json:"opened"`
	Closed    uint64 `json:"closed"`
	OpenAtEnd uint64 `json:"openAtEnd"`
	// OpenByQuarter splits OpenAtEnd by the quarter of the window in which they were opened.
	OpenByQuarter [4]uint64 `json:"openByQuarter"`
	// OldestAgeNs and YoungestAgeNs are of those open at the end; 0 if there are none.
	OldestAgeNs   uint64 `json:"oldestAgeNs"`
	YoungestAgeNs uint64 `json:"youngestAgeNs"`
}

// Open is one descriptor that was left open.
type Open struct {
	Kind   string `json:"kind"`
	Number uint32 `json:"number"`
	// AgeNs is the time from its opening to the end of the window.
	AgeNs uint64 `json:"ageNs"`
	// Origin is an index into Origins, -1 if that one was left out.
	Origin int `json:"origin"`
}

// AgeRow is one bucket of ages: Count of them are at least FromNs and less than twice that.
type AgeRow struct {
	FromNs uint64 `json:"fromNs"`
	Count  uint64 `json:"count"`
}

// Misuse is something that a correct program does not do.
type Misuse struct {
	Count uint64 `json:"count"`
	// Stacks are the places that did it, the most frequent first; at most 64.
	Stacks        []MisuseStack `json:"stacks"`
	StacksLeftOut uint64        `json:"stacksLeftOut"`
}

// MisuseStack is one place that did it.
type MisuseStack struct {
	Stack []Frame `json:"stack"`
	Count uint64  `json:"count"`
}

// RingRequests counts requests submitted to an io_uring, whatever they answered. Direct ones use
// slots of the ring in place of descriptors of the process and are in no balance.
type RingRequests struct {
	OpenedDirect uint64 `json:"openedDirect"`
	ClosedDirect uint64 `json:"closedDirect"`
	// Opened counts requests for descriptors with a number, which stay unknown to the balance;
	// Closed those that close a number, which the balance knows.
	Opened uint64 `json:"opened"`
	Closed uint64 `json:"closed"`
}

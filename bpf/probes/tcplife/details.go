package tcplife

import (
	"strings"
)

// Details is what tcplife tells beside its histograms. All counts are of the window.
type Details struct {
	// Server has the connections that arrived at the ports of the process, Client those that it
	// asked for.
	Server Side `json:"server"`
	Client Side `json:"client"`

	// Connects asked for; those that came to nothing are Refused, ConnectsTimedOut or
	// ConnectsFailed (given up, unreachable).
	Connects         uint64 `json:"connects"`
	Refused          uint64 `json:"refused"`
	ConnectsTimedOut uint64 `json:"connectsTimedOut"`
	ConnectsFailed   uint64 `json:"connectsFailed"`
	// Connecting at the end of the window.
	Connecting uint64 `json:"connecting"`

	// Accepted connections. AcceptedPreexisting of them were complete before the window, and
	// AcceptedClosed were over when they were taken.
	Accepted            uint64 `json:"accepted"`
	AcceptedPreexisting uint64 `json:"acceptedPreexisting"`
	AcceptedClosed      uint64 `json:"acceptedClosed"`
	// ClosedUnaccepted were over before anybody took them.
	ClosedUnaccepted uint64 `json:"closedUnaccepted"`
	// AwaitingAccept at the end of the window.
	AwaitingAccept uint64 `json:"awaitingAccept"`
	// ClosedPreexisting are connections from before the window, of both sides.
	ClosedPreexisting uint64 `json:"closedPreexisting"`
	// AcceptBacklogMax is the longest accept queue that an accept has found, with the connection
	// that it took; AcceptBacklogLimit is how many the listener lets wait. 0 without an accept.
	AcceptBacklogMax   uint64 `json:"acceptBacklogMax"`
	AcceptBacklogLimit uint64 `json:"acceptBacklogLimit"`

	// Retransmits of complete connections, SynRetransmits of the process's own connects.
	// RetransmitsOlder of the former are on connections from before the window.
	Retransmits      uint64 `json:"retransmits"`
	RetransmitsOlder uint64 `json:"retransmitsOlder"`
	SynRetransmits   uint64 `json:"synRetransmits"`
	// NagleHolds are writes of which less than a segment stayed back, for what was sent before was not
	// yet acknowledged (Nagle's algorithm, RFC 896): the other end may delay that by 40 ms and more.
	NagleHolds     uint64 `json:"nagleHolds"`
	ResetsSent     uint64 `json:"resetsSent"`
	ResetsReceived uint64 `json:"resetsReceived"`

	// Paths are the ways that ended connections took, the commonest first.
	Paths []Path `json:"paths"`
}

// Side is one end of connections.
type Side struct {
	Established uint64      `json:"established"`
	Closed      uint64      `json:"closed"`
	ClosedFirst ClosedFirst `json:"closedFirst"`
	OpenAtEnd   uint64      `json:"openAtEnd"`
	// ReceivedBytes and SentBytes are payload of the closed connections.
	ReceivedBytes uint64 `json:"receivedBytes"`
	SentBytes     uint64 `json:"sentBytes"`
	// TimeWaits are connections that this end left to TIME_WAIT.
	TimeWaits uint64 `json:"timeWaits"`
	// Requests are the turns of all connections, also of those open at the end: divided by
	// Established, how often a connection was used again.
	Requests uint64 `json:"requests"`
}

// ClosedFirst says who ended connections.
type ClosedFirst struct {
	// LocalFin: this end said first that it has no more to send; RemoteFin: the other.
	LocalFin  uint64 `json:"localFin"`
	RemoteFin uint64 `json:"remoteFin"`
	// LocalReset: this end gave up without a word of either; RemoteReset: a reset came first.
	LocalReset  uint64 `json:"localReset"`
	RemoteReset uint64 `json:"remoteReset"`
	// Timeout: the other end did not answer any more.
	Timeout uint64 `json:"timeout"`
}

// Path is a way through TCP's states, as "SYN_RECV>ESTABLISHED>CLOSE_WAIT>LAST_ACK>CLOSE".
type Path struct {
	Side  string `json:"side"`
	Path  string `json:"path"`
	Count uint64 `json:"count"`
}

// states is in the order of include/net/tcp_states.h.
var states = [16]string{1: "ESTABLISHED", "SYN_SENT", "SYN_RECV", "FIN_WAIT1", "FIN_WAIT2",
	"TIME_WAIT", "CLOSE", "CLOSE_WAIT", "LAST_ACK", "LISTEN", "CLOSING"}

// pathOf spells states that are packed 4 bits each, the latest lowest.
func pathOf(packed uint64) string {
	var names []string
	for shift := 60; shift >= 0; shift -= 4 {
		if state := packed >> shift & 15; state != 0 {
			names = append(names, states[state])
		}
	}
	return strings.Join(names, ">")
}

// Package truthproto is the protocol of truthd, the server whose timing is known.
//
// A request is 16 bytes, two big-endian words: how long the server shall be busy with it, and a
// sequence number. The reply is 40 bytes, five big-endian words: the sequence number and the service
// time as they came, and three times of the server (Reply). With them a client can tell for every
// single request how long it had to take, whatever it measured. testdata/vectors.json has examples
// for implementations in other languages.
package truthproto

import "encoding/binary"

const (
	// RequestSize is the length of a request in bytes.
	RequestSize = 16
	// ReplySize is the length of a reply in bytes.
	ReplySize = 40
	// MaxServiceNs is the longest service time that a server accepts, a minute. A longer one is taken
	// for garbage, and the connection is closed: the server serves nobody meanwhile.
	MaxServiceNs = 60_000_000_000
)

// Request asks the server to be busy for a while.
type Request struct {
	// ServiceNs is the time from taking up the request to its reply, in ns, 0 … MaxServiceNs.
	ServiceNs uint64
	// Sequence comes back in the reply.
	Sequence uint64
}

// Reply answers a Request. Its times are CLOCK_MONOTONIC of the server's machine in ns.
type Reply struct {
	Sequence  uint64
	ServiceNs uint64
	// BeganNs is when the server took the request up: before the read that brought its last byte.
	BeganNs int64
	// WroteNs is just before the write of this reply: at least BeganNs + ServiceNs.
	WroteNs int64
	// PreviousFreedNs is just after the write of the reply before, on whichever connection: from
	// then on the server was free for this request. 0 = there was none.
	PreviousFreedNs int64
}

// PutRequest writes r into the first RequestSize bytes of b.
func PutRequest(b []byte, r Request) {
	_ = b[RequestSize-1]
	binary.BigEndian.PutUint64(b, r.ServiceNs)
	binary.BigEndian.PutUint64(b[8:], r.Sequence)
}

// GetRequest reads a request from the first RequestSize bytes of b. Every bit pattern is one; it is
// the server that refuses a ServiceNs over MaxServiceNs.
func GetRequest(b []byte) Request {
	_ = b[RequestSize-1]
	return Request{
		ServiceNs: binary.BigEndian.Uint64(b),
		Sequence:  binary.BigEndian.Uint64(b[8:]),
	}
}

// PutReply writes r into the first ReplySize bytes of b.
func PutReply(b []byte, r Reply) {
	_ = b[ReplySize-1]
	binary.BigEndian.PutUint64(b, r.Sequence)
	binary.BigEndian.PutUint64(b[8:], r.ServiceNs)
	binary.BigEndian.PutUint64(b[16:], uint64(r.BeganNs))
	binary.BigEndian.PutUint64(b[24:], uint64(r.WroteNs))
	binary.BigEndian.PutUint64(b[32:], uint64(r.PreviousFreedNs))
}

// GetReply reads a reply from the first ReplySize bytes of b.
func GetReply(b []byte) Reply {
	_ = b[ReplySize-1]
	return Reply{
		Sequence:        binary.BigEndian.Uint64(b),
		ServiceNs:       binary.BigEndian.Uint64(b[8:]),
		BeganNs:         int64(binary.BigEndian.Uint64(b[16:])),
		WroteNs:         int64(binary.BigEndian.Uint64(b[24:])),
		PreviousFreedNs: int64(binary.BigEndian.Uint64(b[32:])),
	}
}

// Answers tells whether r can be the reply to q: it repeats the request, and its times are in the
// order in which a server that was busy for ServiceNs passes them.
func (r Reply) Answers(q Request) bool {
	return r.Sequence == q.Sequence && r.ServiceNs == q.ServiceNs &&
		r.BeganNs > 0 && r.WroteNs-r.BeganNs >= int64(q.ServiceNs) &&
		r.PreviousFreedNs >= 0 && r.PreviousFreedNs <= r.BeganNs
}

// Package wire speaks the generator's protocols on byte slices: it makes
// requests and verifies replies, and knows nothing of sockets and time.
package wire

// Verdict is what a complete reply turned out to be.
type Verdict uint8

const (
	// Incomplete means that the reply goes on in later bytes.
	Incomplete Verdict = iota
	// OK means complete and as expected, in every byte.
	OK
	// WrongStatus means a well-formed HTTP reply with another status code.
	WrongStatus
	// WrongBody means another content than expected, or no reply of the
	// protocol at all.
	WrongBody
)

// Result is what Feed found.
type Result struct {
	Verdict Verdict
	// Consumed counts the bytes that belong to the reply. Bytes beyond it were
	// never asked for.
	Consumed int
	// Close says that the connection cannot carry another request: the server
	// announced its end, or the position of the next reply is lost.
	Close bool
	// Stamps are the server's own, with OK only.
	Stamps Stamps
}

// Stamps are a server's own times of one exchange, CLOCK_MONOTONIC ns; 0 = not
// given.
type Stamps struct {
	// ReadNs is when it took the request up, WriteNs when it wrote the reply.
	ReadNs, WriteNs int64
	// FreedNs is when it was done with the request before this one.
	FreedNs int64
}

// Exchange is one connection's side of a protocol: one request, then its reply,
// and again. Neither method allocates, except while an HTTP arm's reference
// body is not known yet.
type Exchange interface {
	// Begin starts a request and returns its bytes, valid until the next Begin.
	// key is the schedule's draw for this request, and each protocol makes of it
	// what it needs (a page number, a service time) or nothing. What was left of
	// an earlier exchange is forgotten.
	Begin(key uint32) []byte
	// Feed takes the next bytes of the reply as they arrived, however they are
	// cut. After a verdict, Begin must come next.
	Feed(p []byte) Result
}

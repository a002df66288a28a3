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
}

// Exchange is one connection's side of a protocol: one request, then its reply,
// and again. Neither method allocates, except while an HTTP arm's reference
// body is not known yet.
type Exchange interface {
	// Begin starts a request and returns its bytes, valid until the next Begin.
	// page is used by protocols that have pages. What was left of an earlier
	// exchange is forgotten.
	Begin(page uint32) []byte
	// Feed takes the next bytes of the reply as they arrived, however they are
	// cut. After a verdict, Begin must come next.
	Feed(p []byte) Result
}

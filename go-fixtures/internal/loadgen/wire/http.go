package wire

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"strconv"
)

const (
	// maxHeaderBytes bounds what a server may send before a body.
	maxHeaderBytes = 64 << 10
	// maxReferenceBytes bounds a body that is kept for comparison.
	maxReferenceBytes = 16 << 20
	// maxLength bounds what a server may announce as Content-Length.
	maxLength = 1 << 50
	// keptLineBytes is how much of a header line is kept when it arrives in
	// pieces: enough for every line that steers the parser.
	keptLineBytes = 128
)

// HTTPConfig is what an HTTP/1.1 exchange sends and expects.
type HTTPConfig struct {
	Method  string
	Host    string // value of the Host header unless Headers has one
	Path    string
	Headers map[string]string
	Body    []byte // sent with every request, in one piece with the head; may be empty
	// Stamps asks the server for its times of each request: see stampsHeader.
	Stamps bool
	// ExpectStatus is the only status that counts as success.
	ExpectStatus int
	// ExpectBody is compared with every body; nil means that the first good
	// reply's body becomes the reference.
	ExpectBody []byte
}

// HTTP makes exchanges with one HTTP/1.1 server, which share the reference body.
type HTTP struct {
	request      []byte
	expectStatus int
	bodyless     bool
	stamps       bool
	reference    []byte // nil as long as it is not known
}

// NewHTTP builds the request once; every exchange sends the same bytes.
func NewHTTP(c HTTPConfig) *HTTP {
	return &HTTP{
		request:      requestBytes(c),
		expectStatus: c.ExpectStatus,
		bodyless:     c.Method == http.MethodHead,
		stamps:       c.Stamps,
		reference:    c.ExpectBody,
	}
}

func requestBytes(c HTTPConfig) []byte {
	headers := map[string]string{"Host": c.Host}
	for name, value := range c.Headers {
		headers[http.CanonicalHeaderKey(name)] = value
	}
	if len(c.Body) > 0 || anticipatesBody(c.Method) {
		headers["Content-Length"] = strconv.Itoa(len(c.Body))
	}
	if c.Stamps {
		headers[stampsHeader] = "1"
	}
	names := make([]string, 0, len(headers))
	for name := range headers {
		names = append(names, name)
	}
	slices.Sort(names)
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\n", c.Method, c.Path)
	for _, name := range names {
		fmt.Fprintf(&b, "%s: %s\r\n", name, headers[name])
	}
	b.WriteString("\r\n")
	b.Write(c.Body)
	return b.Bytes()
}

// anticipatesBody says whether a request without a body should still say that its
// length is 0 (RFC 9110, section 8.6): some servers answer 411 otherwise.
func anticipatesBody(method string) bool {
	return method == http.MethodPost || method == http.MethodPut || method == http.MethodPatch
}

// NewExchange returns the protocol of one more connection. All exchanges of one
// HTTP belong to one thread.
func (h *HTTP) NewExchange() Exchange { return &httpExchange{server: h} }

// httpState is the part of a reply that comes next.
type httpState uint8

const (
	statusLine httpState = iota
	headerLine
	fixedBody
	chunkSizeLine
	chunkData
	chunkEndLine
	trailerLine
)

// httpExchange parses one reply at a time, from pieces of any size. It keeps no
// copy of what it has seen but the beginning of a line that is cut.
type httpExchange struct {
	server *HTTP
	state  httpState

	status      int
	length      int64 // Content-Length; -1 = not given
	remaining   int64 // bytes until the end of the body or chunk
	chunked     bool
	close       bool
	headerBytes int
	stamps      Stamps
	stamped     bool // stamps have been read

	wrongBody bool
	capturing bool   // no reference when the request went out: keep the body
	position  int    // bytes of body seen
	body      []byte // only while capturing

	line     [keptLineBytes]byte
	lineLen  int
	lineOver bool // the kept line lost its end
}

func (e *httpExchange) Begin(uint32) []byte {
	*e = httpExchange{server: e.server, length: -1, capturing: e.server.reference == nil}
	return e.server.request
}

func (e *httpExchange) Feed(p []byte) Result {
	consumed := 0
	for consumed < len(p) {
		var n int
		var done bool
		var err error
		switch e.state {
		case fixedBody, chunkData:
			n, done = e.takeBody(p[consumed:])
		default:
			n, done, err = e.takeLine(p[consumed:])
		}
		consumed += n
		if err != nil {
			return Result{Verdict: WrongBody, Consumed: consumed, Close: true}
		}
		if done {
			return Result{Verdict: e.verdict(), Consumed: consumed, Close: e.close, Stamps: e.stamps}
		}
	}
	return Result{Consumed: consumed}
}

// takeBody compares up to the end of the body or chunk.
func (e *httpExchange) takeBody(p []byte) (n int, done bool) {
	n = int(min(int64(len(p)), e.remaining))
	e.compare(p[:n])
	e.remaining -= int64(n)
	if e.remaining > 0 {
		return n, false
	}
	if e.state == chunkData {
		e.state = chunkEndLine
		return n, false
	}
	return n, true
}

func (e *httpExchange) compare(p []byte) {
	if e.status != e.server.expectStatus || e.wrongBody {
		return
	}
	if e.capturing {
		if len(e.body)+len(p) > maxReferenceBytes {
			e.wrongBody = true
			return
		}
		e.body = append(e.body, p...)
		return
	}
	end := e.position + len(p)
	if end > len(e.server.reference) || !bytes.Equal(p, e.server.reference[e.position:end]) {
		e.wrongBody = true
	}
	e.position = end
}

func (e *httpExchange) verdict() Verdict {
	if e.status != e.server.expectStatus {
		return WrongStatus
	}
	switch {
	case e.wrongBody:
		return WrongBody
	case !e.capturing:
		if e.position != len(e.server.reference) {
			return WrongBody
		}
	case e.server.reference == nil:
		e.server.reference = append([]byte{}, e.body...) // never nil, even when empty
	case !bytes.Equal(e.body, e.server.reference):
		return WrongBody
	}
	e.body = nil
	return OK
}

package wire

import (
	"bytes"
	"errors"
	"net/http"

	"pollgate/go-fixtures/internal/httptext"
)

// The errors below never leave the package: a reply that is no HTTP/1.1 is
// WrongBody whatever the cause. They exist for the tests and the debugger.
var (
	errHeaderTooLong = errors.New("status line and headers exceed 64 KiB")
	errStatusLine    = errors.New("no HTTP/1.x status line")
	errHeader        = errors.New("malformed header line")
	errLength        = errors.New("bad or contradictory Content-Length")
	errEncoding      = errors.New("transfer encoding other than chunked")
	errNoLength      = errors.New("neither Content-Length nor chunked: the reply ends with the connection")
	errStamps        = errors.New("malformed or repeated stamps")
	errChunk         = errors.New("malformed chunk")
)

// mostDigits keeps lengths and times far from overflow.
const mostDigits = 18

// takeLine consumes up to the end of a line and, when it is there, acts on it.
// done says that the reply is complete.
func (e *httpExchange) takeLine(p []byte) (n int, done bool, err error) {
	end := bytes.IndexByte(p, '\n')
	if end < 0 {
		n = len(p)
		e.keep(p)
	} else {
		n = end + 1
	}
	if e.state != chunkSizeLine && e.state != chunkEndLine {
		if e.headerBytes += n; e.headerBytes > maxHeaderBytes {
			return n, false, errHeaderTooLong
		}
	}
	if end < 0 {
		return n, false, nil
	}
	line := p[:end]
	if e.lineLen > 0 {
		e.keep(line)
		line = e.line[:e.lineLen]
	}
	cut := e.lineOver
	e.lineLen, e.lineOver = 0, false
	done, err = e.parseLine(bytes.TrimSuffix(line, []byte("\r")), cut)
	return n, done, err
}

// keep stores the beginning of a line that arrives in pieces.
func (e *httpExchange) keep(p []byte) {
	copied := copy(e.line[e.lineLen:], p)
	e.lineLen += copied
	e.lineOver = e.lineOver || copied < len(p)
}

// parseLine acts on one line without its end; cut says that only its beginning
// is known.
func (e *httpExchange) parseLine(line []byte, cut bool) (done bool, err error) {
	switch e.state {
	case statusLine:
		return false, e.parseStatus(line)
	case headerLine:
		if len(line) == 0 {
			return e.endHeader()
		}
		return false, e.parseHeader(line, cut)
	case chunkSizeLine:
		return false, e.parseChunkSize(line)
	case chunkEndLine:
		if len(line) != 0 {
			return false, errChunk
		}
		e.state = chunkSizeLine
		return false, nil
	default: // trailerLine
		return len(line) == 0, nil
	}
}

func (e *httpExchange) parseStatus(line []byte) error {
	const prefix = "HTTP/1.x "
	if len(line) < len(prefix)+3 || string(line[:7]) != "HTTP/1." || line[8] != ' ' ||
		(line[7] != '0' && line[7] != '1') {
		return errStatusLine
	}
	code, ok := httptext.Decimal(line[len(prefix):len(prefix)+3], 3)
	if rest := line[len(prefix)+3:]; !ok || code < 100 || len(rest) > 0 && rest[0] != ' ' {
		return errStatusLine
	}
	e.status = int(code)
	e.close = line[7] == '0' // HTTP/1.0 closes unless it says otherwise
	e.state = headerLine
	return nil
}

func (e *httpExchange) parseHeader(line []byte, cut bool) error {
	colon := bytes.IndexByte(line, ':')
	if colon < 0 && cut {
		return nil // a name too long to be one of ours
	}
	if colon <= 0 {
		return errHeader
	}
	name, value := line[:colon], bytes.Trim(line[colon+1:], " \t")
	switch {
	case httptext.IsName(name, "content-length"):
		length, ok := httptext.Decimal(value, mostDigits)
		if !ok || length > maxLength || cut || e.length >= 0 && e.length != length {
			return errLength
		}
		e.length = length
	case httptext.IsName(name, "transfer-encoding"):
		if cut || !httptext.IsName(value, "chunked") {
			return errEncoding
		}
		e.chunked = true
	case httptext.IsName(name, "connection"):
		e.parseConnection(value)
	case e.server.stamps && httptext.IsName(name, stampsName):
		if cut || e.stamped {
			return errStamps
		}
		e.stamps, e.stamped = parseStamps(value)
		if !e.stamped {
			return errStamps
		}
	}
	return nil
}

func (e *httpExchange) parseConnection(value []byte) {
	for len(value) > 0 {
		token, rest, _ := bytes.Cut(value, []byte(","))
		token = bytes.Trim(token, " \t")
		if httptext.IsName(token, "close") {
			e.close = true
		} else if httptext.IsName(token, "keep-alive") {
			e.close = false
		}
		value = rest
	}
}

// endHeader decides how the body is framed (RFC 9112, section 6.3).
func (e *httpExchange) endHeader() (done bool, err error) {
	switch {
	case e.status == http.StatusSwitchingProtocols:
		return false, errStatusLine
	case e.status < 200:
		// An interim response: the real one follows.
		e.state, e.length, e.chunked = statusLine, -1, false
		e.stamps, e.stamped = Stamps{}, false
		return false, nil
	case e.server.bodyless || e.status == http.StatusNoContent || e.status == http.StatusNotModified:
		return true, nil
	case e.chunked:
		e.state = chunkSizeLine
		return false, nil
	case e.length < 0:
		return false, errNoLength
	case e.length == 0:
		return true, nil
	}
	e.state, e.remaining = fixedBody, e.length
	return false, nil
}

func (e *httpExchange) parseChunkSize(line []byte) error {
	size, digits := int64(0), 0
	for ; digits < len(line); digits++ {
		d := hexDigit(line[digits])
		if d < 0 {
			break
		}
		size = size<<4 | int64(d)
		if size > 1<<40 {
			return errChunk
		}
	}
	if rest := bytes.TrimLeft(line[digits:], " \t"); digits == 0 || len(rest) > 0 && rest[0] != ';' {
		return errChunk
	}
	if size == 0 {
		e.state = trailerLine
		return nil
	}
	e.state, e.remaining = chunkData, size
	return nil
}

func hexDigit(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	}
	return -1
}

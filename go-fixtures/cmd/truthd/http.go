package main

import (
	"bytes"
	"math/rand/v2"
	"strconv"

	"pollgate/go-fixtures/internal/httptext"
	"pollgate/go-fixtures/internal/truthproto"
)

const (
	// maxHeaderBytes bounds a request up to its empty line.
	maxHeaderBytes = 64 << 10
	// maxBodyDigits keeps a Content-Length far from overflow.
	maxBodyDigits = 15

	okHead       = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n"
	okBody       = "ok\n"
	closeLine    = "Connection: close\r\n"
	keepLine     = "Connection: keep-alive\r\n"
	stampsPrefix = "Pollgate-Stamps: "
	continueHead = "HTTP/1.1 100 Continue\r\n\r\n"

	badRequest     = "HTTP/1.1 400 Bad Request\r\n" + closeLine + "Content-Length: 0\r\n\r\n"
	headerTooLarge = "HTTP/1.1 431 Request Header Fields Too Large\r\n" + closeLine + "Content-Length: 0\r\n\r\n"
	notImplemented = "HTTP/1.1 501 Not Implemented\r\n" + closeLine + "Content-Length: 0\r\n\r\n"
)

// httpProtocol serves as much of HTTP/1.1 as load generators speak: any method and target, keep-alive, and
// bodies with a Content-Length, which are skipped. A request begins with the read that brings its last byte.
type httpProtocol struct {
	server  *server
	service truthproto.Service
	stall   stall
	draws   *rand.Rand
	reply   []byte
}

func newHTTPProtocol(s *server, service truthproto.Service, seed uint64) *httpProtocol {
	return &httpProtocol{server: s, service: service, draws: newDraws(seed), reply: make([]byte, 0, 512)}
}

// newDraws returns the keys of the service times (truthproto.Service), one per request.
func newDraws(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0)) }

// httpState is the request whose body is being skipped.
type httpState struct {
	request  httpRequest
	bodyLeft int64 // 0 = the next bytes are a header
}

func (h *httpProtocol) take(c *conn, p []byte, beganNs int64) (used int) {
	if left := c.http.bodyLeft; left > 0 {
		used = int(min(left, int64(len(p))))
		if c.http.bodyLeft -= int64(used); c.http.bodyLeft == 0 {
			h.answer(c, c.http.request, beganNs)
		}
		return used
	}
	header, problem := findHeader(p)
	if problem == "" && header == nil {
		return 0
	}
	var request httpRequest
	if problem == "" {
		request, problem = parseHeader(header)
	}
	if problem != "" {
		h.server.send(c, []byte(problem))
		h.endOpen(c)
		return len(p)
	}
	if request.bodyBytes > 0 {
		c.http = httpState{request, request.bodyBytes}
		if request.expectsContinue && len(p) == len(header) {
			h.server.send(c, []byte(continueHead))
		}
		return len(header)
	}
	h.answer(c, request, beganNs)
	return len(header)
}

func (h *httpProtocol) endOpen(c *conn) {
	if c.open {
		h.server.end(c)
	}
}

func (h *httpProtocol) answer(c *conn, r httpRequest, beganNs int64) {
	reply := append(h.reply[:0], okHead...)
	if r.close {
		reply = append(reply, closeLine...)
	} else if r.old {
		reply = append(reply, keepLine...)
	}
	wroteNs, ok := h.server.busy(beganNs + h.service.At(h.draws.Uint32()) + h.stall.extra(beganNs))
	if !ok {
		return
	}
	if r.stamps {
		reply = append(reply, stampsPrefix...)
		reply = append(strconv.AppendInt(reply, beganNs, 10), ' ')
		reply = append(strconv.AppendInt(reply, wroteNs, 10), "\r\n"...)
	}
	reply = append(reply, "\r\n"...)
	if !r.head {
		reply = append(reply, okBody...)
	}
	h.server.finish(c, reply, beganNs, wroteNs)
	if r.close {
		h.endOpen(c)
	}
}

// httpRequest is what matters of a request.
type httpRequest struct {
	head            bool // the reply has no body
	old             bool // HTTP/1.0
	close           bool
	stamps          bool
	expectsContinue bool
	bodyBytes       int64
}

// findHeader returns p up to the end of the first empty line, or nil when it has not come yet, or the reply
// to a header that is too long.
func findHeader(p []byte) (header []byte, problem string) {
	end := bytes.Index(p[:min(len(p), maxHeaderBytes)], []byte("\r\n\r\n"))
	switch {
	case end >= 0:
		return p[:end+4], ""
	case len(p) >= maxHeaderBytes:
		return nil, headerTooLarge
	}
	return nil, ""
}

// parseHeader returns the request of a complete header, or the reply that says what is wrong with it.
func parseHeader(header []byte) (r httpRequest, problem string) {
	line, rest, _ := bytes.Cut(header, []byte("\r\n"))
	method, target, _ := bytes.Cut(line, []byte(" "))
	target, version, _ := bytes.Cut(target, []byte(" "))
	if len(method) == 0 || len(target) == 0 || string(version) != "HTTP/1.1" && string(version) != "HTTP/1.0" {
		return r, badRequest
	}
	r.head = string(method) == "HEAD"
	r.old = string(version) == "HTTP/1.0"
	r.close = r.old
	lengthSeen := false
	for {
		line, rest, _ = bytes.Cut(rest, []byte("\r\n"))
		if len(line) == 0 {
			return r, ""
		}
		name, value, found := bytes.Cut(line, []byte(":"))
		if !found || len(name) == 0 || name[len(name)-1] == ' ' {
			return r, badRequest
		}
		value = bytes.Trim(value, " \t")
		switch {
		case httptext.IsName(name, "content-length"):
			length, ok := httptext.Decimal(value, maxBodyDigits)
			if !ok || lengthSeen && length != r.bodyBytes {
				return r, badRequest
			}
			r.bodyBytes, lengthSeen = length, true
		case httptext.IsName(name, "transfer-encoding"):
			return r, notImplemented
		case httptext.IsName(name, "connection"):
			r.takeConnection(value)
		case httptext.IsName(name, "expect"):
			r.expectsContinue = httptext.IsName(value, "100-continue")
		case httptext.IsName(name, "pollgate-stamps"):
			r.stamps = string(value) == "1"
		}
	}
}

func (r *httpRequest) takeConnection(value []byte) {
	for len(value) > 0 {
		token, rest, _ := bytes.Cut(value, []byte(","))
		token = bytes.Trim(token, " \t")
		if httptext.IsName(token, "close") {
			r.close = true
		} else if r.old && httptext.IsName(token, "keep-alive") {
			r.close = false
		}
		value = rest
	}
}

package wire

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

const hello = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello"

// replyCase is a reply to a GET (or HEAD) that expects 200 and the body "hello".
type replyCase struct {
	name  string
	reply string
	want  Verdict
	close bool
	head  bool
	rest  int // bytes beyond the reply
}

var longHeader = "X-Long: " + strings.Repeat("v", 3*keptLineBytes) + "\r\n"

var replyCases = []replyCase{
	{name: "content length", reply: hello, want: OK},
	{name: "bare line feeds", reply: strings.ReplaceAll(hello, "\r", ""), want: OK},
	{name: "no reason phrase", reply: "HTTP/1.1 200\r\ncontent-length:5\r\n\r\nhello", want: OK},
	{name: "any case, spaces", reply: "HTTP/1.1 200 OK\r\nCONTENT-LENGTH:   5  \r\n\r\nhello", want: OK},
	{name: "same length twice", reply: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello", want: OK},
	{name: "long header", reply: "HTTP/1.1 200 OK\r\n" + longHeader + "Content-Length: 5\r\n\r\nhello", want: OK},
	{name: "chunked", reply: chunked("5\r\nhello\r\n0\r\n\r\n"), want: OK},
	{name: "many chunks", reply: chunked("1\r\nh\r\n3\r\nell\r\n01\r\no\r\n0\r\n\r\n"), want: OK},
	{name: "chunk extensions and trailers", reply: chunked("2;a=b\r\nhe\r\n3 ;c\r\nllo\r\n0;d\r\nX-Sum: 1\r\nY: 2\r\n\r\n"), want: OK},
	{name: "chunked beats length", reply: "HTTP/1.1 200 OK\r\nContent-Length: 99\r\nTransfer-Encoding: Chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", want: OK},
	{name: "interim responses", reply: "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\nContent-Length: 3\r\n\r\n" + hello, want: OK},
	{name: "server closes", reply: "HTTP/1.1 200 OK\r\nConnection: foo, Close\r\nContent-Length: 5\r\n\r\nhello", want: OK, close: true},
	{name: "HTTP/1.0", reply: "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello", want: OK, close: true},
	{name: "HTTP/1.0 kept alive", reply: "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\nhello", want: OK},
	{name: "head", reply: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", want: OK, head: true},
	{name: "bytes beyond", reply: hello + "HTTP", want: OK, rest: 4},
	{name: "server error", reply: "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 4\r\n\r\noops", want: WrongStatus},
	{name: "no content", reply: "HTTP/1.1 204 No Content\r\n\r\n", want: WrongStatus},
	{name: "not modified has no body", reply: "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", want: WrongStatus},
	{name: "other body", reply: strings.Replace(hello, "hello", "hellO", 1), want: WrongBody},
	{name: "shorter body", reply: "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nhell", want: WrongBody},
	{name: "longer body", reply: "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello!", want: WrongBody},
	{name: "empty body", reply: "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", want: WrongBody},
	{name: "empty chunked body", reply: chunked("0\r\n\r\n"), want: WrongBody},
	{name: "other chunked body", reply: chunked("5\r\nhallo\r\n0\r\n\r\n"), want: WrongBody},
}

// garbageCases are not HTTP/1.1 as the generator can use it: the connection is lost.
var garbageCases = []replyCase{
	{name: "not HTTP", reply: "220 smtp.example ESMTP\r\n"},
	{name: "HTTP/2", reply: "HTTP/2 200\r\n"},
	{name: "HTTP/1.2", reply: "HTTP/1.2 200 OK\r\n"},
	{name: "status with letters", reply: "HTTP/1.1 2x0 OK\r\n"},
	{name: "status below 100", reply: "HTTP/1.1 099 Low\r\n"},
	{name: "status with four digits", reply: "HTTP/1.1 2000 OK\r\n"},
	{name: "switching protocols", reply: "HTTP/1.1 101 Switching Protocols\r\n\r\n"},
	{name: "header without colon", reply: "HTTP/1.1 200 OK\r\nnonsense\r\n"},
	{name: "header without name", reply: "HTTP/1.1 200 OK\r\n: x\r\n"},
	{name: "length with sign", reply: "HTTP/1.1 200 OK\r\nContent-Length: +5\r\n"},
	{name: "length empty", reply: "HTTP/1.1 200 OK\r\nContent-Length:\r\n"},
	{name: "length too long", reply: "HTTP/1.1 200 OK\r\nContent-Length: 1234567890123456\r\n"},
	{name: "two lengths", reply: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n"},
	{name: "gzip encoding", reply: "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n"},
	{name: "ends with the connection", reply: "HTTP/1.1 200 OK\r\nContent-Type: x\r\n\r\n"},
	{name: "chunk size missing", reply: chunked("\r\n")},
	{name: "chunk size no hex", reply: chunked("g\r\n")},
	{name: "chunk size with rest", reply: chunked("5 x\r\n")},
	{name: "chunk size huge", reply: chunked("fffffffffff\r\n")},
	{name: "chunk longer than it says", reply: chunked("4\r\nhello\r\n")},
	{name: "endless header", reply: "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", maxHeaderBytes)},
}

func chunked(body string) string {
	return "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + body
}

func newHTTPExchange(c replyCase) Exchange {
	config := HTTPConfig{Method: "GET", Host: "h", Path: "/", ExpectStatus: 200, ExpectBody: []byte("hello")}
	if c.head {
		config.Method, config.ExpectBody = "HEAD", []byte{}
	}
	e := NewHTTP(config).NewExchange()
	e.Begin(0)
	return e
}

// feedAll feeds pieces until a verdict; Consumed is that of all pieces together.
func feedAll(e Exchange, pieces ...string) Result {
	consumed := 0
	for _, piece := range pieces {
		r := e.Feed([]byte(piece))
		consumed += r.Consumed
		if r.Verdict != Incomplete {
			r.Consumed = consumed
			return r
		}
	}
	return Result{Consumed: consumed}
}

func TestRepliesWholeAndCutAtEveryByte(t *testing.T) {
	for _, c := range replyCases {
		t.Run(c.name, func(t *testing.T) {
			want := Result{Verdict: c.want, Consumed: len(c.reply) - c.rest, Close: c.close}
			if got := feedAll(newHTTPExchange(c), c.reply); got != want {
				t.Fatalf("whole: got %+v, want %+v", got, want)
			}
			for cut := range want.Consumed {
				got := feedAll(newHTTPExchange(c), c.reply[:cut], c.reply[cut:])
				if got != want {
					t.Fatalf("cut after %d bytes: got %+v, want %+v", cut, got, want)
				}
			}
			single := strings.Split(c.reply[:want.Consumed], "")
			if got := feedAll(newHTTPExchange(c), single...); got != want {
				t.Fatalf("byte by byte: got %+v, want %+v", got, want)
			}
			short := feedAll(newHTTPExchange(c), c.reply[:want.Consumed-1])
			if short.Verdict != Incomplete {
				t.Fatalf("without its last byte: got %+v, want no verdict", short)
			}
		})
	}
}

func TestGarbageWholeAndCutAtEveryByte(t *testing.T) {
	for _, c := range garbageCases {
		t.Run(c.name, func(t *testing.T) {
			step := 1 + len(c.reply)/500 // the longest case needs no cut at each of its bytes
			for cut := 0; cut < len(c.reply); cut += step {
				got := feedAll(newHTTPExchange(c), c.reply[:cut], c.reply[cut:])
				if got.Verdict != WrongBody || !got.Close {
					t.Fatalf("cut after %d bytes: got %+v, want WrongBody and Close", cut, got)
				}
			}
		})
	}
}

func TestALineThatSteersTheParserIsNotGuessedFromItsBeginning(t *testing.T) {
	line := "Content-Length: 5" + strings.Repeat(" ", keptLineBytes) + "7\r\n"
	e := newHTTPExchange(replyCase{})
	got := feedAll(e, "HTTP/1.1 200 OK\r\n"+line[:len(line)-4], line[len(line)-4:]+"\r\nhello")
	if got.Verdict != WrongBody || !got.Close {
		t.Errorf("got %+v, want WrongBody and Close", got)
	}
}

func TestFirstGoodBodyBecomesTheReference(t *testing.T) {
	server := NewHTTP(HTTPConfig{Method: "GET", Host: "h", Path: "/", ExpectStatus: 200})
	reply := func(status int, body string) string {
		return fmt.Sprintf("HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n%s", status, len(body), body)
	}
	// Three requests are under way before the first reply; the second to end is
	// the first good one.
	early := []Exchange{server.NewExchange(), server.NewExchange(), server.NewExchange()}
	for _, e := range early {
		e.Begin(0)
	}
	late := server.NewExchange()
	for i, step := range []struct {
		exchange Exchange
		reply    string
		want     Verdict
	}{
		{early[0], reply(500, "error"), WrongStatus},
		{early[1], reply(200, "first"), OK},
		{early[2], reply(200, "other"), WrongBody},
		{late, reply(200, "first"), OK},
		{late, reply(200, "firs"), WrongBody},
		{late, reply(200, "first!"), WrongBody},
		{early[2], reply(200, "first"), OK},
	} {
		if i >= len(early) {
			step.exchange.Begin(0)
		}
		if got := feedAll(step.exchange, step.reply); got.Verdict != step.want {
			t.Errorf("step %d: got verdict %d, want %d", i, got.Verdict, step.want)
		}
	}
}

func TestRequestText(t *testing.T) {
	server := NewHTTP(HTTPConfig{Method: "GET", Host: "127.0.0.1:80", Path: "/a?b", ExpectStatus: 200,
		Headers: map[string]string{"accept": "x/y", "Zoo": ""}})
	want := "GET /a?b HTTP/1.1\r\nAccept: x/y\r\nHost: 127.0.0.1:80\r\nZoo: \r\n\r\n"
	if got := string(server.NewExchange().Begin(0)); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	named := NewHTTP(HTTPConfig{Method: "GET", Host: "h", Path: "/", Headers: map[string]string{"host": "example.com"}})
	if got := string(named.NewExchange().Begin(0)); !strings.Contains(got, "\r\nHost: example.com\r\n") || strings.Contains(got, " h\r\n") {
		t.Errorf("the Host of the headers does not replace the address: %q", got)
	}
}

func TestRequestWithBody(t *testing.T) {
	for _, test := range []struct {
		method, body, want string
	}{
		{"POST", "hello\r\n\x00", "POST / HTTP/1.1\r\nContent-Length: 8\r\nContent-Type: x\r\nHost: h\r\n\r\nhello\r\n\x00"},
		{"PUT", "", "PUT / HTTP/1.1\r\nContent-Length: 0\r\nContent-Type: x\r\nHost: h\r\n\r\n"},
		{"PATCH", "ü", "PATCH / HTTP/1.1\r\nContent-Length: 2\r\nContent-Type: x\r\nHost: h\r\n\r\nü"},
		{"DELETE", "", "DELETE / HTTP/1.1\r\nContent-Type: x\r\nHost: h\r\n\r\n"},
	} {
		e := NewHTTP(HTTPConfig{Method: test.method, Host: "h", Path: "/", Body: []byte(test.body), ExpectStatus: 200,
			Headers: map[string]string{"content-type": "x"}}).NewExchange()
		for range 2 { // every request is the same, in one piece
			if got := string(e.Begin(7)); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		}
	}
}

// A server reads what the generator sends as one request after another, whatever
// is in their bodies.
func TestRequestsWithBodiesAreReadByNetHTTP(t *testing.T) {
	body := "GET / HTTP/1.1\r\nHost: not me\r\n\r\n"
	e := NewHTTP(HTTPConfig{Method: "POST", Host: "h", Path: "/p", Body: []byte(body), Stamps: true, ExpectStatus: 200}).NewExchange()
	stream := bufio.NewReader(io.MultiReader(strings.NewReader(string(e.Begin(0))), strings.NewReader(string(e.Begin(1)))))
	for i := range 2 {
		request, err := http.ReadRequest(stream)
		if err != nil {
			t.Fatalf("request %d: %v", i, err)
		}
		got, err := io.ReadAll(request.Body)
		if err != nil || string(got) != body || request.Method != "POST" || request.URL.Path != "/p" ||
			request.Header.Get("Pollgate-Stamps") != "1" {
			t.Errorf("request %d: got %q, %v of %+v", i, got, err, request)
		}
	}
	if _, err := http.ReadRequest(stream); err != io.EOF {
		t.Errorf("got %v after the requests, want io.EOF", err)
	}
}

func TestHTTPExchangeDoesNotAllocateOnceTheReferenceIsKnown(t *testing.T) {
	e := newHTTPExchange(replyCase{})
	reply := []byte(hello)
	if n := testing.AllocsPerRun(100, func() {
		e.Begin(0)
		if e.Feed(reply[:30]).Verdict != Incomplete || e.Feed(reply[30:]).Verdict != OK {
			t.Fail()
		}
	}); n != 0 {
		t.Errorf("%v allocations per reply, want 0", n)
	}
}

func TestExchangeWithStampsDoesNotAllocate(t *testing.T) {
	e := newStampedExchange()
	reply := []byte(stamped("100 200"))
	if n := testing.AllocsPerRun(100, func() {
		e.Begin(0)
		if e.Feed(reply[:30]).Verdict != Incomplete || e.Feed(reply[30:]).Stamps.WriteNs != 200 {
			t.Fail()
		}
	}); n != 0 {
		t.Errorf("%v allocations per reply, want 0", n)
	}
}

func FuzzHTTPReply(f *testing.F) {
	f.Add([]byte(stamped("123456789012345678 123456789012345679")), uint(40))
	f.Add([]byte(stamped("2 1")), uint(40))
	for _, c := range append(replyCases, garbageCases...) {
		f.Add([]byte(c.reply), uint(3))
	}
	f.Fuzz(func(t *testing.T, reply []byte, cut uint) {
		whole := feedAll(newHTTPExchange(replyCase{}), string(reply))
		at := int(cut % uint(len(reply)+1))
		parts := feedAll(newHTTPExchange(replyCase{}), string(reply[:at]), string(reply[at:]))
		if whole.Verdict != parts.Verdict || whole.Close != parts.Close {
			t.Errorf("whole %+v, cut after %d bytes %+v", whole, at, parts)
		}
		whole = feedAll(newStampedExchange(), string(reply))
		parts = feedAll(newStampedExchange(), string(reply[:at]), string(reply[at:]))
		if whole.Verdict != parts.Verdict || whole.Stamps != parts.Stamps {
			t.Errorf("with stamps: whole %+v, cut after %d bytes %+v", whole, at, parts)
		}
		if s := whole.Stamps; s.ReadNs < 0 || s.WriteNs < s.ReadNs || s.FreedNs != 0 {
			t.Errorf("stamps are %+v", s)
		}
	})
}

func BenchmarkHTTPReply(b *testing.B) {
	e := newHTTPExchange(replyCase{})
	reply := []byte("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nDate: Sun, 22 Nov 2026 18:00:00 GMT\r\nContent-Length: 5\r\n\r\nhello")
	b.ReportAllocs()
	for b.Loop() {
		e.Begin(0)
		if e.Feed(reply).Verdict != OK {
			b.Fatal("wrong verdict")
		}
	}
}

package engine

import (
	"bufio"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"pollgate/go-fixtures/internal/loadgen/testserver"
	"pollgate/go-fixtures/internal/loadgen/wire"
)

const goodReply = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"

// answering returns an HTTP server that gives the same reply to each request.
func answering(reply string) func(net.Conn) {
	return func(connection net.Conn) {
		requests := bufio.NewReader(connection)
		for readRequest(requests) == nil {
			if _, err := io.WriteString(connection, reply); err != nil {
				return
			}
		}
	}
}

// readRequest reads up to the empty line.
func readRequest(r *bufio.Reader) error {
	for {
		line, err := r.ReadString('\n')
		if err != nil || line == "\r\n" {
			return err
		}
	}
}

// afterRequest returns an HTTP server that does something once per connection,
// and is then closed.
func afterRequest(act func(net.Conn)) func(net.Conn) {
	return func(connection net.Conn) {
		if readRequest(bufio.NewReader(connection)) == nil {
			act(connection)
		}
	}
}

func waitForClose(connection net.Conn) { _, _ = io.Copy(io.Discard, connection) }

func TestEachKindOfFailureIsCountedAsItself(t *testing.T) {
	for _, test := range []struct {
		name   string
		handle func(net.Conn)
		want   Outcome
	}{
		{"good", answering(goodReply), Completed},
		{"closes", afterRequest(func(net.Conn) {}), Reset},
		{"closes in the middle", afterRequest(func(c net.Conn) { io.WriteString(c, goodReply[:20]) }), Reset},
		{"resets", afterRequest(func(c net.Conn) { c.(*net.TCPConn).SetLinger(0) }), Reset},
		{"never answers", waitForClose, TimedOut},
		{"never ends", afterRequest(func(c net.Conn) { io.WriteString(c, goodReply[:20]); waitForClose(c) }), TimedOut},
		{"status", answering("HTTP/1.1 500 Oops\r\nContent-Length: 4\r\n\r\noops"), BadStatus},
		{"garbage", answering("\x00\x01garbage\r\n\r\n"), BadBody},
		{"other body", answering(strings.Replace(goodReply, "hello", "jello", 1)), BadBody},
		{"two replies", answering(goodReply + goodReply), BadBody},
		{"good, then more", answering(goodReply + "!"), BadBody},
		{"good, announces the end", answering(strings.Replace(goodReply, "\r\n", "\r\nConnection: close\r\n", 1)), Completed},
	} {
		t.Run(test.name, func(t *testing.T) {
			e := connected(t, Config{Arms: []Arm{httpArm(testserver.Serve(t, test.handle))}, ConnectionsPerArm: 5,
				Timeout: timeoutFor(test.want)})
			p := atOnce(5, time.Millisecond)
			result := run(t, e, p)
			expectAll(t, p.Requests, test.want)
			for i := range p.Requests {
				if r := p.Requests[i]; r.SentNs == 0 || r.DoneNs < r.SentNs {
					t.Errorf("request %d: sent at %d, done at %d", i, r.SentNs, r.DoneNs)
				}
			}
			if e.pending != 0 || result.Arms[0].ConnectErrors != 0 {
				t.Errorf("%d pending, %+v", e.pending, result.Arms[0])
			}
		})
	}
}

// timeoutFor is short only where the timeout is waited for.
func timeoutFor(o Outcome) time.Duration {
	if o == TimedOut {
		return 50 * time.Millisecond
	}
	return 30 * time.Second
}

func TestTheRunEndsWithTheTimeoutWhateverTheServerDoes(t *testing.T) {
	e := connected(t, Config{Arms: []Arm{httpArm(testserver.Serve(t, waitForClose))}, ConnectionsPerArm: 2,
		Timeout: 60 * time.Millisecond})
	p := poisson(1000, 30*time.Millisecond, 1)
	run(t, e, p)
	got := outcomes(p.Requests)
	if got[TimedOut] < 2 || got[Unsent] == 0 || got[TimedOut]+got[Unsent] != len(p.Requests) {
		t.Errorf("outcomes are %v, want timeouts of the 2 connections and the others unsent", got)
	}
	for i := range p.Requests {
		if r := p.Requests[i]; r.Outcome == Unsent && (r.SentNs != 0 || !r.Queued || r.PickedNs == 0) {
			t.Errorf("unsent request %d: %+v", i, r)
		}
	}
}

func TestATimeoutDoesNotWaitForTheEndOfThePhase(t *testing.T) {
	e := connected(t, Config{Arms: []Arm{httpArm(testserver.Serve(t, waitForClose))}, Timeout: 50 * time.Millisecond})
	p := atOnce(1, time.Hour)
	stepUntil(t, e, p, func() bool { return p.Requests[0].Outcome == TimedOut })
	if r := p.Requests[0]; r.DoneNs-r.SentNs < int64(e.config.Timeout) {
		t.Errorf("given up after %d ns", r.DoneNs-r.SentNs)
	}
}

func TestBytesAfterAnAnsweredRequestSpoilIt(t *testing.T) {
	replied := make(chan struct{})
	e := connected(t, Config{Arms: []Arm{httpArm(testserver.Serve(t, afterRequest(func(c net.Conn) {
		io.WriteString(c, goodReply)
		<-replied
		io.WriteString(c, "more")
		waitForClose(c)
	})))}})
	p := atOnce(1, time.Hour)
	stepUntil(t, e, p, func() bool { return p.Requests[0].Outcome == Completed })
	close(replied)
	goOnUntil(t, e, func() bool { return p.Requests[0].Outcome == BadBody })
	if live := e.arms[0].live; live.completed != 0 || live.errors != 1 {
		t.Errorf("progress counts %d completed and %d errors, want 0 and 1", live.completed, live.errors)
	}
}

func TestConnectionsAreMadeAgainAndCounted(t *testing.T) {
	closing := strings.Replace(goodReply, "\r\n", "\r\nConnection: close\r\n", 1)
	e := connected(t, Config{Arms: []Arm{httpArm(testserver.Serve(t, afterRequest(func(c net.Conn) {
		io.WriteString(c, closing)
	})))}})
	p := atOnce(20, time.Millisecond)
	result := run(t, e, p)
	expectAll(t, p.Requests, Completed)
	if n := result.Arms[0].Reconnects; n < 19 || n > 20 {
		t.Errorf("%d reconnects for 20 requests on one connection, want 19, or 20 with the last", n)
	}
}

func TestConnectionsLostBetweenPhasesAreMadeAgainWithoutError(t *testing.T) {
	hangUp, hungUp := make(chan struct{}), make(chan struct{}, 1)
	first := true
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	testserver.ServeOn(t, listener, func(connection net.Conn) {
		if !first { // handlers follow each other here: there is one connection
			answering(goodReply)(connection)
			return
		}
		first = false
		requests := bufio.NewReader(connection)
		for range 3 {
			readRequest(requests)
			io.WriteString(connection, goodReply)
		}
		<-hangUp
		connection.Close()
		hungUp <- struct{}{}
	})
	e := connected(t, Config{Arms: []Arm{httpArm(testserver.Address(listener))}})
	p := atOnce(3, time.Millisecond)
	run(t, e, p)
	expectAll(t, p.Requests, Completed)
	close(hangUp)
	<-hungUp
	if err := e.Settle(); err != nil {
		t.Fatal(err)
	}
	p = atOnce(3, time.Millisecond)
	run(t, e, p)
	expectAll(t, p.Requests, Completed)
}

func TestAServerThatDiesGivesConnectErrorsAndUnsentRequests(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	testserver.ServeOn(t, listener, afterRequest(func(connection net.Conn) {
		io.WriteString(connection, goodReply)
		listener.Close()
	}))
	e := connected(t, Config{Arms: []Arm{httpArm(testserver.Address(listener))}, Timeout: time.Minute})
	p := atOnce(5, time.Hour)
	stepUntil(t, e, p, func() bool { return e.arms[0].result.ConnectErrors >= 2 })
	got := outcomes(p.Requests)
	if got[Completed] != 1 || got[Pending] < 3 {
		t.Errorf("outcomes are %v, want 1 completed and the others waiting", got)
	}
	e.giveUp(e.hardEnd)
	if got := outcomes(p.Requests); got[Unsent] < 3 || got[Pending] != 0 || e.pending != 0 {
		t.Errorf("outcomes after the end are %v, %d pending, want the waiting ones unsent", got, e.pending)
	}
}

func TestRepliesInPiecesAndOfAnySize(t *testing.T) {
	long := strings.Repeat("0123456789abcdef", 20_000) // longer than the read buffer
	reply := "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" +
		"10\r\n" + long[:16] + "\r\n4e1f0\r\n" + long[16:] + "\r\n0\r\n\r\n"
	server := wire.NewHTTP(wire.HTTPConfig{Method: "GET", Host: "h", Path: "/", ExpectStatus: 200, ExpectBody: []byte(long)})
	address := testserver.Serve(t, func(connection net.Conn) {
		requests := bufio.NewReader(connection)
		for size := 1; readRequest(requests) == nil; size *= 7 {
			for rest := reply; rest != ""; {
				n := min(len(rest), max(size, len(rest)-200*size)) // 200 small pieces at the end
				if _, err := io.WriteString(connection, rest[:n]); err != nil {
					return
				}
				rest = rest[n:]
			}
		}
	})
	e := connected(t, Config{Arms: []Arm{{Name: "long", Address: address, NewExchange: server.NewExchange}}})
	p := atOnce(6, time.Millisecond)
	run(t, e, p)
	expectAll(t, p.Requests, Completed)
}

func TestRequestsThatTheKernelTakesInPieces(t *testing.T) {
	// More than the socket buffers of both sides hold.
	server := wire.NewHTTP(wire.HTTPConfig{Method: "GET", Host: "h", Path: "/" + strings.Repeat("a", 16<<20),
		ExpectStatus: 200, ExpectBody: []byte("hello")})
	waiting := make(chan struct{})
	address := testserver.Serve(t, func(connection net.Conn) {
		<-waiting // until the engine could send no more
		answering(goodReply)(connection)
	})
	e := connected(t, Config{Arms: []Arm{{Name: "large", Address: address, NewExchange: server.NewExchange}}})
	p := atOnce(2, time.Hour)
	stepUntil(t, e, p, func() bool { return len(e.conns[0].unsent) > 0 })
	close(waiting)
	goOnUntil(t, e, func() bool { return e.pending == 0 })
	expectAll(t, p.Requests, Completed)
}

func TestBlockServerThatSendsAWrongByteOrAnotherPage(t *testing.T) {
	flip := func(_ uint64, page []byte) []byte { page[4000] ^= 1; return page }
	shift := func(_ uint64, page []byte) []byte { return append(page[1:], page[0]) }
	for name, change := range map[string]func(uint64, []byte) []byte{"flipped": flip, "shifted": shift} {
		t.Run(name, func(t *testing.T) {
			e := connected(t, Config{ConnectionsPerArm: 3, Arms: blockArms(t, func(connection net.Conn) {
				testserver.BlocksVia(connection, change)
			})})
			p := atOnce(3, time.Millisecond)
			run(t, e, p)
			expectAll(t, p.Requests, BadBody)
		})
	}
}

func TestEventsOfAClosedSocketAreIgnored(t *testing.T) {
	e := connected(t, Config{Arms: blockArms(t, testserver.Blocks)})
	p := atOnce(1, time.Hour)
	stepUntil(t, e, p, func() bool { return e.pending == 0 })
	c := &e.conns[0]
	e.connecting.push(c, e.startNs) // as after a reconnect
	e.handle(event{index: 0, generation: c.generation - 1, writable: true})
	e.handle(event{index: -1})
	if c.list != &e.connecting {
		t.Error("an event of the socket before has ended the connection attempt")
	}
	e.handle(event{index: 0, generation: c.generation, writable: true})
	if c.list != &e.arms[0].free {
		t.Error("the event of the socket itself has not")
	}
}

func TestIPv6(t *testing.T) {
	listener, err := net.Listen("tcp", "[::1]:0")
	if err != nil {
		t.Skipf("IPv6 on loopback: %v", err)
	}
	testserver.ServeOn(t, listener, answering(goodReply))
	e := connected(t, Config{Arms: []Arm{httpArm(netip.MustParseAddrPort(listener.Addr().String()))}})
	p := atOnce(3, time.Millisecond)
	run(t, e, p)
	expectAll(t, p.Requests, Completed)
}

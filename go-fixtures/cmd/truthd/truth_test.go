package main

import (
	"io"
	"net"
	"strconv"
	"sync"
	"syscall"
	"testing"

	"pollgate/go-fixtures/internal/loadgen/monotime"
	"pollgate/go-fixtures/internal/truthproto"
)

func itoa[N int | int64](n N) string { return strconv.FormatInt(int64(n), 10) }

func requestBytes(serviceNs, sequence uint64) []byte {
	b := make([]byte, truthproto.RequestSize)
	truthproto.PutRequest(b, truthproto.Request{ServiceNs: serviceNs, Sequence: sequence})
	return b
}

func send(t *testing.T, conn net.Conn, p []byte) {
	t.Helper()
	if _, err := conn.Write(p); err != nil {
		t.Fatal(err)
	}
}

// receive reads a reply and holds it to its request.
func receive(t *testing.T, conn net.Conn, serviceNs, sequence uint64) truthproto.Reply {
	t.Helper()
	b := make([]byte, truthproto.ReplySize)
	if _, err := io.ReadFull(conn, b); err != nil {
		t.Fatalf("request %d: %v", sequence, err)
	}
	reply := truthproto.GetReply(b)
	if request := (truthproto.Request{ServiceNs: serviceNs, Sequence: sequence}); !reply.Answers(request) {
		t.Fatalf("%+v is no reply to %+v", reply, request)
	}
	return reply
}

func exchange(t *testing.T, conn net.Conn, serviceNs, sequence uint64) truthproto.Reply {
	t.Helper()
	send(t, conn, requestBytes(serviceNs, sequence))
	return receive(t, conn, serviceNs, sequence)
}

// follows holds two replies, one served right after the other, to what a server of one thread can do.
func follows(t *testing.T, before, after truthproto.Reply) {
	t.Helper()
	if after.PreviousFreedNs < before.WroteNs || after.BeganNs < after.PreviousFreedNs {
		t.Errorf("%+v cannot have been served right after %+v", after, before)
	}
}

func TestTimesOfOneRequestAfterTheOther(t *testing.T) {
	for _, wait := range []string{"sleep", "spin"} {
		d := start(t, "--wait", wait)
		conns := []net.Conn{d.dial(t), d.dial(t), d.dial(t)}
		var last truthproto.Reply
		for i := range uint64(200) {
			service := i % 7 * 10_000
			// The calibration of two processes to one clock may differ by this much (package monotime).
			const calibrationNs = 2000
			sent := monotime.Now()
			reply := exchange(t, conns[i%3], service, i)
			done := monotime.Now()
			if reply.WroteNs < sent+int64(service)-calibrationNs || reply.WroteNs > done+calibrationNs {
				t.Fatalf("sent at %d, done at %d, but %+v", sent, done, reply)
			}
			if i > 0 {
				follows(t, last, reply)
			} else if reply.PreviousFreedNs != 0 {
				t.Errorf("nothing was served before %+v", reply)
			}
			last = reply
		}
	}
}

// While the server is busy with one request, others come; it must take them in the order in which
// they came, also those of connections that it has served before.
func TestServesInTheOrderOfArrival(t *testing.T) {
	d := start(t)
	pinToOneCPU(t)
	const connections, rounds = 20, 30
	conns := make([]net.Conn, connections)
	for i := range conns {
		conns[i] = d.dial(t)
		exchange(t, conns[i], 0, 0) // accepted
	}
	blocker := d.dial(t)
	exchange(t, blocker, 0, 0)
	const busyNs = 20_000_000
	for round := range rounds {
		sequence := uint64(round)
		send(t, blocker, requestBytes(busyNs, sequence))
		// Another order in each round.
		order := make([]int, connections)
		for i := range order {
			order[i] = (i*7 + round*3) % connections
			send(t, conns[order[i]], requestBytes(1000, sequence))
		}
		last := receive(t, blocker, busyNs, sequence)
		began := last.BeganNs
		for _, i := range order {
			reply := receive(t, conns[i], 1000, sequence)
			follows(t, last, reply)
			if reply.BeganNs <= began {
				t.Fatalf("round %d: connection %d was served at %d, before %d", round, i, reply.BeganNs, began)
			}
			last, began = reply, reply.BeganNs
		}
	}
}

func TestPipelinedAndTornRequests(t *testing.T) {
	d := start(t)
	conn := d.dial(t)
	// More than the server reads at once, written in pieces that cut requests anywhere.
	const requests = 3000
	var all []byte
	for i := range uint64(requests) {
		all = append(all, requestBytes(i%3*100, i)...)
	}
	go func() {
		for piece := 1; len(all) > 0; piece = piece%4099 + 37 {
			n, err := conn.Write(all[:min(piece, len(all))])
			if err != nil {
				return // the reader finds out
			}
			all = all[n:]
		}
	}()
	var last truthproto.Reply
	for i := range uint64(requests) {
		reply := receive(t, conn, i%3*100, i)
		if i > 0 {
			follows(t, last, reply)
		}
		last = reply
	}
}

func TestRequestInTwoPiecesAroundAnother(t *testing.T) {
	d := start(t)
	torn, other := d.dial(t), d.dial(t)
	request := requestBytes(5000, 1)
	for cut := 1; cut < len(request); cut++ {
		send(t, torn, request[:cut])
		before := exchange(t, other, 0, 2) // by now the first piece has arrived, too
		send(t, torn, request[cut:])
		reply := receive(t, torn, 5000, 1)
		follows(t, before, reply)
	}
}

// A client that sends and does not read fills the sockets in both directions. The server must keep the
// replies, serve others meanwhile, and go on when the client reads.
func TestClientThatDoesNotRead(t *testing.T) {
	d := start(t)
	lazy, other := d.dial(t), d.dial(t)
	// The server reads from lazy in each of its turns if it reads at all, and an exchange with other is at
	// least one turn: when many of them make no room for another byte, it has stopped reading.
	var sent, sequence uint64 // bytes; requests of other
	for full := 0; full < 200; {
		request := requestBytes(0, sent/truthproto.RequestSize)
		n := writeNow(t, lazy, request[sent%truthproto.RequestSize:])
		if sent += uint64(n); n > 0 {
			full = 0
			continue
		}
		full++
		sequence++
		exchange(t, other, 0, sequence)
	}
	var writing sync.WaitGroup
	writing.Go(func() {
		rest := requestBytes(0, sent/truthproto.RequestSize)[sent%truthproto.RequestSize:]
		if _, err := lazy.Write(rest); err != nil {
			t.Error(err)
		}
		if err := lazy.CloseWrite(); err != nil {
			t.Error(err)
		}
	})
	for i := range sent/truthproto.RequestSize + 1 {
		receive(t, lazy, 0, i)
	}
	if _, err := lazy.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("after the last reply to a client that has closed its side: %v, want EOF", err)
	}
	writing.Wait()
}

func TestClosedAndResetClients(t *testing.T) {
	d := start(t)
	other := d.dial(t)
	for i := range uint64(50) {
		closing, resetting, half := d.dial(t), d.dial(t), d.dial(t)
		send(t, closing, requestBytes(100_000, i)) // gone when its reply is written
		closing.Close()
		send(t, resetting, requestBytes(1000, i))
		if err := resetting.SetLinger(0); err != nil {
			t.Fatal(err)
		}
		resetting.Close()
		send(t, half, append(requestBytes(1000, i), requestBytes(2000, i+1)...))
		if err := half.CloseWrite(); err != nil {
			t.Fatal(err)
		}
		receive(t, half, 1000, i)
		receive(t, half, 2000, i+1)
		if _, err := half.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("half-closed connection: %v, want EOF", err)
		}
		exchange(t, other, 0, i)
	}
	if sockets := openSockets(t, d.PID); sockets > 40 {
		t.Errorf("%d descriptors are open after 150 connections that have ended, want a few", sockets)
	}
}

func TestRefusesAServiceTimeThatIsGarbage(t *testing.T) {
	d := start(t)
	bad, good := d.dial(t), d.dial(t)
	send(t, bad, requestBytes(truthproto.MaxServiceNs+1, 1))
	if n, err := bad.Read(make([]byte, 1)); n > 0 || err != io.EOF {
		t.Errorf("read %d bytes, %v; want EOF", n, err)
	}
	exchange(t, good, 1, 2)
}

func TestFiveHundredConnectionsAtOnce(t *testing.T) {
	d := start(t)
	const connections, each = 500, 20
	replies := make([][]truthproto.Reply, connections)
	var clients sync.WaitGroup
	for i := range connections {
		conn := d.dial(t)
		clients.Go(func() {
			b := make([]byte, truthproto.ReplySize)
			for n := range uint64(each) {
				request := truthproto.Request{ServiceNs: 1000, Sequence: uint64(i)<<32 | n}
				if _, err := conn.Write(requestBytes(request.ServiceNs, request.Sequence)); err != nil {
					t.Error(err)
					return
				}
				if _, err := io.ReadFull(conn, b); err != nil {
					t.Error(err)
					return
				}
				reply := truthproto.GetReply(b)
				if !reply.Answers(request) {
					t.Errorf("%+v is no reply to %+v", reply, request)
					return
				}
				replies[i] = append(replies[i], reply)
			}
		})
	}
	clients.Wait()
	serial(t, replies, connections*each)
}

func TestStopsInTheMiddleOfARequest(t *testing.T) {
	d := start(t)
	conn := d.dial(t)
	exchange(t, conn, 0, 1)
	send(t, conn, requestBytes(truthproto.MaxServiceNs, 2))
	if code := d.end(t, syscall.SIGTERM); code != 0 {
		t.Errorf("exit code %d, stderr %s", code, &d.stderr)
	}
}

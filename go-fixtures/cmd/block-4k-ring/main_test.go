package main

import (
	"fmt"
	"io"
	"net"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"pollgate/go-fixtures/internal/blocktest"
	"pollgate/go-fixtures/internal/fixturetest"
	"pollgate/go-fixtures/internal/uring"
)

// serverBinary is the fixture, built for these tests.
var serverBinary string

// needRings skips where the kernel does not allow what the server needs.
func needRings(t *testing.T) {
	t.Helper()
	ring, err := uring.New(8, 16)
	if err != nil {
		t.Skipf("missing capability: %v", err)
	}
	ring.Close()
}

func TestServesAsEveryBlockServer(t *testing.T) {
	needRings(t)
	blocktest.Suite(t, serverBinary)
}

func TestServesWithSeveralThreads(t *testing.T) {
	needRings(t)
	blocktest.Suite(t, serverBinary, "--threads", "3")
}

// With two buffers and two completions, all that must be armed anew is, again and again.
func TestServesWhenBuffersAndCompletionsRunOut(t *testing.T) {
	needRings(t)
	blocktest.Suite(t, serverBinary, "--threads", "1", "--buffers", "2", "--completions", "2")
}

func TestServesPastThePageCache(t *testing.T) {
	needRings(t)
	blocktest.NeedDisk(t)
	blocktest.Suite(t, serverBinary, "--cache", "direct", "--test-small-file")
}

func TestServesTenThousandConnections(t *testing.T) {
	needRings(t)
	blocktest.ManyConnections(t, serverBinary, 10_000, "--threads", "2")
}

// More clients send at once than there are buffers, completions and pages.
func TestRearmsWhatRanOut(t *testing.T) {
	needRings(t)
	for _, test := range []struct {
		arguments []string
		count     string
	}{
		{[]string{"--threads", "1", "--buffers", "1"}, "noBuffers"},
		{[]string{"--threads", "1", "--completions", "2"}, "rearms"},
	} {
		p := blocktest.Start(t, serverBinary, test.arguments...)
		conns := make([]io.ReadWriter, 600)
		for i := range conns {
			conns[i] = blocktest.Dial(t, p)
		}
		for round := 0; p.Counters(t).Experimental[test.count] == 0; round++ {
			if round == 1000 {
				t.Fatalf("%v: %s is still 0 after %d rounds", test.arguments, test.count, round)
			}
			for i, conn := range conns {
				if _, err := conn.Write(blocktest.Requests(uint64(i % blocktest.Pages))); err != nil {
					t.Fatal(err)
				}
			}
			for i, conn := range conns {
				if err := blocktest.ReadPage(conn, uint64(i%blocktest.Pages)); err != nil {
					t.Fatalf("%v, connection %d: %v", test.arguments, i, err)
				}
			}
		}
	}
}

// The correct server shows none of the evidence that the leaks leave.
func TestNothingIsLeftOfClosedConnections(t *testing.T) {
	needRings(t)
	p := blocktest.Start(t, serverBinary)
	blocktest.ConnectAndClose(t, p, 1000)
	beyond := blocktest.Dial(t, p)
	if err := blocktest.Ask(beyond, blocktest.Pages); err != io.EOF {
		t.Errorf("page beyond the file: got %v, want EOF", err)
	}
	beyond.Close()
	blocktest.WaitForSockets(t, p, "", 0)
	for _, ring := range blocktest.Rings(t, p) {
		polls, overflow := count(ring, "PollList"), count(ring, "CqOverflowList")
		// Those of the listener and of the eventfd.
		if polls > 2 || overflow != 0 {
			t.Errorf("the ring has %d polls and %d overflown completions, want 2 and 0:\n%s", polls, overflow, ring)
		}
	}
	for name, n := range p.Counters(t).Experimental {
		if strings.HasPrefix(name, "forgotten") && n != 0 {
			t.Errorf("%s is %d, want 0", name, n)
		}
	}
}

// countAll returns how many entries the lists of that name have in all rings of the process.
func countAll(t *testing.T, p *fixturetest.Process, list string) int {
	n := 0
	for _, ring := range blocktest.Rings(t, p) {
		n += count(ring, list)
	}
	return n
}

// count returns how many entries a list in a ring's fdinfo has.
func count(ring, list string) int {
	_, rest, _ := strings.Cut(ring, list+":\n")
	n := 0
	for line := range strings.Lines(rest) {
		if !strings.HasPrefix(line, "  ") {
			break
		}
		n++
	}
	return n
}

func TestLeakOfSockets(t *testing.T) {
	needRings(t)
	p := blocktest.Start(t, serverBinary, "--threads", "1", "--leak", "pinned-socket", "--leak-every", "3")
	for range 30 {
		conn := blocktest.Dial(t, p)
		if err := blocktest.Ask(conn, 1); err != nil {
			t.Fatal(err)
		}
		conn.Close()
	}
	blocktest.WaitFor(t, func() error {
		if n := blocktest.Pinned(t, p, blocktest.CloseWait); n != 10 {
			return fmt.Errorf("%d sockets in CLOSE-WAIT without a descriptor, want 10", n)
		}
		return nil
	})
	if n := countAll(t, p, "PollList"); n < 10 {
		t.Errorf("the ring's PollList has %d entries, want 10 and more", n)
	}
	if n := p.Counters(t).Experimental["forgottenSockets"]; n != 10 {
		t.Errorf("forgottenSockets is %d, want 10", n)
	}
}

// Where the server closes first, the client never sees the end.
func TestLeakOfSocketsTheServerClosed(t *testing.T) {
	needRings(t)
	p := blocktest.Start(t, serverBinary, "--threads", "1", "--leak", "pinned-socket")
	conn := blocktest.Dial(t, p)
	if _, err := conn.Write(blocktest.Requests(blocktest.Pages)); err != nil {
		t.Fatal(err)
	}
	blocktest.WaitFor(t, func() error {
		if n := blocktest.Pinned(t, p, blocktest.Established); n != 1 {
			return fmt.Errorf("%d established sockets without a descriptor, want 1", n)
		}
		return nil
	})
}

func TestLeakOfBuffers(t *testing.T) {
	needRings(t)
	p := blocktest.Start(t, serverBinary, "--threads", "1", "--buffers", "8", "--leak", "buffers", "--leak-every", "5")
	conn := blocktest.Dial(t, p)
	for n := range uint64(8 * 5) {
		if err := blocktest.Ask(conn, n%blocktest.Pages); err != nil {
			t.Fatalf("request %d, with buffers left: %v", n, err)
		}
	}
	if _, err := conn.Write(blocktest.Requests(1)); err != nil {
		t.Fatal(err)
	}
	blocktest.WaitFor(t, func() error {
		counters := p.Counters(t).Experimental
		sockets := blocktest.Sockets(t, p)
		if counters["forgottenBuffers"] != 8 || counters["noBuffers"] == 0 || len(sockets) != 1 || sockets[0].ReceiveQueue != 8 {
			return fmt.Errorf("counters %v, sockets %+v; want 8 forgotten, some ENOBUFS, a request unread in the socket", counters, sockets)
		}
		return nil
	})
}

func TestLeakOfCompletions(t *testing.T) {
	needRings(t)
	p := blocktest.Start(t, serverBinary, "--threads", "1", "--leak", "cq", "--leak-every", "2")
	conn := blocktest.Dial(t, p)
	for n := range uint64(200) {
		if err := blocktest.Ask(conn, n%blocktest.Pages); err != nil {
			t.Fatal(err)
		}
	}
	if n := countAll(t, p, "CqOverflowList"); n != 100-unreadCompletions {
		t.Errorf("CqOverflowList has %d entries, want %d", n, 100-unreadCompletions)
	}
}

// Clients that reset their connection while their request waits for a page have no use for the page
// that becomes free; those behind them have.
func TestGoneClientsDoNotTakeThePagesOfOthers(t *testing.T) {
	needRings(t)
	p := blocktest.Start(t, serverBinary, "--threads", "1")
	gone := make([]*net.TCPConn, 3000)
	for i := range gone {
		gone[i] = blocktest.Dial(t, p)
	}
	stays := blocktest.Dial(t, p)
	if err := blocktest.Ask(stays, 1); err != nil {
		t.Fatal(err)
	}
	// All requests and resets are there before the server looks.
	p.Signal(t, unix.SIGSTOP)
	for _, conn := range gone {
		if _, err := conn.Write(blocktest.Requests(1)); err != nil {
			t.Fatal(err)
		}
		conn.SetLinger(0)
		conn.Close()
	}
	if _, err := stays.Write(blocktest.Requests(2)); err != nil {
		t.Fatal(err)
	}
	p.Signal(t, unix.SIGCONT)
	if err := blocktest.ReadPage(stays, 2); err != nil {
		t.Fatal(err)
	}
	stays.Close()
	blocktest.WaitForSockets(t, p, "", 0)
}

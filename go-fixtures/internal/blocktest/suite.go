package blocktest

import (
	"bufio"
	"io"
	"strings"
	"syscall"
	"testing"

	"pollgate/go-fixtures/internal/fixturetest"
)

// sequence returns count page numbers in an order of no pattern.
func sequence(count int) []uint64 {
	pages := make([]uint64, count)
	for i := range pages {
		pages[i] = uint64(i) * 11 % Pages
	}
	return pages
}

// Suite is what every block-4k server must do. arguments are added to the command line.
func Suite(t *testing.T, binary string, arguments ...string) {
	for name, test := range map[string]func(*testing.T, *fixturetest.Process){
		"every page":                         everyPage,
		"split requests":                     splitRequests,
		"pipelined requests":                 pipelinedRequests,
		"a client that does not read":        clientThatDoesNotRead,
		"the end of the data":                endOfData,
		"no allocation per request":          noAllocations,
		"what a gone client left is noticed": goneClients,
		"page beyond the file":               pageBeyondFile,
	} {
		t.Run(name, func(t *testing.T) { test(t, Start(t, binary, arguments...)) })
	}
}

func everyPage(t *testing.T, p *fixturetest.Process) {
	conn := Dial(t, p)
	for n := range uint64(Pages) {
		if err := Ask(conn, n); err != nil {
			t.Fatal(err)
		}
	}
	if n := p.Counters(t).Requests; n != Pages {
		t.Errorf("counted %d requests, want %d", n, Pages)
	}
}

// splitRequests sends requests byte by byte, each byte in a packet of its own.
func splitRequests(t *testing.T, p *fixturetest.Process) {
	conn, other := Dial(t, p), Dial(t, p)
	for n := range uint64(5) {
		for _, b := range Requests(n) {
			if _, err := conn.Write([]byte{b}); err != nil {
				t.Fatal(err)
			}
			// Its reply shows that the server has been at work since.
			if err := Ask(other, 36-n); err != nil {
				t.Fatal(err)
			}
		}
		if err := ReadPage(conn, n); err != nil {
			t.Fatal(err)
		}
	}
}

// pipelinedRequests sends more than any buffer of a server holds before it reads, cut at odd places.
func pipelinedRequests(t *testing.T, p *fixturetest.Process) {
	conn := Dial(t, p)
	pages := sequence(3000)
	requests := Requests(pages...)
	written := make(chan error, 1)
	go func() {
		for len(requests) > 0 {
			n := min(len(requests), 1021)
			if _, err := conn.Write(requests[:n]); err != nil {
				written <- err
				return
			}
			requests = requests[n:]
		}
		written <- nil
	}()
	reader := bufio.NewReader(conn)
	for i, n := range pages {
		if err := ReadPage(reader, n); err != nil {
			t.Fatalf("reply %d: %v", i, err)
		}
	}
	if err := <-written; err != nil {
		t.Error(err)
	}
}

// clientThatDoesNotRead has the server meet a full socket in the middle of a page.
func clientThatDoesNotRead(t *testing.T, p *fixturetest.Process) {
	slow, quick := Dial(t, p), Dial(t, p)
	pages := sequence(4000) // 16 MB of replies: more than the sockets hold.
	if _, err := slow.Write(Requests(pages...)); err != nil {
		t.Fatal(err)
	}
	for before := uint64(0); ; {
		// The slow one's replies end when its sockets are full; then the count is the quick one's.
		for n := range uint64(20) {
			if err := Ask(quick, n); err != nil {
				t.Fatalf("beside a client that does not read: %v", err)
			}
		}
		now := p.Counters(t).Requests
		if now == before+20 {
			break
		}
		before = now
	}
	for i, n := range pages {
		if err := ReadPage(slow, n); err != nil {
			t.Fatalf("reply %d: %v", i, err)
		}
	}
}

// endOfData closes one direction only: what was asked before is answered, half a request is not.
func endOfData(t *testing.T, p *fixturetest.Process) {
	conn := Dial(t, p)
	pages := sequence(100)
	if _, err := conn.Write(append(Requests(pages...), 0, 0, 0)); err != nil {
		t.Fatal(err)
	}
	if err := conn.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	for i, n := range pages {
		if err := ReadPage(conn, n); err != nil {
			t.Fatalf("reply %d: %v", i, err)
		}
	}
	if rest, err := io.ReadAll(conn); err != nil || len(rest) > 0 {
		t.Errorf("after the last reply: %d bytes, %v; want the end", len(rest), err)
	}
}

// noAllocations needs many requests: the runtime counts allocations in batches.
func noAllocations(t *testing.T, p *fixturetest.Process) {
	conn := Dial(t, p)
	const requests = 20_000
	before := p.Counters(t)
	for n := range uint64(requests) {
		if err := Ask(conn, n%Pages); err != nil {
			t.Fatal(err)
		}
	}
	after := p.Counters(t)
	if objects := after.HeapAllocObjects - before.HeapAllocObjects; objects > requests/10 {
		t.Errorf("%d objects allocated for %d requests, want next to none", objects, requests)
	}
}

// goneClients connects and closes in all ways, and expects no descriptor and no socket to stay.
func goneClients(t *testing.T, p *fixturetest.Process) {
	ConnectAndClose(t, p, 300)
	WaitForSockets(t, p, "", 0)
	last := Dial(t, p)
	if err := Ask(last, 1); err != nil {
		t.Fatal(err)
	}
	last.Close()
	WaitForSockets(t, p, "", 0)
	code, stdout, stderr := stop(t, p)
	if code != 0 || stdout != "" || stderr != "" {
		t.Errorf("ended with %d, stdout %q, stderr %q; want 0 and nothing", code, stdout, stderr)
	}
}

func pageBeyondFile(t *testing.T, p *fixturetest.Process) {
	for _, n := range []uint64{Pages, 1 << 63} {
		if err := Ask(Dial(t, p), n); err != io.EOF {
			t.Errorf("page %d: got %v, want EOF", n, err)
		}
	}
	if err := Ask(Dial(t, p), 0); err != nil {
		t.Errorf("a new connection afterwards: %v", err)
	}
	if n := p.Counters(t).Requests; n != 1 {
		t.Errorf("counted %d requests, want only the one that was answered", n)
	}
	_, _, stderr := stop(t, p)
	lines := strings.Count(stderr, "\n")
	if lines < 1 || !strings.Contains(stderr, "asked for, the last one is 36") {
		t.Errorf("stderr is %q, want a line about the page", stderr)
	}
}

func stop(t *testing.T, p *fixturetest.Process) (code int, stdout, stderr string) {
	t.Helper()
	p.Signal(t, syscall.SIGTERM)
	return p.Wait(t)
}

// Package blocktest holds what the tests of all block-4k servers share: what each of them must do
// with real clients.
package blocktest

import (
	"bufio"
	"errors"
	"io"
	"net"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"pollgate/go-fixtures/internal/blockproto"
	"pollgate/go-fixtures/internal/fixturetest"
)

// Pages is a size of the data file that neither the protocol nor the generator treats in a special way.
const Pages = 37

// patience turns a hang into a failure; nothing is measured with it.
const patience = 30 * time.Second

// DataFile makes a data file of so many pages, in a folder of the test.
func DataFile(t testing.TB, pages uint64) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "pages.bin")
	if err := blockproto.GenerateFile(path, pages); err != nil {
		t.Fatal(err)
	}
	return path
}

// Start starts a server on a data file of Pages pages, with further arguments.
func Start(t testing.TB, binary string, arguments ...string) *fixturetest.Process {
	t.Helper()
	return fixturetest.Start(t, binary, append([]string{"--data", DataFile(t, Pages)}, arguments...)...)
}

// Dial connects. The connection is closed when the test ends.
func Dial(t testing.TB, p *fixturetest.Process) *net.TCPConn {
	t.Helper()
	conn, err := net.Dial("tcp", p.Ready.Address)
	if err == nil {
		t.Cleanup(func() { conn.Close() })
		err = conn.SetDeadline(time.Now().Add(patience))
	}
	if err != nil {
		t.Fatal(err)
	}
	return conn.(*net.TCPConn)
}

// Requests returns the bytes of the requests for some pages.
func Requests(pages ...uint64) []byte {
	requests := make([]byte, len(pages)*blockproto.RequestSize)
	for i, n := range pages {
		blockproto.PutRequest(requests[i*blockproto.RequestSize:], n)
	}
	return requests
}

// ReadPage reads one reply and checks that it is page n.
func ReadPage(reader io.Reader, n uint64) error {
	var reply [blockproto.PageSize]byte
	if _, err := io.ReadFull(reader, reply[:]); err != nil {
		return err
	}
	return blockproto.Verify(reply[:], n)
}

// Ask requests page n and checks the reply.
func Ask(conn net.Conn, n uint64) error {
	if _, err := conn.Write(Requests(n)); err != nil {
		return err
	}
	return ReadPage(conn, n)
}

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

// ConnectAndClose makes so many connections, one after the other, asks on each, and closes them in
// turn: quietly, with a request on its way, with half a request, and with a reset.
func ConnectAndClose(t testing.TB, p *fixturetest.Process, count int) {
	t.Helper()
	for i := range count {
		conn := Dial(t, p)
		err := Ask(conn, uint64(i%Pages))
		switch i % 4 {
		case 1:
			_, err = conn.Write(Requests(2))
		case 2:
			_, err = conn.Write(Requests(2)[:5])
		case 3:
			err = errors.Join(err, conn.SetLinger(0))
		}
		if err = errors.Join(err, conn.Close()); err != nil {
			t.Fatal(err)
		}
	}
}

// ManyConnections opens count connections, asks on each of them, twice, and expects all to be
// answered. It skips where the limit of open files does not allow them.
func ManyConnections(t *testing.T, binary string, count int, arguments ...string) {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	if limit.Cur < uint64(count)+200 {
		t.Skipf("missing capability: %d open files (ulimit -n is %d)", count+200, limit.Cur)
	}
	p := Start(t, binary, arguments...)
	conns := make([]*net.TCPConn, count)
	for i := range conns {
		conns[i] = Dial(t, p)
	}
	for round := range 2 {
		for i, conn := range conns {
			if _, err := conn.Write(Requests(uint64((i + round) % Pages))); err != nil {
				t.Fatal(err)
			}
		}
		for i, conn := range conns {
			if err := ReadPage(conn, uint64((i+round)%Pages)); err != nil {
				t.Fatalf("connection %d: %v", i, err)
			}
		}
	}
	for _, conn := range conns {
		conn.Close()
	}
	WaitForSockets(t, p, "", 0)
}

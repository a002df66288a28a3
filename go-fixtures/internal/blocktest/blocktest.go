// Package blocktest holds what the tests of all block-4k servers share: what each of them must do
// with real clients.
package blocktest

import (
	"errors"
	"io"
	"net"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"pollgate/go-fixtures/internal/blockproto"
	"pollgate/go-fixtures/internal/fixturetest"
	"pollgate/go-fixtures/internal/pagefile"
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

// NeedDisk skips where the tests' temporary folder lies on no disk, so that --cache=direct is refused.
func NeedDisk(t testing.TB) {
	t.Helper()
	file, err := pagefile.Open(DataFile(t, 1), pagefile.Direct, 0)
	if err != nil {
		t.Skipf("missing capability: a temporary folder on a disk: %v", err)
	}
	file.Close()
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

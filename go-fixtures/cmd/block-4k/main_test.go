package main

import (
	"io"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"pollgate/go-fixtures/internal/blockproto"
	"pollgate/go-fixtures/internal/blocktest"
	"pollgate/go-fixtures/internal/fixturetest"
)

// serverBinary is the fixture, built for these tests.
var serverBinary string

func TestMain(m *testing.M) { fixturetest.Main(m, &serverBinary) }

// pages is a size that neither the protocol nor the generator treats in a special way.
const pages = 37

func TestServesEveryPageOfAFileThatItGenerated(t *testing.T) {
	p, conn := start(t)
	for n := range uint64(pages) {
		if err := ask(conn, n); err != nil {
			t.Fatal(err)
		}
	}
	if n := p.Counters(t).Requests; n != pages {
		t.Errorf("counted %d requests, want %d", n, pages)
	}
}

func TestPageBeyondTheFileClosesTheConnectionAndIsReportedOnce(t *testing.T) {
	p, conn := start(t)
	for _, n := range []uint64{pages, 1 << 63} {
		if err := ask(conn, n); err != io.EOF {
			t.Errorf("page %d: got %v, want EOF", n, err)
		}
		conn = dial(t, p)
	}
	if err := ask(conn, 0); err != nil {
		t.Errorf("a new connection afterwards: %v", err)
	}
	if n := p.Counters(t).Requests; n != 1 {
		t.Errorf("counted %d requests, want only the one that was answered", n)
	}
	p.Signal(t, syscall.SIGTERM)
	_, _, stderr := p.Wait(t)
	if strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, "page 37 asked for, the last one is 36") {
		t.Errorf("stderr is %q, want one line about page 37", stderr)
	}
}

// The runtime counts allocations in batches, so that many requests are needed to see one allocation
// in each of them.
func TestRequestsDoNotAllocate(t *testing.T) {
	p, conn := start(t)
	const requests = 20_000
	before := p.Counters(t)
	for n := range uint64(requests) {
		if err := ask(conn, n%pages); err != nil {
			t.Fatal(err)
		}
	}
	after := p.Counters(t)
	if objects := after.HeapAllocObjects - before.HeapAllocObjects; objects > requests/10 {
		t.Errorf("%d objects allocated for %d requests, want next to none", objects, requests)
	}
}

func TestServesAsEveryBlockServer(t *testing.T) { blocktest.Suite(t, serverBinary) }

func TestServesFromAPoolOfBuffers(t *testing.T) { blocktest.Suite(t, serverBinary, "--pool") }

func TestServesPastThePageCache(t *testing.T) {
	blocktest.NeedDisk(t)
	file := blocktest.DataFile(t, blocktest.Pages)
	code, _, stderr := fixturetest.Run(t, serverBinary, "--data", file, "--cache", "direct")
	if code != 3 || !strings.Contains(stderr, "--pages 524288") {
		t.Errorf("a small file: exit %d, stderr %q; want exit 3 and the command that makes a larger one", code, stderr)
	}
	blocktest.Suite(t, serverBinary, "--cache", "direct", "--test-small-file")
}

func TestGomaxprocsIsInTheReadyLine(t *testing.T) {
	if n := blocktest.Start(t, serverBinary, "--gomaxprocs", "3").Ready.GoMaxProcs; n != 3 {
		t.Errorf("goMaxProcs is %d, want 3", n)
	}
}

func TestWrongUseIsRefused(t *testing.T) {
	file := filepath.Join(t.TempDir(), "pages.bin")
	for _, test := range []struct {
		name      string
		arguments []string
		code      int
		want      string
	}{
		{"neither data nor generate", nil, 2, "give --data FILE"},
		{"both", []string{"--data", file, "--generate", file}, 2, "give --data FILE"},
		{"no pages", []string{"--generate", file, "--pages", "0"}, 3, "0 pages"},
		{"negative pages", []string{"--generate", file, "--pages", "-1"}, 2, "invalid value"},
		{"no such cache", []string{"--data", file, "--cache", "warm"}, 2, `--cache: saw "warm", want hot or direct`},
		{"negative gomaxprocs", []string{"--data", file, "--gomaxprocs", "-1"}, 2, "--gomaxprocs: saw -1"},
		{"no folder", []string{"--generate", file + "/x/y"}, 3, "no such file"},
		{"not a data file", []string{"--data", serverBinary}, 3, "make one with: block-4k --generate " + serverBinary},
	} {
		code, stdout, stderr := fixturetest.Run(t, serverBinary, test.arguments...)
		if code != test.code || stdout != "" || !strings.Contains(stderr, test.want) {
			t.Errorf("%s: exit %d, stdout %q, stderr %q; want exit %d, …%s…",
				test.name, code, stdout, stderr, test.code, test.want)
		}
	}
}

// start generates a data file, serves it, and connects.
func start(t *testing.T) (*fixturetest.Process, net.Conn) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "pages.bin")
	code, stdout, stderr := fixturetest.Run(t, serverBinary, "--generate", file, "--pages", strconv.Itoa(pages))
	if code != 0 || stdout+stderr != "" {
		t.Fatalf("--generate: exit %d, output %q; want 0 and nothing", code, stdout+stderr)
	}
	p := fixturetest.Start(t, serverBinary, "--data", file)
	return p, dial(t, p)
}

func dial(t *testing.T, p *fixturetest.Process) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", p.Ready.Address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// ask requests page n and checks the reply.
func ask(conn net.Conn, n uint64) error {
	var request [blockproto.RequestSize]byte
	var reply [blockproto.PageSize]byte
	blockproto.PutRequest(request[:], n)
	if _, err := conn.Write(request[:]); err != nil {
		return err
	}
	if _, err := io.ReadFull(conn, reply[:]); err != nil {
		return err
	}
	return blockproto.Verify(reply[:], n)
}

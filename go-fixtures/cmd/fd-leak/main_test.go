package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"pollgate/go-fixtures/internal/fixturetest"
)

// serverBinary is the fixture, built for these tests.
var serverBinary string

func TestMain(m *testing.M) { fixturetest.Main(m, &serverBinary) }

func TestForgottenDescriptorsStayOpenThroughGarbageCollections(t *testing.T) {
	// 23 requests: a prime, so that no other way of counting gives the same numbers.
	before, after, counts := descriptorsAround(t, 5, 23)
	if want := before.plus(4, 4); after != want {
		t.Errorf("%v before, %v after; want %v", before, after, want)
	}
	want := map[string]int64{"forgottenConnections": 4, "forgottenFiles": 4, "upstreamErrors": 0}
	if !maps.Equal(counts, want) {
		t.Errorf("counters say %v, want %v", counts, want)
	}
}

func TestNothingIsForgottenWithLeakEvery0(t *testing.T) {
	before, after, counts := descriptorsAround(t, 0, 23)
	if after != before {
		t.Errorf("%v before, %v after; want no difference", before, after)
	}
	want := map[string]int64{"forgottenConnections": 0, "forgottenFiles": 0, "upstreamErrors": 0}
	if !maps.Equal(counts, want) {
		t.Errorf("counters say %v, want %v", counts, want)
	}
}

func TestUpstreamEndsWithItsParent(t *testing.T) {
	for _, signal := range []syscall.Signal{syscall.SIGKILL, syscall.SIGTERM} {
		p := fixturetest.Start(t, serverBinary, "--leak-every", "1")
		get(t, p) // So that a connection to the upstream is open when the parent dies.
		upstream := openChild(t, p.PID())
		p.Signal(t, signal)
		upstream.waitForEnd(t, signal)
		p.Wait(t)
	}
}

func TestServerEndsWhenItsUpstreamIsGone(t *testing.T) {
	p := fixturetest.Start(t, serverBinary)
	upstream := openChild(t, p.PID())
	if err := unix.PidfdSendSignal(upstream.pidfd, unix.SIGKILL, nil, 0); err != nil {
		t.Fatal(err)
	}
	code, _, stderr := p.Wait(t)
	if code != 1 || !strings.Contains(stderr, "the upstream process has ended (signal: killed)") {
		t.Errorf("exit %d, stderr %q; want exit 1 and how the upstream ended", code, stderr)
	}
}

func TestUpstreamEchoesUntilItsInputEnds(t *testing.T) {
	stdinReader, stdin := io.Pipe()
	stdout, stdoutWriter := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- runUpstream(stdinReader, stdoutWriter) }()
	var address string
	if _, err := fmt.Fscanln(stdout, &address); err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for _, text := range []string{"a", "several bytes"} {
		echoed := make([]byte, len(text))
		if _, err := conn.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(conn, echoed); err != nil || string(echoed) != text {
			t.Errorf("got %q (%v), want %q", echoed, err, text)
		}
	}
	stdin.Close()
	if err := <-ended; err != nil {
		t.Errorf("ended with %v at the end of its input, want no error", err)
	}
}

func TestRequestFailsLoudlyWithoutUpstream(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener.Close() // Now nothing listens there.
	s := &service{upstream: listener.Addr().String()}
	if err := s.askUpstream(1, false); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("got %v, want connection refused", err)
	}
}

// descriptors counts the descriptors of a server by what a request opens.
type descriptors struct{ sockets, files, others int }

func (d descriptors) plus(sockets, files int) descriptors {
	return descriptors{d.sockets + sockets, d.files + files, d.others}
}

// descriptorsAround counts the server's descriptors around some requests, each time after two garbage
// collections: the first finds unreachable objects, the second follows their finalizers. It returns
// the server's own counts, too.
func descriptorsAround(t *testing.T, leakEvery, requests int) (before, after descriptors, counts map[string]int64) {
	t.Helper()
	p := fixturetest.Start(t, serverBinary, "--leak-every", strconv.Itoa(leakEvery))
	count := func() (d descriptors) {
		for range 2 {
			fixturetest.Get(t, p.Ready.PprofURL+"heap?gc=1")
		}
		for _, target := range fixturetest.Descriptors(t, p.PID()) {
			switch {
			case strings.HasPrefix(target, "socket:"):
				d.sockets++
			case target == serverBinary:
				d.files++
			default:
				d.others++
			}
		}
		return d
	}
	client := newClient(t)
	// The first requests open the connections that stay.
	fixturetest.Get(t, p.Ready.CountersURL)
	client.get(p.Ready.Address)
	before = count()
	for range requests - 1 {
		client.get(p.Ready.Address)
	}
	after = count()
	return before, after, p.Counters(t).Experimental
}

// client keeps one connection of its own to the server.
type client struct {
	t *testing.T
	http.Client
}

func newClient(t *testing.T) *client {
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &client{t: t, Client: http.Client{Transport: transport}}
}

func (c *client) get(addressAndPath string) {
	c.t.Helper()
	response, err := c.Get("http://" + addressAndPath)
	if err != nil {
		c.t.Fatal(err)
	}
	defer response.Body.Close()
	if body, err := io.ReadAll(response.Body); err != nil || string(body) != "ok\n" {
		c.t.Fatalf("got %q (%v), want ok", body, err)
	}
}

func get(t *testing.T, p *fixturetest.Process) {
	t.Helper()
	newClient(t).get(p.Ready.Address)
}

// child is a hold on a process that is not this test's own child.
type child struct{ pidfd int }

// openChild finds the only child of the process.
func openChild(t *testing.T, parent int) child {
	t.Helper()
	folders, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		t.Fatal(err)
	}
	for _, folder := range folders {
		status, err := os.ReadFile(filepath.Join(folder, "status"))
		if err != nil || !bytes.Contains(status, fmt.Appendf(nil, "\nPPid:\t%d\n", parent)) {
			continue // Another's child, or ended since the folder was read.
		}
		pid, err := strconv.Atoi(filepath.Base(folder))
		if err != nil {
			t.Fatal(err)
		}
		pidfd, err := unix.PidfdOpen(pid, 0)
		if err != nil {
			t.Fatalf("pidfd_open: %v", err)
		}
		t.Cleanup(func() { unix.Close(pidfd) })
		return child{pidfd}
	}
	t.Fatalf("process %d has no child", parent)
	return child{}
}

// waitForEnd waits until the process has ended.
func (c child) waitForEnd(t *testing.T, signal syscall.Signal) {
	t.Helper()
	const patienceMs = 30_000
	events := []unix.PollFd{{Fd: int32(c.pidfd), Events: unix.POLLIN}}
	for {
		n, err := unix.Poll(events, patienceMs)
		if err == unix.EINTR {
			continue
		}
		if n != 1 || err != nil {
			t.Fatalf("the upstream is still there after its parent's end by %v (%v)", signal, err)
		}
		return
	}
}

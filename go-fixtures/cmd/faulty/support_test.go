package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"pollgate/go-fixtures/cmd/faulty/internal/peers"
	"pollgate/go-fixtures/internal/fixturetest"
)

// patience turns a hang into a failure; nothing is measured with it.
const patience = 30 * time.Second

// server is a started fixture, looked at from outside.
type server struct {
	*fixturetest.Process
	fault string
}

// start starts a fault or its twin; the test kills it when it ends, unless stop has drained it.
func start(t *testing.T, fault string, correct bool, further ...string) *server {
	t.Helper()
	arguments := append([]string{"--fault", fault}, further...)
	if correct {
		arguments = append(arguments, "--correct")
	}
	return &server{fixturetest.Start(t, serverBinary, arguments...), fault}
}

// stop drains the server, which must say nothing, and no request of which may have failed.
func (s *server) stop(t *testing.T) {
	t.Helper()
	if failed := s.Counters(t).Experimental["failedRequests"]; failed != 0 {
		t.Errorf("%s: %d requests failed", s.fault, failed)
	}
	s.Signal(t, unix.SIGTERM)
	if code, stdout, stderr := s.Wait(t); code != 0 || stdout != "" || stderr != "" {
		t.Errorf("%s: ended with %d, stdout %q, stderr %q; want 0 and nothing", s.fault, code, stdout, stderr)
	}
}

// drive sends requests over so many connections, each as soon as it has its reply, and returns how
// long that took.
func (s *server) drive(t *testing.T, connections, requests int) time.Duration {
	t.Helper()
	transport := &http.Transport{MaxIdleConnsPerHost: connections}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: patience}
	due := make(chan struct{}, requests)
	for range requests {
		due <- struct{}{}
	}
	close(due)
	begin := time.Now()
	var sending sync.WaitGroup
	for range connections {
		sending.Go(func() {
			for range due {
				if err := get(client, "http://"+s.Ready.Address); err != nil {
					t.Errorf("%s: %v", s.fault, err)
					return
				}
			}
		})
	}
	sending.Wait()
	return time.Since(begin)
}

func get(client *http.Client, url string) error {
	response, err := client.Get(url)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	whole := response.ContentLength == int64(len(body)) && len(body) > 0
	if err == nil && (response.StatusCode != http.StatusOK || !whole) {
		err = fmt.Errorf("%s, Content-Length %d, body %q", response.Status, response.ContentLength, body)
	}
	return err
}

// collect makes the garbage collector close what it can: the first round finds unreachable objects,
// the second follows their finalizers.
func (s *server) collect(t *testing.T) {
	t.Helper()
	for range 2 {
		fixturetest.Get(t, s.Ready.PprofURL+"heap?gc=1")
	}
}

// peerPort is where the fault's peer serves.
func (s *server) peerPort(t *testing.T) int {
	t.Helper()
	port := s.Counters(t).Experimental[s.fault+".peerPort"]
	if port == 0 {
		t.Fatalf("%s has no peer", s.fault)
	}
	return int(port)
}

// peerSeen asks the peer what it has seen.
func (s *server) peerSeen(t *testing.T) (seen peers.Seen) {
	t.Helper()
	port := s.Counters(t).Experimental[s.fault+".peerSeenPort"]
	if err := json.Unmarshal(fixturetest.Get(t, fmt.Sprintf("http://127.0.0.1:%d/", port)), &seen); err != nil {
		t.Fatal(err)
	}
	return seen
}

// States of a TCP socket in /proc/net/tcp (include/net/tcp_states.h).
const (
	established = "01"
	timeWait    = "06"
)

// socketsTo counts the sockets in that state whose remote port is the port.
func (s *server) socketsTo(t *testing.T, port int, state string) int {
	t.Helper()
	table, err := os.ReadFile(fmt.Sprintf("/proc/%d/net/tcp", s.PID()))
	if err != nil {
		t.Fatal(err)
	}
	// The table is read in pieces; where sockets come and go meanwhile, the kernel tells some twice.
	ends := map[[2]string]bool{}
	for line := range strings.Lines(string(table)) {
		// sl, local address, remote address, state, …
		if fields := strings.Fields(line); strings.HasSuffix(fields[2], fmt.Sprintf(":%04X", port)) && fields[3] == state {
			ends[[2]string{fields[1], fields[2]}] = true
		}
	}
	return len(ends)
}

// openFiles counts the descriptors on the server's binary, which is the file that faults open.
func (s *server) openFiles(t *testing.T) (count int) {
	t.Helper()
	s.collect(t)
	for _, target := range fixturetest.Descriptors(t, s.PID()) {
		if target == serverBinary {
			count++
		}
	}
	return count
}

// registrations counts the descriptors that the server's epoll watches.
func (s *server) registrations(t *testing.T) (count int) {
	t.Helper()
	s.collect(t)
	folder := fmt.Sprintf("/proc/%d", s.PID())
	entries, err := os.ReadDir(folder + "/fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if target, _ := os.Readlink(folder + "/fd/" + entry.Name()); target != "anon_inode:[eventpoll]" {
			continue
		}
		info, err := os.ReadFile(folder + "/fdinfo/" + entry.Name())
		if err != nil {
			t.Fatal(err)
		}
		count += bytes.Count(info, []byte("\ntfd:"))
	}
	return count
}

// stackCount is the first line of a stack in the text form of a goroutine profile.
var stackCount = regexp.MustCompile(`^(\d+) @`)

// goroutines counts the goroutines that have the function on their stack.
func (s *server) goroutines(t *testing.T, function string) (count int) {
	t.Helper()
	profile := bufio.NewScanner(bytes.NewReader(fixturetest.Get(t, s.Ready.PprofURL+"goroutine?debug=1")))
	profile.Buffer(nil, 1<<20)
	ofStack := 0
	for profile.Scan() {
		if first := stackCount.FindStringSubmatch(profile.Text()); first != nil {
			ofStack, _ = strconv.Atoi(first[1])
		} else if strings.Contains(profile.Text(), function) {
			count += ofStack
			ofStack = 0 // Once per stack.
		}
	}
	return count
}

// expectGoroutines waits until so many goroutines have the function on their stack: those that
// end may take a moment for it.
func (s *server) expectGoroutines(t *testing.T, function string, want int) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; {
		n := s.goroutines(t, function)
		if n == want {
			return
		}
		if time.Now().After(deadline) {
			t.Errorf("%s: %d goroutines in %s, want %d", s.fault, n, function, want)
			return
		}
	}
}

// cpu is the CPU time that the server has used, in clock ticks of 10 ms.
func (s *server) cpu(t *testing.T) (ticks int64) {
	t.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.PID()))
	if err != nil {
		t.Fatal(err)
	}
	// The name, which may hold spaces, ends with the last parenthesis; utime and stime are fields 14 and 15.
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	for _, field := range fields[11:13] {
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		ticks += n
	}
	return ticks
}

// io returns a line of /proc/PID/io.
func (s *server) io(t *testing.T, name string) int64 {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/io", s.PID()))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if value, found := strings.CutPrefix(line, name+": "); found {
			n, err := strconv.ParseInt(strings.TrimSpace(value), 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
	}
	t.Fatalf("/proc/%d/io has no %s", s.PID(), name)
	return 0
}

// eachSocketTo calls look with a duplicate of each of the server's sockets that is connected to the port.
func (s *server) eachSocketTo(t *testing.T, port int, look func(fd int)) {
	t.Helper()
	pidfd, err := unix.PidfdOpen(s.PID(), 0)
	if err != nil {
		t.Fatalf("pidfd_open: %v", err)
	}
	defer unix.Close(pidfd)
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", s.PID()))
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		number, err := strconv.Atoi(entry.Name())
		if err != nil {
			t.Fatal(err)
		}
		fd, err := unix.PidfdGetfd(pidfd, number, 0)
		if err == unix.EPERM {
			t.Skip("missing capability: pidfd_getfd on a child (kernel.yama.ptrace_scope above 1?)")
		}
		if err != nil {
			continue // Closed since the folder was read.
		}
		if peer, err := unix.Getpeername(fd); err == nil {
			if inet, ok := peer.(*unix.SockaddrInet4); ok && inet.Port == port {
				look(fd)
			}
		}
		unix.Close(fd)
	}
}

// expectNoPeer waits until no process is left that runs as a peer with these settings.
func expectNoPeer(t *testing.T, settings string) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; {
		left := 0
		folders, err := filepath.Glob("/proc/[0-9]*")
		if err != nil {
			t.Fatal(err)
		}
		for _, folder := range folders {
			// An orphan's parent is another: what tells it is its command line, a path of this test alone and the kind.
			command, _ := os.ReadFile(folder + "/cmdline")
			if bytes.HasPrefix(command, []byte(serverBinary+"\x00"+peers.Flag)) && bytes.Contains(command, []byte(settings)) {
				left++
			}
		}
		if left == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Errorf("%d peers are left", left)
			return
		}
	}
}

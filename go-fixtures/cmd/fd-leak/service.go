package main

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// upstreamTimeout bounds one use of the upstream. It answers in microseconds; a request that waits
// longer has failed.
const upstreamTimeout = 2 * time.Second

// readPath is the file that each request reads: the server's own binary. It is there anyway, so that
// no temporary file can be left behind.
const readPath = "/proc/self/exe"

// service answers each request with the help of an upstream and a file.
type service struct {
	// upstream is the address of an echo server.
	upstream string
	// leakEvery is N of "every Nth request leaks"; 0 = never.
	leakEvery uint64

	requests             atomic.Uint64
	forgottenConnections atomic.Int64
	forgottenFiles       atomic.Int64
	upstreamErrors       atomic.Int64
}

// counts returns the service's part of the fixture's counters.
func (s *service) counts() map[string]int64 {
	return map[string]int64{
		"forgottenConnections": s.forgottenConnections.Load(),
		"forgottenFiles":       s.forgottenFiles.Load(),
		"upstreamErrors":       s.upstreamErrors.Load(),
	}
}

func (s *service) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	n := s.requests.Add(1)
	leak := s.leakEvery > 0 && n%s.leakEvery == 0
	if err := s.askUpstream(n, leak); err != nil {
		s.upstreamErrors.Add(1)
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	if err := s.readFile(leak); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/plain")
	// A failed write means that the client has gone; its connection ends by itself.
	_, _ = io.WriteString(w, "ok\n")
}

// askUpstream sends n over a new connection and expects it back.
func (s *service) askUpstream(n uint64, leak bool) error {
	conn, err := net.DialTimeout("tcp", s.upstream, upstreamTimeout)
	if err != nil {
		return err
	}
	if leak {
		forget(conn)
		s.forgottenConnections.Add(1)
	} else {
		defer conn.Close()
	}
	if err := conn.SetDeadline(time.Now().Add(upstreamTimeout)); err != nil {
		return err
	}
	var sent, echoed [8]byte
	binary.BigEndian.PutUint64(sent[:], n)
	if _, err := conn.Write(sent[:]); err != nil {
		return err
	}
	if _, err := io.ReadFull(conn, echoed[:]); err != nil {
		return err
	}
	if echoed != sent {
		return fmt.Errorf("upstream %s echoed % x, want % x", s.upstream, echoed, sent)
	}
	return nil
}

// readFile opens the file and reads its first bytes.
func (s *service) readFile(leak bool) error {
	file, err := os.Open(readPath)
	if err != nil {
		return err
	}
	if leak {
		forget(file)
		s.forgottenFiles.Add(1)
	} else {
		defer file.Close()
	}
	var start [64]byte
	_, err = io.ReadFull(file, start[:])
	return err
}

// forgotten keeps what was forgotten reachable, as a leak in a cache or a map does. Without it the
// garbage collector would find the objects, and their finalizers would close the descriptors.
var forgotten struct {
	sync.Mutex
	closers []io.Closer
}

func forget(closer io.Closer) {
	forgotten.Lock()
	defer forgotten.Unlock()
	forgotten.closers = append(forgotten.closers, closer)
}

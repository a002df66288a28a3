// Package peers is what faulty's servers talk to: an upstream over HTTP/1.1 or HTTP/2, a server of
// frames on bare TCP, a name server. Each runs as a process of its own (package peer), does its part
// without a mistake, and counts what it saw.
package peers

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"pollgate/go-fixtures/internal/peer"
)

// Kind of a peer.
type Kind string

const (
	// HTTP1 answers any request as its query says: see Upstream.
	HTTP1 Kind = "http1"
	// HTTP2 is HTTP1 over HTTP/2 without TLS.
	HTTP2 Kind = "http2"
	// Frames answers with a byte to each frame that it has read in full: see WriteFrame.
	Frames Kind = "frames"
	// DNS answers queries over UDP: every name has the address 127.0.0.1.
	DNS Kind = "dns"
)

// Settings of a peer; it gets them as JSON on its command line.
type Settings struct {
	Kind Kind `json:"kind"`
	// MaxStreams is the number of requests that HTTP2 allows at a time on one connection.
	MaxStreams int `json:"maxStreams,omitempty"`
	// DropOneIn makes the kernel drop one in so many of the data segments that come in for Frames;
	// 0 = none.
	DropOneIn int `json:"dropOneIn,omitempty"`
	// AnswerAfter is how long DNS waits before an answer.
	AnswerAfter time.Duration `json:"answerAfterNs,omitempty"`
}

// Seen is what a peer has seen since its start.
type Seen struct {
	// Connections accepted.
	Connections int64 `json:"connections"`
	// Requests, frames or queries that have come in.
	Requests int64 `json:"requests"`
	// PeakInFlight is the most requests that were waiting for their answer at the same time.
	PeakInFlight int64 `json:"peakInFlight"`
}

// Flag is the argument before the settings on a peer's command line.
const Flag = "--peer"

// Start starts a peer. Its first address is where it serves, its second answers any GET with Seen.
func Start(settings Settings) (*peer.Process, error) {
	text, err := json.Marshal(settings)
	if err != nil {
		return nil, err
	}
	return peer.Start(string(settings.Kind)+" peer", Flag, string(text))
}

// Run is the main of a peer that Start has started with these settings, as JSON.
func Run(settingsJSON string, stdin io.Reader, stdout io.Writer) error {
	var settings Settings
	decoder := json.NewDecoder(strings.NewReader(settingsJSON))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&settings); err != nil {
		return fmt.Errorf("%s %s: %w", Flag, settingsJSON, err)
	}
	control, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	seen := &tally{}
	address, serve, err := listen(settings, seen)
	if err != nil {
		return err
	}
	go func() { _ = http.Serve(control, seen) }() // Without it the counts are missing, not the peer.
	return peer.Run(stdin, stdout, []net.Addr{address, control.Addr()}, serve)
}

// listen opens what the settings ask for; serve returns on failure only.
func listen(settings Settings, seen *tally) (address net.Addr, serve func() error, err error) {
	if settings.Kind == DNS {
		return listenDNS(settings, seen)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, nil, err
	}
	counting := &countingListener{Listener: listener, seen: seen}
	switch settings.Kind {
	case HTTP1:
		server := &http.Server{Handler: upstream(seen)}
		return listener.Addr(), func() error { return server.Serve(counting) }, nil
	case HTTP2:
		server := http2Server(upstream(seen), settings.MaxStreams)
		return listener.Addr(), func() error { return server.Serve(counting) }, nil
	case Frames:
		return listener.Addr(), func() error { return serveFrames(counting, settings.DropOneIn) }, nil
	}
	return nil, nil, fmt.Errorf("no peer of kind %q", settings.Kind)
}

// tally counts what a peer sees.
type tally struct{ connections, requests, inFlight, peak atomic.Int64 }

// begin counts a request; end belongs to it.
func (t *tally) begin() {
	t.requests.Add(1)
	now := t.inFlight.Add(1)
	for peak := t.peak.Load(); now > peak && !t.peak.CompareAndSwap(peak, now); peak = t.peak.Load() {
	}
}

func (t *tally) end() { t.inFlight.Add(-1) }

func (t *tally) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	// A failed write means that the reader has gone.
	_ = json.NewEncoder(w).Encode(Seen{
		Connections: t.connections.Load(), Requests: t.requests.Load(), PeakInFlight: t.peak.Load(),
	})
}

type countingListener struct {
	net.Listener
	seen *tally
}

func (l *countingListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err == nil {
		l.seen.connections.Add(1)
	}
	return conn, err
}

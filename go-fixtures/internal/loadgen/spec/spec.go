// Package spec reads and checks the generator's input file.
package spec

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"pollgate/go-fixtures/internal/loadgen/schedule"
	"pollgate/go-fixtures/internal/truthproto"
)

// Protocol is the language that the servers speak.
type Protocol string

const (
	// HTTP1 is HTTP/1.1 with keep-alive.
	HTTP1 Protocol = "http1"
	// Block4K is the block protocol of the block-4k fixture.
	Block4K Protocol = "block-4k"
	// TruthProtocol is the protocol of truthd, the server whose timing is known.
	TruthProtocol Protocol = "truth"
)

// Mode says what makes a request go out.
type Mode string

const (
	// Open: its time in the schedule, whatever became of earlier ones.
	Open Mode = "open"
	// Closed: the end of the one before it on the same connection.
	Closed Mode = "closed"
)

// MaxRequests bounds a phase's schedule, which is held in memory while the phase
// lasts.
const MaxRequests = schedule.MaxRequests

// Spec is the file given by --spec: a JSON object with the keys named below.
// Unknown keys are errors. Every setting without a default is required.
type Spec struct {
	// schema: 2.

	// Protocol: "http1", "block-4k" or "truth".
	Protocol Protocol
	// Mode: "open" (default) or "closed".
	Mode Mode
	// Arms: 1 … 64 servers under load in one schedule.
	Arms []Arm
	// ConnectionsPerArm: 1 … 65536, all opened before the first phase.
	ConnectionsPerArm int
	// RatePerSec: 1 … 2,000,000 requests per second over all arms together; need
	// not be whole. Required in mode "open", except with arrivals "replay" and
	// with a search, and refused otherwise.
	RatePerSec float64
	// Arrivals: default {"kind":"poisson"}; mode "open" only.
	//
	//	{"kind":"poisson"} and {"kind":"constant"} at RatePerSec;
	//	{"kind":"on-off","onMs":N,"offMs":N}: 1 … 600,000 each, RatePerSec in the mean;
	//	{"kind":"ramp","toRatePerSec":X}: from RatePerSec to X in each phase;
	//	{"kind":"replay","file":"…"}: a recording (schedule.ReadReplay), relative to
	//	the spec's folder; each phase plays it from its beginning.
	Arrivals schedule.Arrivals
	// Interleave: "slice", "request" or "run", which needs two arms; default
	// "slice".
	Interleave schedule.Interleave
	// SliceMs: 1 … 60,000, default 100; how long one arm has the whole rate.
	SliceMs int64
	// Seed: decimal uint64 as a string, because JSON numbers end at 2^53.
	Seed uint64
	// HTTP: used by protocol "http1" only, and then required.
	HTTP *HTTP
	// Block: used by protocol "block-4k" only, and then required.
	Block *Block
	// Truth: used by protocol "truth" only, and then required.
	Truth *Truth
	// Phases: 1 … 1,000, run in order over the same connections. Refused with a
	// search, whose probes are its phases.
	Phases []Phase
	// Search: look for the highest rate that keeps p99 below a limit. Needs mode
	// "open", one arm and arrivals "poisson" or "constant".
	Search *Search
	// RequestTimeoutMs: 1 … 60,000, default 5,000; from the sending of a request
	// to its last byte.
	RequestTimeoutMs int64
	// ConnectTimeoutMs: 1 … 60,000, default 5,000; for one connection attempt.
	ConnectTimeoutMs int64
	// CPUs: 1 … 64 different CPU numbers 0 … 1023, on which the generator runs
	// alone, one thread on each. Default: one thread, wherever it may.
	CPUs []int
}

// Arm is one server.
type Arm struct {
	// Name: letters, digits, "-" and "_"; unique. It is part of histogram tags.
	Name string
	// Address: IP literal and port, "127.0.0.1:8080" or "[::1]:8080".
	Address netip.AddrPort
}

// HTTP is what is sent and expected with protocol "http1".
type HTTP struct {
	// Method: GET (default), HEAD, OPTIONS, DELETE, POST, PUT or PATCH.
	Method string
	// Path: origin form, begins with "/"; default "/".
	Path string
	// Headers: added to the request; default none but Host and, with POST, PUT
	// and PATCH, Content-Length.
	Headers map[string]string
	// Body: up to 1,048,576 bytes that every request carries; POST, PUT and PATCH
	// only, where the default is an empty one.
	Body *string
	// Stamps: ask the server for its own times of each request; default false.
	Stamps bool
	// ExpectStatus: 200 … 599, default 200.
	ExpectStatus int
	// ExpectBody: what every body must be; when absent, an arm's first good
	// reply is the pattern for all later ones of that arm.
	ExpectBody *string
}

// Block is the setting of protocol "block-4k".
type Block struct {
	// Pages: 1 … 4,294,967,295; requests ask for pages 0 … Pages-1, drawn evenly.
	Pages uint64
}

// Truth is the setting of protocol "truth".
type Truth struct {
	// Service: how long the server shall be busy with each request.
	//
	//	{"kind":"fixed","ns":N}, N may be 0;
	//	{"kind":"exponential","meanNs":N};
	//	{"kind":"bimodal","ns":N,"tailNs":N,"tailShare":X}, X from 0 to 1;
	//
	// times 1 … 60,000,000,000.
	Service Service
	// Stalls: up to 64, one after the other, in mode "open" with one arm and without
	// a search; default none. Each recorded phase has them all.
	Stalls []Stall
}

// Service is a distribution of service times.
type Service = truthproto.Service

// Stall is one more request, which makes the server busy for long.
type Stall struct {
	// AtMs: 0 … 3,600,000, since the start of the phase.
	AtMs int64
	// DurationMs: 1 … 60,000; the stall must end before the phase does, and
	// before the next one begins.
	DurationMs int64
}

// Search asks for the highest rate with p99 of the latency from the intended
// time ≤ SLOP99Ns.
type Search struct {
	// SLOP99Ns ("sloP99Ns"): 1 … 60,000,000,000.
	SLOP99Ns int64
	// FromRatePerSec, ToRatePerSec: 1 … 2,000,000, where to look.
	FromRatePerSec, ToRatePerSec float64
	// ProbeMs: 100 … 600,000, default 5,000; how long a rate is tried.
	ProbeMs int64
	// MaxProbes: 1 … 30, default 12.
	MaxProbes int
}

// Probe is ProbeMs as a duration.
func (s *Search) Probe() time.Duration { return time.Duration(s.ProbeMs) * time.Millisecond }

// Phase is a stretch of load under one name.
type Phase struct {
	// Name: letters, digits, "-" and "_"; unique. It is part of histogram tags.
	Name string
	// DurationMs: 1 … 3,600,000. Requests are scheduled within it; the phase
	// itself lasts until their replies have come, at most RequestTimeoutMs more.
	DurationMs int64
	// RatePerSec: 1 … 2,000,000, default that of the spec, refused where a spec
	// has none. 0 then.
	RatePerSec float64
	// Interleave: "slice" or "request", default that of the spec; refused where that
	// is "run", and in mode "closed".
	Interleave schedule.Interleave
	// Record: whether the phase appears in load.json and load.hlog; default true.
	Record bool
}

// Duration of the phase.
func (p Phase) Duration() time.Duration { return time.Duration(p.DurationMs) * time.Millisecond }

// RequestTimeout is RequestTimeoutMs as a duration.
func (s *Spec) RequestTimeout() time.Duration {
	return time.Duration(s.RequestTimeoutMs) * time.Millisecond
}

// ConnectTimeout is ConnectTimeoutMs as a duration.
func (s *Spec) ConnectTimeout() time.Duration {
	return time.Duration(s.ConnectTimeoutMs) * time.Millisecond
}

// Read reads and checks the file at path, and the recording that it names. A file
// that can be read but is not right gives an Errors.
func Read(path string) (*Spec, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	s, err := parse(data, filepath.Dir(path))
	if err != nil {
		return nil, fmt.Errorf("%s:\n%w", path, err)
	}
	return s, nil
}

// Parse checks a spec that is in no file; the error is an Errors that names
// everything wrong. A recording is relative to the working directory.
func Parse(data []byte) (*Spec, error) { return parse(data, ".") }

func parse(data []byte, folder string) (*Spec, error) {
	c := &checker{}
	root, ok := c.root(data)
	if !ok {
		return nil, c.errors
	}
	s := readSpec(root, folder)
	root.rejectUnknown()
	if len(c.errors) > 0 {
		return nil, c.errors
	}
	return s, nil
}

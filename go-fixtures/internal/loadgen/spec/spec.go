// Package spec reads and checks the generator's input file.
package spec

import (
	"fmt"
	"net/netip"
	"os"
	"time"

	"pollgate/go-fixtures/internal/loadgen/schedule"
)

// Protocol is the language that the servers speak.
type Protocol string

const (
	// HTTP1 is HTTP/1.1 with keep-alive.
	HTTP1 Protocol = "http1"
	// Block4K is the block protocol of the block-4k fixture.
	Block4K Protocol = "block-4k"
)

// MaxRequests bounds a phase's schedule: 48 bytes per request are held in memory
// while the phase lasts.
const MaxRequests = 10_000_000

// Spec is the file given by --spec: a JSON object with the keys named below.
// Unknown keys are errors. Every setting without a default is required.
type Spec struct {
	// schema: 1.

	// Protocol: "http1" or "block-4k".
	Protocol Protocol
	// Arms: 1 … 64 servers under load in one schedule.
	Arms []Arm
	// ConnectionsPerArm: 1 … 65536, all opened before the first phase.
	ConnectionsPerArm int
	// RatePerSec: 1 … 2,000,000 requests per second over all arms together,
	// as a Poisson process; need not be whole.
	RatePerSec float64
	// Interleave: "slice" or "request"; default "slice".
	Interleave schedule.Interleave
	// SliceMs: 1 … 60,000, default 100; how long one arm has the whole rate.
	SliceMs int64
	// Seed: decimal uint64 as a string, because JSON numbers end at 2^53.
	Seed uint64
	// HTTP: used by protocol "http1" only, and then required.
	HTTP *HTTP
	// Block: used by protocol "block-4k" only, and then required.
	Block *Block
	// Phases: 1 … 100, run in order over the same connections.
	Phases []Phase
	// RequestTimeoutMs: 1 … 60,000, default 5,000; from the sending of a request
	// to its last byte, and for a connection attempt.
	RequestTimeoutMs int64
	// CPU: the generator runs on this CPU alone; -1 (default) = wherever it may.
	CPU int
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
	// Method: GET (default), HEAD, OPTIONS or DELETE: requests have no body.
	Method string
	// Path: origin form, begins with "/"; default "/".
	Path string
	// Headers: added to the request; default none but Host.
	Headers map[string]string
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

// Phase is a stretch of load under one name.
type Phase struct {
	// Name: letters, digits, "-" and "_"; unique. It is part of histogram tags.
	Name string
	// DurationMs: 1 … 3,600,000. Requests are scheduled within it; the phase
	// itself lasts until their replies have come, at most RequestTimeoutMs more.
	DurationMs int64
	// Record: whether the phase appears in load.json and load.hlog; default true.
	Record bool
}

// Duration of the phase.
func (p Phase) Duration() time.Duration { return time.Duration(p.DurationMs) * time.Millisecond }

// RequestTimeout as a duration.
func (s *Spec) RequestTimeout() time.Duration {
	return time.Duration(s.RequestTimeoutMs) * time.Millisecond
}

// Read reads and checks the file at path. A file that can be read but is not
// right gives an Errors.
func Read(path string) (*Spec, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	s, err := Parse(data)
	if err != nil {
		return nil, fmt.Errorf("%s:\n%w", path, err)
	}
	return s, nil
}

// Parse checks a spec; the error is an Errors that names everything wrong.
func Parse(data []byte) (*Spec, error) {
	c := &checker{}
	root, ok := c.root(data)
	if !ok {
		return nil, c.errors
	}
	s := readSpec(root)
	root.rejectUnknown()
	if len(c.errors) > 0 {
		return nil, c.errors
	}
	return s, nil
}

func readSpec(root *object) *Spec {
	root.integer("schema", required, span{1, 1})
	s := &Spec{
		Protocol:          Protocol(root.oneOf("protocol", required, string(HTTP1), string(Block4K))),
		ConnectionsPerArm: int(root.integer("connectionsPerArm", required, span{1, 65536})),
		RatePerSec:        root.number("ratePerSec", span{1, 2_000_000}),
		Interleave: schedule.Interleave(root.oneOf("interleave", string(schedule.Slice),
			string(schedule.Slice), string(schedule.Request))),
		SliceMs:          root.integer("sliceMs", 100, span{1, 60_000}),
		Seed:             root.seed("seed"),
		RequestTimeoutMs: root.integer("requestTimeoutMs", 5_000, span{1, 60_000}),
		CPU:              int(root.integer("cpu", -1, span{-1, 1023})),
	}
	names := map[string]bool{}
	for _, arm := range root.objects("arms", 64) {
		s.Arms = append(s.Arms, Arm{Name: arm.name("name", names), Address: arm.address("address")})
		arm.rejectUnknown()
	}
	names = map[string]bool{}
	for _, phase := range root.objects("phases", 100) {
		p := Phase{
			Name:       phase.name("name", names),
			DurationMs: phase.integer("durationMs", required, span{1, 3_600_000}),
			Record:     phase.boolean("record", true),
		}
		if expected := s.RatePerSec * p.Duration().Seconds(); expected > MaxRequests {
			phase.wrong("durationMs", fmt.Sprintf("durationMs × ratePerSec of up to %d requests, not %.0f",
				MaxRequests, expected))
		}
		phase.rejectUnknown()
		s.Phases = append(s.Phases, p)
	}
	s.HTTP = readHTTP(root, s.Protocol == HTTP1)
	s.Block = readBlock(root, s.Protocol == Block4K)
	return s
}

func readHTTP(root *object, needed bool) *HTTP {
	o := root.object("http", needed)
	if o == nil {
		return nil
	}
	h := &HTTP{
		Method:       o.oneOf("method", "GET", "GET", "HEAD", "OPTIONS", "DELETE"),
		Path:         o.requestPath("path", "/"),
		Headers:      o.headers("headers"),
		ExpectStatus: int(o.integer("expectStatus", 200, span{200, 599})),
		ExpectBody:   o.optionalString("expectBody"),
	}
	o.rejectUnknown()
	return h
}

func readBlock(root *object, needed bool) *Block {
	o := root.object("block", needed)
	if o == nil {
		return nil
	}
	b := &Block{Pages: uint64(o.integer("pages", required, span{1, 1<<32 - 1}))}
	o.rejectUnknown()
	return b
}

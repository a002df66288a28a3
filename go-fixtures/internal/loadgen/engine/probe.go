package engine

import (
	"fmt"
	"time"

	"pollgate/go-fixtures/internal/loadgen/monotime"
)

// sampleBytes is how much of a wrong reply an error shows.
const sampleBytes = 48

// ProtocolError says that a server takes connections but does not answer as the
// protocol, or the spec, wants it.
type ProtocolError struct {
	Arm     string // name and address
	Outcome Outcome
	Reply   []byte // its beginning; empty when none came
}

func (e *ProtocolError) Error() string {
	what := map[Outcome]string{
		Unsent:    "took no request",
		Reset:     "closed the connection instead of answering",
		TimedOut:  "did not answer in time",
		BadStatus: "answered with another status than expected",
		BadBody:   "did not answer as the protocol and the spec want it",
	}[e.Outcome]
	if len(e.Reply) == 0 {
		return fmt.Sprintf("%s %s; is it the right server, protocol and path?", e.Arm, what)
	}
	return fmt.Sprintf("%s %s; its reply begins with %q; is it the right server, protocol and path?", e.Arm, what, e.Reply)
}

// Probe sends one request to each of the given arms (without any: to all), which
// must be connected, so that what cannot work is found before it is measured.
// The first wrong reply is returned as a *ProtocolError.
func (e *Engine) Probe(arms ...int) error {
	if len(arms) == 0 {
		for arm := range e.arms {
			arms = append(arms, arm)
		}
	}
	p := &Phase{StartNs: monotime.Now(), Duration: time.Nanosecond}
	for _, arm := range arms {
		p.Requests = append(p.Requests, Request{IntendedNs: p.StartNs, Arm: uint16(arm)})
	}
	e.samples, e.fault = make([][]byte, len(e.arms)), nil
	defer func() { e.samples = nil }()
	if _, err := e.Run(p); err != nil {
		return err
	}
	for i := range p.Requests {
		if r := &p.Requests[i]; r.Outcome != Completed {
			return &ProtocolError{e.arms[r.Arm].descriptor, r.Outcome, e.samples[r.Arm]}
		}
	}
	return nil
}

func (e *Engine) sample(arm uint16, p []byte) {
	room := sampleBytes - len(e.samples[arm])
	e.samples[arm] = append(e.samples[arm], p[:min(len(p), max(room, 0))]...)
}

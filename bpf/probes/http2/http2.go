// Package http2 counts the streams of the connections of Go's HTTP/2.
package http2

import (
	_ "embed"
	"errors"
	"fmt"

	"github.com/cilium/ebpf"

	"pollgate/bpf/internal/attach"
	"pollgate/bpf/internal/gosym"
	"pollgate/bpf/internal/probe"
	"pollgate/bpf/internal/report"
	"pollgate/bpf/internal/target"
)

// implementations are what comes before the names of the types: bundled into net/http up to Go 1.26, in a
// package of its own since, and the one that programs take as a module.
var implementations = []string{"net/http.(*http2", "net/http/internal/http2.(*", "golang.org/x/net/http2.(*"}

// sides is in the order of `enum side` in http2.bpf.c.
var sides = []struct {
	metric string
	// functions are hooked in this order: ends first, begins last, so that no connection is taken
	// for one that was seen from its begin on and lacks streams.
	functions []string
}{
	{"http2ServerStreamsPerConnection", []string{"serverConn).closeAllStreamsOnConnClose",
		"serverConn).resetStream", "serverConn).newStream", "serverConn).serve"}},
	{"http2ClientStreamsPerConnection", []string{"clientConnReadLoop).cleanup",
		"ClientConn).awaitOpenSlotForStreamLocked", "ClientConn).readLoop"}},
}

// arguments that a hook reads, where not the first one only: REFUSED_STREAM is the third.
var arguments = map[string]int{"serverConn).resetStream": 3}

const countsMetric = "http2Connections"

//go:embed probe.json
var manifest []byte

// Probe is this probe, ready to be attached.
var Probe = probe.Probe{Manifest: probe.MustManifest(manifest), Attach: attachProbe}

// Details is what the probe tells beside its histograms.
type Details struct {
	Server Side `json:"server"`
	Client Side `json:"client"`
}

// Side is what a process did as a server, or as a client. All counts are of the window.
type Side struct {
	// Begun and Ended are connections; EndedOlder of the latter had begun before the window.
	Begun      uint64 `json:"begun"`
	Ended      uint64 `json:"ended"`
	EndedOlder uint64 `json:"endedOlder"`
	// Streams were opened on all connections together.
	Streams uint64 `json:"streams"`
	// Open are connections that have not ended, with the OpenStreams that were opened on them; those
	// from before the window only if a stream was opened inside it.
	Open        uint64 `json:"open"`
	OpenStreams uint64 `json:"openStreams"`
	// Refused streams were reset by REFUSED_STREAM, for there were too many at a time; null at the
	// client.
	Refused *uint64 `json:"refused"`
}

// hook is one function of one implementation.
type hook struct {
	function string // of sides
	site     gosym.Site
}

type running struct {
	session *attach.Session
	objects http2Objects
	loaded  bool
	links   attach.Links
	hooks   map[*target.Target]map[int][]hook
	// unavailable has the reason by side.
	unavailable map[*target.Target]map[int]string
}

func attachProbe(session *attach.Session) (probe.Running, error) {
	r := &running{session: session, hooks: map[*target.Target]map[int][]hook{},
		unavailable: map[*target.Target]map[int]string{}}
	found := false
	for _, t := range session.Targets {
		r.hooks[t], r.unavailable[t] = map[int][]hook{}, map[int]string{}
		for side := range sides {
			hooks, err := hooksOf(t.Binary, side)
			if err != nil {
				r.unavailable[t][side] = err.Error()
				continue
			}
			r.hooks[t][side] = hooks
			found = true
		}
	}
	if !found {
		return r, nil // no target can be probed: load nothing
	}
	spec, err := loadHttp2()
	if err != nil {
		return nil, err
	}
	if err := session.Load(spec, &r.objects); err != nil {
		return nil, err
	}
	r.loaded = true
	for t, bySide := range r.hooks {
		for side, hooks := range bySide {
			if err := r.attachTo(t, hooks); err != nil {
				// It may have ended meanwhile: that costs its own metric only.
				r.unavailable[t][side] = err.Error()
			}
		}
	}
	return r, nil
}

// hooksOf are those of all implementations that a program holds whole.
func hooksOf(binary *gosym.Binary, side int) (all []hook, err error) {
	var whyNot error
	for _, function := range sides[side].functions {
		for _, implementation := range implementations {
			site, err := binary.Site(implementation+function, max(1, arguments[function]))
			switch {
			case err == nil:
				all = append(all, hook{function, site})
			case !errors.Is(err, gosym.ErrNoSymbol):
				return nil, err
			default:
				whyNot = err
			}
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("the program has no HTTP/2 of Go's at this side: %w", whyNot)
	}
	// An implementation is there with all its functions, or one of them was inlined.
	if missing := len(all) % len(sides[side].functions); missing != 0 {
		return nil, fmt.Errorf("%d functions of HTTP/2 found, expected %d for each implementation: %w",
			len(all), len(sides[side].functions), whyNot)
	}
	return all, nil
}

func (r *running) attachTo(t *target.Target, hooks []hook) error {
	programs := map[string]*ebpf.Program{
		"serverConn).serve":                        r.objects.OnServe,
		"serverConn).newStream":                    r.objects.OnServerStream,
		"serverConn).resetStream":                  r.objects.OnServerReset,
		"serverConn).closeAllStreamsOnConnClose":   r.objects.OnServerEnd,
		"ClientConn).readLoop":                     r.objects.OnReadLoop,
		"ClientConn).awaitOpenSlotForStreamLocked": r.objects.OnClientStream,
		"clientConnReadLoop).cleanup":              r.objects.OnClientEnd,
	}
	for _, h := range hooks {
		link, err := r.session.Uprobe(programs[h.function], t, h.site)
		if err != nil {
			return err
		}
		r.links = append(r.links, link)
	}
	return nil
}

// sitesOf are those of one side: with one implementation, each function once.
func (r *running) sitesOf(t *target.Target, side int) []report.Site {
	if r.unavailable[t][side] != "" {
		return nil
	}
	var all []report.Site
	for _, h := range r.hooks[t][side] {
		all = append(all, probe.ReportSite(Probe.Manifest.Name, h.site))
	}
	return all
}

func (r *running) Sites(t *target.Target) []report.Site {
	var all []report.Site
	for side := range sides {
		all = append(all, r.sitesOf(t, side)...)
	}
	return all
}

func (r *running) Unavailable(t *target.Target) map[string]string {
	reasons := map[string]string{}
	for side, reason := range r.unavailable[t] {
		reasons[sides[side].metric] = reason
	}
	if len(reasons) == len(sides) {
		reasons[countsMetric] = r.unavailable[t][0]
	}
	return reasons
}

func (r *running) Read(t *target.Target, out *report.Target) error {
	if !r.loaded {
		return nil
	}
	details := Details{}
	for side, into := range []*Side{&details.Server, &details.Client} {
		if r.hooks[t][side] == nil || r.unavailable[t][side] != "" {
			continue
		}
		h, err := attach.ReadHistogram(r.objects.Http2Histograms, t.Slot*len(sides)+side)
		if err != nil {
			return err
		}
		out.Histograms[sides[side].metric] = h
		sum, err := r.sum(t, side)
		if err != nil {
			return err
		}
		*into = Side{Begun: sum.Begun, Ended: sum.Ended, EndedOlder: sum.EndedOlder, Streams: sum.Streams}
		if side == 0 {
			into.Refused = &sum.Refused
		}
		out.Sites = append(out.Sites, r.sitesWithHits(t, side, sum)...)
		out.Lost["http2MapFull"] += sum.Full
		out.Lost["http2Unreadable"] += sum.Unreadable
	}
	if err := r.readOpen(t.Slot, &details); err != nil {
		return err
	}
	return out.SetDetails(Probe.Manifest.Name, details)
}

// sitesWithHits has the hits of each function at its first site: those of two implementations are not
// told apart.
func (r *running) sitesWithHits(t *target.Target, side int, sum http2Http2Side) []report.Site {
	hits := map[string]uint64{
		"serverConn).serve": sum.Begun, "ClientConn).readLoop": sum.Begun,
		"serverConn).newStream": sum.Streams, "ClientConn).awaitOpenSlotForStreamLocked": sum.Streams,
		"serverConn).closeAllStreamsOnConnClose": sum.Ended, "clientConnReadLoop).cleanup": sum.Ended,
		"serverConn).resetStream": sum.Resets,
	}
	all := r.sitesOf(t, side)
	for i, h := range r.hooks[t][side] {
		all[i].Hits = hits[h.function]
		hits[h.function] = 0
	}
	return all
}

func (r *running) sum(t *target.Target, side int) (sum http2Http2Side, err error) {
	err = attach.SumPerCPU(r.objects.Http2Sides, t.Slot*len(sides)+side, func(c http2Http2Side) {
		sum.Begun += c.Begun
		sum.Ended += c.Ended
		sum.EndedOlder += c.EndedOlder
		sum.Streams += c.Streams
		sum.Resets += c.Resets
		sum.Refused += c.Refused
		sum.Full += c.Full
		sum.Unreadable += c.Unreadable
	})
	return sum, err
}

// readOpen adds the connections of a target that have not ended.
func (r *running) readOpen(slot int, details *Details) error {
	const slotShift = 56 // SLOT_SHIFT in http2.bpf.c
	var key uint64
	var connection http2Connection
	entries := r.objects.Http2Connections.Iterate()
	for entries.Next(&key, &connection) {
		if int(key>>slotShift) != slot {
			continue
		}
		side := []*Side{&details.Server, &details.Client}[connection.Side]
		side.Open++
		side.OpenStreams += connection.Streams
	}
	if err := entries.Err(); err != nil {
		return fmt.Errorf("read HTTP/2 connections: %w", err)
	}
	return nil
}

// Events tells how often the uprobes of a target were hit so far.
func (r *running) Events(t *target.Target) (events probe.Events, err error) {
	if !r.loaded {
		return events, nil
	}
	for side := range sides {
		sum, err := r.sum(t, side)
		if err != nil {
			return events, err
		}
		events.UprobeHits += sum.Begun + sum.Streams + sum.Resets + sum.Ended
	}
	return events, nil
}

func (r *running) Close() error {
	err := r.links.Close()
	if !r.loaded {
		return err
	}
	return errors.Join(err, r.objects.Close())
}

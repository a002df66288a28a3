// Package probe says what a probe is: a manifest, a way to attach, and a way to read.
package probe

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/cilium/ebpf"

	"pollgate/bpf/internal/attach"
	"pollgate/bpf/internal/gosym"
	"pollgate/bpf/internal/report"
	"pollgate/bpf/internal/target"
)

// Manifest is a probe's probe.json: what it measures, on which hooks, and what it cannot see.
type Manifest struct {
	Name    string `json:"name"`
	Summary string `json:"summary"`
	// Set is the least set of probes with this one: a later set has all of an earlier one.
	Set Set `json:"set"`
	// Sampled tells that the probe says something in bursts too: the set of that name has it.
	Sampled bool `json:"sampled,omitempty"`
	// Object is the probe whose programs this one reads, empty if it has its own.
	Object  string   `json:"object,omitempty"`
	Metrics []Metric `json:"metrics"`
	Hooks   []Hook   `json:"hooks"`
	// MinKernel is the first Linux version with everything that the probe needs.
	MinKernel string `json:"minKernel"`
	// CannotSee are the known blind spots, one sentence each.
	CannotSee []string `json:"cannotSee"`
}

// Set names a selection of probes by what it costs the target.
type Set string

// Sets from the cheapest to the dearest: no uprobe; the scheduler's uprobes too; and those of
// every request.
var Sets = []Set{"kernel", "runtime", "full"}

// Holds tells whether the set has the probes of another one.
func (s Set) Holds(other Set) bool {
	return slices.Index(Sets, other) <= slices.Index(Sets, s)
}

// Metric is one result of a probe.
type Metric struct {
	Name string `json:"name"`
	// Kind is "histogram", "counters", or "details" for what has a form of its own.
	Kind string `json:"kind"`
	// Unit is "ns", "count" or "bytes".
	Unit    string `json:"unit"`
	Meaning string `json:"meaning"`
}

// Hook is a place in the kernel or in the target where the probe runs.
type Hook struct {
	// Type is "tp_btf", "uprobe" or "perf_event".
	Type string `json:"type"`
	// Name is the tracepoint, the symbol of the Go function, or the clock.
	Name string `json:"name"`
	// When is empty, or the condition under which the hook is attached.
	When string `json:"when"`
}

// Probe is one folder under probes/.
type Probe struct {
	Manifest Manifest
	// Fit chooses, among the programs of the probe's object, the variants for a kernel with these
	// types. missing has the reasons for what that kernel cannot tell; an error says why it can tell
	// nothing. Nil where all kernels take the same programs.
	Fit func(*ebpf.CollectionSpec, attach.KernelTypes) (missing map[string]string, err error)
	// Attach loads the probe's programs and attaches them for all targets of the session.
	Attach func(*attach.Session) (Running, error)
}

// Running is an attached probe.
type Running interface {
	// Sites are the instructions of a target that carry this probe, hits not yet filled in.
	Sites(*target.Target) []report.Site
	// Unavailable has a reason for each metric that cannot be taken of a target.
	Unavailable(*target.Target) map[string]string
	// Read fills in what the closed window saw of a target.
	Read(*target.Target, *report.Target) error
	io.Closer
}

// SampledSet has the probes of the first set throughout, and those that are Sampled in bursts.
const SampledSet Set = "sampled"

// Pausable is a running probe whose uprobes can be taken off and put back inside the window.
type Pausable interface {
	Pause() error
	// Resume puts them back. What was under way at the pause is forgotten, since its end may have
	// passed unseen: cutOff counts it.
	Resume() (cutOff uint64, err error)
}

// Watching is a running probe that looks at the targets themselves, several times inside the window.
type Watching interface {
	// Look is called every WatchEvery, with the time of the kernel's monotonic clock; what it takes is
	// CPU time of the observer, not of the target. It returns what cannot wait for the end of the window.
	Look(nowNs int64) []Alarm
}

// Alarm is told at once.
type Alarm struct {
	Target string
	// Says what was seen, and beyond which limit.
	Says string
}

// WatchEvery is the shortest time between two looks.
const WatchEvery = 20 * time.Millisecond

// Metered is a running probe that tells inside the window how often it was hit.
type Metered interface {
	// Events so far of a target.
	Events(*target.Target) (Events, error)
}

// Events are what watching costs by: counts since the window was opened.
type Events struct {
	UprobeHits uint64
	// SystemCalls of the target, from the one probe that counts them.
	SystemCalls uint64
}

// Plus adds up.
func (e Events) Plus(other Events) Events {
	return Events{e.UprobeHits + other.UprobeHits, e.SystemCalls + other.SystemCalls}
}

// Since is what came after an earlier count.
func (e Events) Since(earlier Events) Events {
	return Events{e.UprobeHits - earlier.UprobeHits, e.SystemCalls - earlier.SystemCalls}
}

// MustManifest decodes an embedded probe.json; a wrong one is a programming error.
func MustManifest(data []byte) Manifest {
	var m Manifest
	if err := json.Unmarshal(data, &m); err != nil {
		panic(fmt.Sprintf("probe.json: %v", err))
	}
	return m
}

// ReportSite is how a chosen site is written into the report.
func ReportSite(probe string, site gosym.Site) report.Site {
	return report.Site{
		Probe:       probe,
		Symbol:      site.Symbol,
		Offset:      site.Offset,
		Instruction: site.Instruction,
		Class:       string(site.Class),
	}
}

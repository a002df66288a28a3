// Package probe says what a probe is: a manifest, a way to attach, and a way to read.
package probe

import (
	"encoding/json"
	"fmt"
	"io"

	"pollgate/bpf/internal/attach"
	"pollgate/bpf/internal/gosym"
	"pollgate/bpf/internal/report"
	"pollgate/bpf/internal/target"
)

// Manifest is a probe's probe.json: what it measures, on which hooks, and what it cannot see.
type Manifest struct {
	Name    string   `json:"name"`
	Summary string   `json:"summary"`
	Metrics []Metric `json:"metrics"`
	Hooks   []Hook   `json:"hooks"`
	// MinKernel is the first Linux version with everything that the probe needs.
	MinKernel string `json:"minKernel"`
	// CannotSee are the known blind spots, one sentence each.
	CannotSee []string `json:"cannotSee"`
}

// Metric is one result of a probe.
type Metric struct {
	Name string `json:"name"`
	// Kind is "histogram" or "counters".
	Kind string `json:"kind"`
	// Unit is "ns" or "count".
	Unit    string `json:"unit"`
	Meaning string `json:"meaning"`
}

// Hook is a place in the kernel or in the target where the probe runs.
type Hook struct {
	// Type is "tp_btf" or "uprobe".
	Type string `json:"type"`
	// Name is the tracepoint, or the symbol of the Go function.
	Name string `json:"name"`
	// When is empty, or the condition under which the hook is attached.
	When string `json:"when"`
}

// Probe is one folder under probes/.
type Probe struct {
	Manifest Manifest
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

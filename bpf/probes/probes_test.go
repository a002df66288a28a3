package probes

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cilium/ebpf"

	"pollgate/bpf/internal/probe"
)

func TestEveryFolderIsListed(t *testing.T) {
	manifests, err := filepath.Glob("*/probe.json")
	if err != nil {
		t.Fatal(err)
	}
	if len(manifests) != len(All) {
		t.Errorf("%d folders with a probe.json, %d probes in All", len(manifests), len(All))
	}
	for _, p := range All {
		if _, err := os.Stat(p.Manifest.Name); err != nil {
			t.Errorf("probe %q: %v", p.Manifest.Name, err)
		}
	}
}

func TestManifestsAreComplete(t *testing.T) {
	metrics := map[string]bool{}
	for _, p := range All {
		m := p.Manifest
		if m.Summary == "" || m.MinKernel == "" || len(m.Hooks) == 0 || len(m.Metrics) == 0 ||
			len(m.CannotSee) == 0 {
			t.Errorf("probe %s: summary, minKernel, hooks, metrics or cannotSee is empty", m.Name)
		}
		if !slices.Contains(probe.Sets, m.Set) {
			t.Errorf("probe %s: set %q is none of %v", m.Name, m.Set, probe.Sets)
		}
		for _, hook := range m.Hooks {
			if hook.Type == "uprobe" && hook.When == "" && m.Set == "kernel" {
				t.Errorf("probe %s: has uprobes, and is in the set without", m.Name)
			}
			if !slices.Contains([]string{"tp_btf", "uprobe", "perf_event"}, hook.Type) {
				t.Errorf("probe %s: hook type %q: only tp_btf, uprobe and perf_event are allowed", m.Name, hook.Type)
			}
		}
		for _, metric := range m.Metrics {
			if metrics[metric.Name] {
				t.Errorf("metric %s has two probes", metric.Name)
			}
			metrics[metric.Name] = true
			if !slices.Contains([]string{"histogram", "counters", "details"}, metric.Kind) {
				t.Errorf("metric %s: kind %q", metric.Name, metric.Kind)
			}
			if !slices.Contains([]string{"ns", "count", "bytes"}, metric.Unit) || metric.Meaning == "" {
				t.Errorf("metric %s: unit %q, meaning %q", metric.Name, metric.Unit, metric.Meaning)
			}
		}
	}
}

// The README's table is the published cost and scope; a probe without a row is not finished.
func TestReadmeHasEveryProbeAndMetric(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range All {
		if !strings.Contains(string(readme), "| `"+p.Manifest.Name+"` |") {
			t.Errorf("README.md has no row for probe %s", p.Manifest.Name)
		}
		for _, metric := range p.Manifest.Metrics {
			if !strings.Contains(string(readme), "`"+metric.Name+"`") {
				t.Errorf("README.md does not mention metric %s", metric.Name)
			}
		}
	}
}

// Each architecture has its own object; they must offer the same programs and maps, on the hooks
// that the manifest names.
func TestObjectsOfBothArchitecturesMatch(t *testing.T) {
	for _, p := range All {
		name := p.Manifest.Name
		if p.Manifest.Object != "" {
			name = p.Manifest.Object
		}
		x86, arm64 := load(t, name, "x86"), load(t, name, "arm64")
		for program, spec := range x86.Programs {
			if other := arm64.Programs[program]; other == nil || other.SectionName != spec.SectionName {
				t.Errorf("probe %s: program %s (%s) is not the same on arm64", name, program, spec.SectionName)
			}
			if !isHooked(p.Manifest, spec) {
				t.Errorf("probe %s: program %s hangs on %s %s, which probe.json does not name",
					name, program, spec.Type, spec.AttachTo)
			}
		}
		if len(x86.Programs) != len(arm64.Programs) || len(x86.Maps) != len(arm64.Maps) {
			t.Errorf("probe %s: %d programs and %d maps, on arm64 %d and %d", name,
				len(x86.Programs), len(x86.Maps), len(arm64.Programs), len(arm64.Maps))
		}
	}
}

func load(t *testing.T, name, arch string) *ebpf.CollectionSpec {
	t.Helper()
	spec, err := ebpf.LoadCollectionSpec(filepath.Join(name, name+"_"+arch+"_bpfel.o"))
	if err != nil {
		t.Fatal(err)
	}
	return spec
}

func isHooked(m probe.Manifest, spec *ebpf.ProgramSpec) bool {
	for _, hook := range m.Hooks {
		if hook.Type == "tp_btf" && spec.Type == ebpf.Tracing && hook.Name == spec.AttachTo ||
			hook.Type == "uprobe" && spec.Type == ebpf.Kprobe ||
			hook.Type == "perf_event" && spec.Type == ebpf.PerfEvent {
			return true
		}
	}
	return false
}

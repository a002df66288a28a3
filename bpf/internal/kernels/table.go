package kernels

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cilium/ebpf"

	"pollgate/bpf/internal/attach"
	"pollgate/bpf/internal/probe"
)

// objectArch is how the files of objects name an architecture.
var objectArch = map[string]string{"amd64": "x86", "arm64": "arm64"}

// Load reads a probe's object for an architecture from the folder of the probes.
func Load(folder, name, arch string) (*ebpf.CollectionSpec, error) {
	return ebpf.LoadCollectionSpec(
		filepath.Join(folder, name, fmt.Sprintf("%s_%s_bpfel.o", name, objectArch[arch])))
}

// State is what a kernel's types say about the metrics of one probe.
type State struct {
	Probe string
	// Word is "fits", "in part" or "absent"; Reason is empty for the first.
	Word, Reason string
}

// StateOf says it of one probe, whose object is read from the folder of the probes.
func StateOf(p probe.Probe, folder string, kernel Kernel, reference attach.KernelTypes) (State, error) {
	state := State{Probe: p.Manifest.Name, Word: "fits"}
	name := p.Manifest.Name
	if p.Manifest.Object != "" {
		name = p.Manifest.Object
	}
	spec, err := Load(folder, name, kernel.Arch)
	if err != nil {
		return State{}, err
	}
	if p.Fit != nil {
		missing, err := p.Fit(spec, kernel.Types)
		if err != nil {
			return State{p.Manifest.Name, "absent", err.Error()}, nil
		}
		if len(missing) > 0 {
			state.Word, state.Reason = "in part", joined(missing)
		}
	}
	misfits, err := Misfits(spec, kernel.Types, reference)
	if err != nil {
		return State{}, fmt.Errorf("%s on %s: %w", name, kernel.Release, err)
	}
	if len(misfits) > 0 {
		state.Word, state.Reason = "absent", joined(misfits)
	}
	return state, nil
}

// joined has the reasons without their keys, each once.
func joined(reasons map[string]string) string {
	var texts []string
	for _, key := range slices.Sorted(maps.Keys(reasons)) {
		if text := reasons[key]; !slices.Contains(texts, text) {
			texts = append(texts, text)
		}
	}
	return strings.Join(texts, "; ")
}

const tableHead = `# Which kernel tells what

Made by ` + "`go generate ./internal/kernels`" + ` from the objects and the types of each kernel (Debian's, as
recorded in internal/kernels/recorded). *fits*: every tracepoint is there with the arguments that are
read, and every structure has the fields. *in part*: less than all figures, see the notes. Loaded and
attached, by the tests and by ` + "`netprobe check`" + `, it was on Linux 6.18, amd64; whether another kernel's
verifier agrees can be seen there only.

Uprobes are attached by *uprobe_multi* with CAP_BPF and CAP_PERFMON, as *perf events* with
CAP_SYS_ADMIN.

`

// Table is the text of KERNELS.md.
func Table(probes []probe.Probe, folder string) (string, error) {
	kernels, err := Recorded()
	if err != nil {
		return "", err
	}
	reference, err := Reference(kernels)
	if err != nil {
		return "", err
	}
	head, rule := "| probe | metrics |", "|---|---|"
	for _, k := range kernels {
		head += fmt.Sprintf(" %s %s |", line(k.Release), k.Arch)
		rule += "---|"
	}
	rows := []string{head, rule}
	var notes []string
	for _, p := range probes {
		var metrics []string
		for _, m := range p.Manifest.Metrics {
			metrics = append(metrics, "`"+m.Name+"`")
		}
		row := fmt.Sprintf("| `%s` | %s |", p.Manifest.Name, strings.Join(metrics, ", "))
		for _, k := range kernels {
			state, err := StateOf(p, folder, k, reference)
			if err != nil {
				return "", err
			}
			row += " " + state.Word
			if state.Reason != "" {
				note := fmt.Sprintf("`%s`: %s", p.Manifest.Name, state.Reason)
				if !slices.Contains(notes, note) {
					notes = append(notes, note)
				}
				row += fmt.Sprintf(" (%d)", slices.Index(notes, note)+1)
			}
			row += " |"
		}
		rows = append(rows, row)
	}
	uprobes, releases := "| uprobes by | |", "| release | |"
	for _, k := range kernels {
		links := "perf events"
		if _, err := k.Types.AnyTypeByName(multiUprobe); err == nil {
			links = "uprobe_multi"
		}
		uprobes += " " + links + " |"
		releases += " " + k.Release + " |"
	}
	text := tableHead + strings.Join(append(rows, uprobes, releases), "\n") + "\n"
	if len(notes) > 0 {
		text += "\n"
	}
	for i, note := range notes {
		text += fmt.Sprintf("%d. %s\n", i+1, note)
	}
	return text, nil
}

// Reference has the types of the recorded kernel with which the others are compared.
func Reference(kernels []Kernel) (attach.KernelTypes, error) {
	for _, k := range kernels {
		if strings.HasPrefix(k.Release, ReferenceRelease) {
			return k.Types, nil
		}
	}
	return attach.KernelTypes{}, fmt.Errorf("no kernel %s* was recorded", ReferenceRelease)
}

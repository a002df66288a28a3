// Package kernels says which metrics other kernels than the running one can tell, as far as their types
// can say it: whether the tracepoints are there, hand over what the programs take, and the structures
// have the fields that are read. What it cannot say is whether the verifier of that kernel agrees.
//
// The types are recorded: of each kernel only what the probes ask for, some ten kilobytes.
package kernels

import (
	"bytes"
	"compress/gzip"
	"embed"
	"fmt"
	"io"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/cilium/ebpf/btf"

	"pollgate/bpf/internal/attach"
)

// Kernel is one whose types were recorded.
type Kernel struct {
	// Release is as `uname -r` has it.
	Release string
	// Arch is "amd64" or "arm64".
	Arch  string
	Types attach.KernelTypes
}

// ReferenceRelease begins the release of the kernel with which the types of all others are compared:
// the line that the tests run on, where every program loads.
const ReferenceRelease = "6.18."

//go:embed recorded
var recorded embed.FS

// FileName is where the types of a kernel are recorded.
func FileName(release, arch string) string { return release + "_" + arch + ".btf.gz" }

// Recorded has all kernels that were recorded, the oldest first.
func Recorded() ([]Kernel, error) {
	entries, err := recorded.ReadDir("recorded")
	if err != nil {
		return nil, err
	}
	var kernels []Kernel
	for _, entry := range entries {
		name, ok := strings.CutSuffix(entry.Name(), ".btf.gz")
		release, arch, hasArch := strings.Cut(name, "_")
		if !ok || !hasArch {
			return nil, fmt.Errorf("recorded/%s: expected RELEASE_ARCH.btf.gz", entry.Name())
		}
		types, err := readTypes(path.Join("recorded", entry.Name()))
		if err != nil {
			return nil, fmt.Errorf("recorded/%s: %w", entry.Name(), err)
		}
		kernels = append(kernels, Kernel{release, arch, types})
	}
	slices.SortFunc(kernels, func(a, b Kernel) int {
		if a.Release != b.Release {
			return slices.Compare(numbers(a.Release), numbers(b.Release))
		}
		return strings.Compare(a.Arch, b.Arch)
	})
	return kernels, nil
}

func readTypes(name string) (attach.KernelTypes, error) {
	file, err := recorded.Open(name)
	if err != nil {
		return attach.KernelTypes{}, err
	}
	defer file.Close()
	unzipped, err := gzip.NewReader(file)
	if err != nil {
		return attach.KernelTypes{}, err
	}
	data, err := io.ReadAll(unzipped)
	if err != nil {
		return attach.KernelTypes{}, err
	}
	spec, err := btf.LoadSpecFromReader(bytes.NewReader(data))
	return attach.KernelTypes{Spec: spec}, err
}

// numbers are those of a release before its first part that is none: 6 and 12 of "6.12.117+deb13".
func numbers(release string) []int {
	var found []int
	for _, part := range strings.Split(release, ".") {
		number, err := strconv.Atoi(part)
		if err != nil {
			break
		}
		found = append(found, number)
	}
	return found
}

// line is the release series: "6.12" of "6.12.117+deb13-cloud-amd64".
func line(release string) string {
	parts := strings.SplitN(release, ".", 3)
	return strings.Join(parts[:min(2, len(parts))], ".")
}

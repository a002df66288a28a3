// Command write makes what package kernels is made from:
//
//	write table PROBES FILE                    the table of probes and kernels
//	write record PROBES RELEASE ARCH TYPES OUT what the probes need of a kernel's types
//
// PROBES is the folder of the probes. TYPES is BTF as /sys/kernel/btf/vmlinux has it, or the section
// .BTF of a kernel's image; OUT is the folder recorded.
package main

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"

	"pollgate/bpf/internal/attach"
	"pollgate/bpf/internal/kernels"
	"pollgate/bpf/probes"
)

func main() {
	if err := write(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func write(args []string) error {
	switch {
	case len(args) == 3 && args[0] == "table":
		text, err := kernels.Table(probes.All, args[1])
		if err != nil {
			return err
		}
		return os.WriteFile(args[2], []byte(text), 0o644)
	case len(args) == 6 && args[0] == "record":
		return record(args[1], args[2], args[3], args[4], args[5])
	}
	return errors.New("usage: write table PROBES FILE | write record PROBES RELEASE ARCH TYPES OUT")
}

func record(folder, release, arch, typesFile, out string) error {
	spec, err := btf.LoadSpec(typesFile)
	if err != nil {
		return err
	}
	var objects []*ebpf.CollectionSpec
	for _, p := range probes.All {
		if p.Manifest.Object != "" {
			continue // those of another probe
		}
		object, err := kernels.Load(folder, p.Manifest.Name, arch)
		if err != nil {
			return err
		}
		objects = append(objects, object)
	}
	needs, err := kernels.NeedsOf(probes.All, objects)
	if err != nil {
		return err
	}
	types, err := kernels.Prune(attach.KernelTypes{Spec: spec}, needs)
	if err != nil {
		return err
	}
	var zipped bytes.Buffer
	zip, err := gzip.NewWriterLevel(&zipped, gzip.BestCompression)
	if err != nil {
		return err
	}
	if _, err := zip.Write(types); err != nil {
		return err
	}
	if err := zip.Close(); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(out, kernels.FileName(release, arch)), zipped.Bytes(), 0o644)
}

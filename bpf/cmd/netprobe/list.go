package main

import (
	"encoding/json"
	"fmt"
	"os"
	"text/tabwriter"

	"pollgate/bpf/internal/probe"
	"pollgate/bpf/probes"
)

func list(args []string) error {
	flags := newFlags("list")
	asJSON := flags.Bool("json", false, "")
	if err := parse(flags, args); err != nil {
		return err
	}
	if *asJSON {
		var manifests []probe.Manifest
		for _, p := range probes.All {
			manifests = append(manifests, p.Manifest)
		}
		return json.NewEncoder(os.Stdout).Encode(map[string]any{"schema": 1, "probes": manifests})
	}
	out := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	for _, p := range probes.All {
		m := p.Manifest
		fmt.Fprintf(out, "%s\tLinux %s\t%s\n", m.Name, m.MinKernel, m.Summary)
		for _, metric := range m.Metrics {
			fmt.Fprintf(out, "  %s\t%s, %s\t%s\n", metric.Name, metric.Kind, metric.Unit, metric.Meaning)
		}
	}
	return out.Flush()
}

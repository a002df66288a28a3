package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"

	"pollgate/bpf/internal/caps"
	"pollgate/bpf/internal/check"
	"pollgate/bpf/internal/kernel"
	"pollgate/bpf/probes"
)

// errLost is a machine on which not every metric can be taken.
var errLost = errors.New("some metrics cannot be taken here")

func runCheck(args []string) error {
	flags := newFlags("check")
	asJSON := flags.Bool("json", false, "")
	if err := parse(flags, args); err != nil {
		return err
	}
	results, err := check.Run(probes.All)
	if err != nil {
		return err
	}
	// Where nothing can be attached at all, the capabilities have said why.
	metrics := []check.Metric{}
	if judge(results) == nil {
		if metrics, err = check.Metrics(probes.All); err != nil {
			return err
		}
	}
	if *asJSON {
		err = json.NewEncoder(os.Stdout).Encode(map[string]any{"schema": 1,
			"kernel": kernel.Release(), "capabilities": results, "metrics": metrics})
		if err != nil {
			return err
		}
	} else {
		printResults(results)
		if err := printMetrics(metrics); err != nil {
			return err
		}
	}
	return judge(results)
}

func printResults(results []check.Result) {
	for _, r := range results {
		if r.OK {
			fmt.Printf("ok    %s\n", r.Capability)
			continue
		}
		lost := "no metric lost"
		if len(r.LostMetrics) > 0 {
			lost = "lost: " + strings.Join(r.LostMetrics, ", ")
		}
		fmt.Printf("FAIL  %s: %s\n      %s\n      remedy: %s\n", r.Capability, r.Error, lost, r.Remedy)
	}
}

func printMetrics(metrics []check.Metric) error {
	out := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	for _, m := range metrics {
		state := m.State
		if m.Reason != "" {
			state += ": " + m.Reason
		}
		fmt.Fprintf(out, "%s\t%s\t%s\t%s\n", m.Probe, m.Set, m.Name, state)
	}
	return out.Flush()
}

// judge is nil if every metric can be taken.
func judge(results []check.Result) error {
	lost := false
	for _, r := range results {
		lost = lost || len(r.LostMetrics) > 0
	}
	if !lost {
		return nil
	}
	held, err := caps.Effective()
	if err != nil {
		return err
	}
	if missing := held.Check(); missing != nil {
		return missing
	}
	return errLost
}

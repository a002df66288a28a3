package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"pollgate/bpf/internal/attach"
	"pollgate/bpf/internal/probe"
	"pollgate/bpf/internal/session"
	"pollgate/bpf/internal/target"
	"pollgate/bpf/probes"
)

// maxMapEntries keeps the kernel memory of a map below 100 MB a target.
const maxMapEntries = 1 << 20

func run(ctx context.Context, args []string) error {
	config, err := parseRun(args)
	if err != nil {
		return err
	}
	return session.Run(ctx, config)
}

func parseRun(args []string) (session.Config, error) {
	config := session.Config{Probes: probes.All, Known: probes.All,
		Stdin: os.Stdin, Stdout: os.Stdout}
	flags := newFlags("run")
	flags.StringVar(&config.Out, "out", "", "")
	flags.BoolVar(&config.PerfUprobes, "perf-uprobes", false, "")
	entries := flags.Uint("map-entries", attach.DefaultMapEntries, "")
	flags.Func("target", "", func(text string) error {
		spec, err := target.ParseSpec(text)
		config.Targets = append(config.Targets, spec)
		return err
	})
	flags.Func("probes", "", func(text string) (err error) {
		config.Probes, err = selectProbes(text)
		return err
	})
	if err := parse(flags, args); err != nil {
		return session.Config{}, err
	}
	if *entries == 0 || *entries > maxMapEntries {
		return session.Config{}, &usageError{fmt.Sprintf(
			"--map-entries %d: expected 1 to %d", *entries, maxMapEntries)}
	}
	config.MapEntries = uint32(*entries)
	if config.Out == "" {
		return session.Config{}, &usageError{"--out FILE is missing\n" + usage}
	}
	return config, checkTargets(config.Targets)
}

func checkTargets(targets []target.Spec) error {
	if len(targets) == 0 || len(targets) > target.Max {
		return &usageError{fmt.Sprintf("%d targets given, expected 1 to %d: --target NAME=PID",
			len(targets), target.Max)}
	}
	names, pids := map[string]bool{}, map[int]bool{}
	for _, t := range targets {
		if names[t.Name] || pids[t.PID] {
			return &usageError{fmt.Sprintf("target %s=%d: name or process given twice", t.Name, t.PID)}
		}
		names[t.Name], pids[t.PID] = true, true
	}
	return nil
}

func selectProbes(text string) ([]probe.Probe, error) {
	wanted := map[string]bool{}
	for _, name := range strings.Split(text, ",") {
		wanted[name] = true
	}
	var selected []probe.Probe
	var known []string
	for _, p := range probes.All {
		known = append(known, p.Manifest.Name)
		if wanted[p.Manifest.Name] {
			selected = append(selected, p)
			delete(wanted, p.Manifest.Name)
		}
	}
	for name := range wanted {
		return nil, fmt.Errorf("no probe %q: there are %s", name, strings.Join(known, ", "))
	}
	return selected, nil
}

// newFlags is a flag set that leaves the reporting to main.
func newFlags(command string) *flag.FlagSet {
	flags := flag.NewFlagSet(command, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	return flags
}

func parse(flags *flag.FlagSet, args []string) error {
	if err := flags.Parse(args); err != nil {
		return &usageError{err.Error() + "\n" + usage}
	}
	if flags.NArg() > 0 {
		return &usageError{fmt.Sprintf("unexpected argument %q\n%s", flags.Arg(0), usage)}
	}
	return nil
}

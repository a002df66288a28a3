package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"pollgate/bpf/internal/attach"
	"pollgate/bpf/internal/probe"
	"pollgate/bpf/internal/session"
	"pollgate/bpf/internal/target"
	"pollgate/bpf/probes"
)

// maxMapEntries keeps the kernel memory of a map below 100 MB a target.
const maxMapEntries = 1 << 20

// defaultNetpollAlarm is far beyond what a loop over 128 descriptors takes on an idle CPU.
const defaultNetpollAlarm = time.Millisecond

// defaultSlowCall is longer than any call takes that does not wait for a device or for a peer.
const defaultSlowCall = 5 * time.Millisecond

// defaultUringAlarmPercent leaves the program as much room as it has used up.
const defaultUringAlarmPercent = 50

func run(ctx context.Context, args []string) error {
	config, err := parseRun(args)
	if err != nil {
		return err
	}
	return session.Run(ctx, config)
}

func parseRun(args []string) (session.Config, error) {
	config := session.Config{Known: probes.All, Stdin: os.Stdin, Stdout: os.Stdout}
	flags := newFlags("run")
	flags.StringVar(&config.Out, "out", "", "")
	flags.BoolVar(&config.PerfUprobes, "perf-uprobes", false, "")
	entries := flags.Uint("map-entries", attach.DefaultMapEntries, "")
	flags.Func("leak-age", "", func(text string) (err error) {
		config.LeakAge, err = time.ParseDuration(text)
		if err == nil && config.LeakAge <= 0 {
			err = errors.New("expected a time above zero, such as 30s")
		}
		return err
	})
	flags.Func("budget", "", func(text string) (err error) {
		config.BudgetPermille, err = parsePercent(text)
		return err
	})
	config.NetpollAlarm = defaultNetpollAlarm
	flags.Func("netpoll-alarm", "", func(text string) (err error) {
		config.NetpollAlarm, err = parseNanoseconds(text)
		return err
	})
	config.UringAlarmPercent = defaultUringAlarmPercent
	flags.Func("uring-alarm", "", func(text string) error {
		percent, err := strconv.ParseUint(strings.TrimSuffix(text, "%"), 10, 64)
		if err != nil || percent < 1 || percent > 100 {
			return fmt.Errorf("%q: expected how full a completion queue may be, from 1 to 100 per cent", text)
		}
		config.UringAlarmPercent = percent
		return nil
	})
	config.SlowCall = defaultSlowCall
	flags.Func("slow-call", "", func(text string) (err error) {
		config.SlowCall, err = parseNanoseconds(text)
		return err
	})
	flags.Func("target", "", func(text string) error {
		spec, err := target.ParseSpec(text)
		config.Targets = append(config.Targets, spec)
		return err
	})
	chosen := ""
	choose := func(selectFrom func(string) ([]probe.Probe, error)) func(string) error {
		return func(text string) (err error) {
			if chosen != "" {
				return errors.New("--set and --probes choose the same: give one, once")
			}
			chosen = text
			config.Probes, err = selectFrom(text)
			return err
		}
	}
	flags.Func("probes", "", choose(selectProbes))
	flags.Func("set", "", choose(func(text string) ([]probe.Probe, error) {
		config.Sampled = text == string(probe.SampledSet)
		return selectSet(text)
	}))
	if err := parse(flags, args); err != nil {
		return session.Config{}, err
	}
	if chosen == "" {
		config.Probes, _ = selectSet(string(probe.Sets[0]))
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

// parsePercent reads a share of up to 100 per cent, and gives thousandths.
func parsePercent(text string) (permille int64, err error) {
	percent, err := strconv.ParseFloat(strings.TrimSuffix(text, "%"), 64)
	permille = int64(percent * 10)
	if err != nil || permille < 1 || permille > 1000 {
		return 0, fmt.Errorf("%q: expected a share of the CPU time from 0.1 to 100 per cent, such as 10", text)
	}
	return permille, nil
}

// parseNanoseconds reads a positive duration: a plain number of nanoseconds, or with a unit.
func parseNanoseconds(text string) (time.Duration, error) {
	duration, err := time.ParseDuration(text)
	if plain, failed := strconv.ParseInt(text, 10, 64); failed == nil {
		duration, err = time.Duration(plain), nil
	}
	if err != nil || duration <= 0 {
		return 0, fmt.Errorf("%q: expected a positive number of nanoseconds or a duration like 1ms", text)
	}
	return duration, nil
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

func selectSet(text string) ([]probe.Probe, error) {
	set, sampled := probe.Set(text), false
	if set == probe.SampledSet {
		set, sampled = probe.Sets[0], true
	}
	if !slices.Contains(probe.Sets, set) {
		return nil, fmt.Errorf("no set %q: there are %v and %s", text, probe.Sets, probe.SampledSet)
	}
	var selected []probe.Probe
	for _, p := range probes.All {
		if set.Holds(p.Manifest.Set) || sampled && p.Manifest.Sampled {
			selected = append(selected, p)
		}
	}
	return selected, nil
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

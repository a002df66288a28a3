// Command hlog works on the histogram logs of loadgen.
//
//	hlog percentiles [--tag PATTERN] --out DIR FILE.hlog…
//	hlog merge --out FILE FILE.hlog…
//
// percentiles adds up the intervals of each tag over all files, writes one
// percentile file (TAG.hgrm, µs) per tag into DIR and prints a short table.
// PATTERN is a glob that selects tags (all without it), such as '*.latency'. merge makes one log
// of several: intervals of equal start and tag become one. Both are exact.
//
// Files appear whole or not at all. Exit codes: 0 done; 1 a file is missing, is
// no whole log of loadgen, or cannot be written; 2 wrong usage.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"text/tabwriter"

	"pollgate/go-fixtures/internal/loadgen/hlog"
)

const (
	exitFailed = 1
	exitUsage  = 2
)

const usage = `hlog percentiles [--tag PATTERN] --out DIR FILE.hlog…
hlog merge --out FILE FILE.hlog…`

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

func run(arguments []string, stdout, stderr io.Writer) int {
	if len(arguments) == 0 {
		fmt.Fprintln(stderr, "hlog: want a command:\n"+usage)
		return exitUsage
	}
	command := arguments[0]
	flags := flag.NewFlagSet("hlog "+command, flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() { fmt.Fprintln(stderr, usage) }
	out := flags.String("out", "", "")
	tag := new(string)
	switch command {
	case "percentiles":
		tag = flags.String("tag", "", "")
	case "merge":
	case "help", "-h", "-help", "--help":
		fmt.Fprintln(stdout, usage)
		return 0
	default:
		fmt.Fprintf(stderr, "hlog: saw the command %q, want one of:\n%s\n", command, usage)
		return exitUsage
	}
	if err := flags.Parse(arguments[1:]); errors.Is(err, flag.ErrHelp) {
		return 0
	} else if err != nil {
		return exitUsage
	}
	if *out == "" || flags.NArg() == 0 {
		fmt.Fprintf(stderr, "hlog: %s wants --out and at least one log:\n%s\n", command, usage)
		return exitUsage
	}
	if _, err := path.Match(*tag, ""); err != nil {
		fmt.Fprintf(stderr, "hlog: --tag %q is no pattern: %v\n", *tag, err)
		return exitUsage
	}
	logs, err := readAll(flags.Args())
	if err == nil && command == "merge" {
		err = merge(logs, *out)
	} else if err == nil {
		err = percentiles(logs, *tag, *out, stdout)
	}
	if err != nil {
		fmt.Fprintln(stderr, "hlog:", err)
		return exitFailed
	}
	return 0
}

func readAll(paths []string) ([]*hlog.Log, error) {
	var logs []*hlog.Log
	for _, path := range paths {
		log, err := hlog.Read(path)
		if err != nil {
			return nil, err
		}
		logs = append(logs, log)
	}
	return logs, nil
}

func merge(logs []*hlog.Log, out string) error {
	merged, err := hlog.Merge(logs...)
	if err != nil {
		return err
	}
	return writeWhole(out, merged.Write)
}

func percentiles(logs []*hlog.Log, pattern, folder string, stdout io.Writer) error {
	totals, err := hlog.Totals(logs...)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(folder, 0o777); err != nil {
		return err
	}
	table := tabwriter.NewWriter(stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "tag\tcount\tp50 µs\tp90 µs\tp99 µs\tp99.9 µs\tmax µs\t")
	matched := 0
	for _, t := range totals {
		// Matching cannot fail: the pattern was tried.
		if ok, _ := path.Match(pattern, t.Tag); !ok && pattern != "" {
			continue
		}
		matched++
		if t.TotalCount() == 0 {
			// Nothing was recorded: no percentile, least of all 0.
			fmt.Fprintf(table, "%s\t0\t–\t–\t–\t–\t–\t\n", t.Tag)
			continue
		}
		us := func(percentile float64) string {
			return fmt.Sprintf("%.1f", float64(t.ValueAtPercentile(percentile))/1000)
		}
		fmt.Fprintf(table, "%s\t%d\t%s\t%s\t%s\t%s\t%s\t\n", t.Tag, t.TotalCount(), us(50), us(90), us(99), us(99.9), us(100))
		err := writeWhole(filepath.Join(folder, fileName(t.Tag)), func(w io.Writer) error {
			return hlog.WritePercentiles(w, t.Tag, t.Histogram)
		})
		if err != nil {
			return err
		}
	}
	if matched == 0 {
		return fmt.Errorf("no tag matches %q; the first one is %q", pattern, totals[0].Tag)
	}
	return table.Flush()
}

// fileName is a name that every file system takes, and of one tag only.
func fileName(tag string) string {
	if tag == "" {
		return "(untagged).hgrm"
	}
	return url.PathEscape(tag) + ".hgrm"
}

// writeWhole writes a file beside its place and then moves it there.
func writeWhole(path string, write func(io.Writer) error) error {
	file, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	err = errors.Join(write(file), file.Chmod(0o644), file.Close())
	if err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		os.Remove(file.Name())
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

// Package summary tells in plain text what a result file of `netprobe run` says, for people on a server
// that has nothing else.
package summary

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"pollgate/bpf/internal/hist"
	"pollgate/bpf/internal/report"
)

// What Write keeps to.
const (
	MaxLines   = 60
	MaxColumns = 100
)

// Read opens a result file. The errors say what was seen in place of one.
func Read(path string) (*report.File, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	const expected = "expected a result file of `netprobe run`"
	var marks struct {
		Schema       json.RawMessage `json:"schema"`
		BucketScheme string          `json:"bucketScheme"`
	}
	if err := json.Unmarshal(data, &marks); err != nil {
		return nil, fmt.Errorf("%s is no JSON object (%w); %s", path, err, expected)
	}
	switch {
	case marks.BucketScheme == "" || len(marks.Schema) == 0:
		return nil, fmt.Errorf("%s is JSON without a schema and a bucketScheme; %s", path, expected)
	case string(marks.Schema) != fmt.Sprint(report.Schema):
		return nil, fmt.Errorf("%s has schema %s, expected %d: show it with the netprobe that wrote it",
			path, marks.Schema, report.Schema)
	case marks.BucketScheme != hist.Scheme:
		return nil, fmt.Errorf("%s has histograms of scheme %q, expected %q: show it with the netprobe that wrote it",
			path, marks.BucketScheme, hist.Scheme)
	}
	var file report.File
	if err := json.Unmarshal(data, &file); err != nil {
		return nil, fmt.Errorf("%s: %w; %s", path, err, expected)
	}
	if len(file.Targets) == 0 {
		return nil, fmt.Errorf("%s has no targets; %s", path, expected)
	}
	for name, t := range file.Targets {
		if err := check(t); err != nil {
			return nil, fmt.Errorf("%s: target %s: %w; %s", path, name, err, expected)
		}
	}
	return &file, nil
}

func check(t *report.Target) error {
	if t == nil {
		return errors.New("is null")
	}
	for metric, h := range t.Histograms {
		if h == nil {
			continue
		}
		for _, bucket := range h.Buckets {
			if bucket[0] >= hist.Slots {
				return fmt.Errorf("%s has a bucket %d", metric, bucket[0])
			}
		}
	}
	return nil
}

// Write tells of the target named, in at most MaxLines lines of at most MaxColumns columns. With an
// empty name it tells of the only one, or of several in a few lines each.
func Write(w io.Writer, file *report.File, name string) error {
	names := slices.Sorted(maps.Keys(file.Targets))
	if name != "" && file.Targets[name] == nil {
		return fmt.Errorf("no target %q in the file: there are %s", name, strings.Join(names, ", "))
	}
	seconds := float64(file.Window.EndNs-file.Window.BeginNs) / 1e9
	head := headOf(file, seconds)
	var sections []section
	if name == "" && len(names) > 1 {
		sections = append(sections, head)
		for _, each := range names {
			v := view{each, file.Targets[each], seconds}
			sections = append(sections, v.overview())
		}
		sections = append(sections, section{"all of one target: netprobe show --target NAME FILE"})
	} else {
		if name == "" {
			name = names[0]
		}
		sections = append([]section{head}, view{name, file.Targets[name], seconds}.sections()...)
	}
	var text strings.Builder
	for _, line := range fit(sections) {
		text.WriteString(clip(line, MaxColumns) + "\n")
	}
	_, err := io.WriteString(w, text.String())
	return err
}

func headOf(file *report.File, seconds float64) section {
	head := section{fmt.Sprintf("netprobe: window of %.3f s on Linux %s", seconds, file.Kernel),
		"probes " + strings.Join(file.Probes, " ")}
	if s := file.Sampling; s != nil {
		head = append(head, fmt.Sprintf("  %s were on in %s: %s of the time; their counts are of that time",
			strings.Join(s.Probes, ", "), counted(uint64(s.Bursts), "burst"),
			percent(float64(s.OnNs)/1e9, seconds)))
	}
	if b := file.Budget; b != nil {
		line := fmt.Sprintf("  budget %s of the CPU time, taken at most %s",
			percent(float64(b.LimitPermille), 1000), percent(float64(b.HighestPermille), 1000))
		for _, shed := range b.Shed {
			line += "; taken off: " + shed.Probe
		}
		if b.Exceeded {
			line += "; EXCEEDED with nothing more to take off"
		}
		head = append(head, line)
	}
	return head
}

// section is lines of which the first says what it is about; the most important come first.
type section []string

// fit takes lines off the end of the longest sections until all have room, and says so there.
func fit(sections []section) []string {
	total := 0
	for _, s := range sections {
		total += len(s)
	}
	dropped := make([]int, len(sections))
	for ; total > MaxLines; total-- {
		longest := 0
		for i, s := range sections {
			if len(s) > len(sections[longest]) {
				longest = i
			}
		}
		// The line that says so takes a place too.
		dropped[longest] = max(2, dropped[longest]+1)
		sections[longest] = append(slices.Clone(sections[longest][:len(sections[longest])-2]),
			fmt.Sprintf("  … and %d more lines", dropped[longest]))
	}
	return slices.Concat(sections...)
}

// view is one target of a file.
type view struct {
	name string
	*report.Target
	seconds float64
}

func (v view) sections() []section {
	return []section{v.about(), v.missing(), v.calls(), v.slowCalls(), v.descriptors(), v.tcp(), v.tls(), v.http2(), v.rings(),
		v.netpoll(), v.wakeups(), v.goroutines(), v.onCPU()}
}

// overview is a target in a few lines.
func (v view) overview() section {
	lines := v.about()
	for _, s := range []section{v.missing(), v.onCPU(), v.descriptors()} {
		if len(s) > 0 {
			lines = append(lines, s[0])
		}
	}
	return lines
}

// perSecond is a rate over the window.
func (v view) perSecond(n uint64) float64 {
	if v.seconds <= 0 {
		return 0
	}
	return float64(n) / v.seconds
}

// details decodes what a probe told in a form of its own; known is false where it told nothing.
func details[T any](v view, probe string) (d T, known bool) {
	data := v.Details[probe]
	if len(data) == 0 || string(data) == "null" {
		return d, false
	}
	// One of another version: what it lacks stays empty.
	return d, json.Unmarshal(data, &d) == nil
}

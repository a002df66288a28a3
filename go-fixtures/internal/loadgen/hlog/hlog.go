// Package hlog reads HdrHistogram logs as package record writes them, merges them
// exactly and turns them into percentile files.
//
// Merging is exact because all histograms have the same parameters: counts of
// equal buckets are added. Logs with other parameters or of another unit are
// refused, never converted.
package hlog

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// unitComment is what a log says whose values are in ns; package record writes
// it. Logs of other programs carry ms or µs without saying so.
const unitComment = "histogram values in ns"

// Interval is one line of a log.
type Interval struct {
	Tag     string // empty = none
	StartMs int64  // since the start of the log
	EndMs   int64
	*hdrhistogram.Histogram
}

// Log is a file with its lines in order.
type Log struct {
	// StartedMs is the start time, ms since the epoch; whole seconds.
	StartedMs int64
	Intervals []Interval
}

// Read reads a file whole. The error names the file and the line.
func Read(path string) (*Log, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	log, err := Parse(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return log, nil
}

// intervalLine is stricter than the reader of hdrhistogram-go, which passes over
// lines that it does not know: a log cut short would look whole.
var (
	intervalLine = regexp.MustCompile(`^(?:Tag=([^, \r\n]+),)?(\d+\.\d+),(\d+\.\d+),(\d+\.\d+),[A-Za-z0-9+/]+=*$`)
	startLine    = regexp.MustCompile(`^#\[StartTime: (\d+)(?:\.\d+)? `)
)

// Parse reads a log.
func Parse(text []byte) (*Log, error) {
	if err := check(text); err != nil {
		return nil, err
	}
	log := &Log{}
	lines := bufio.NewScanner(bytes.NewReader(text))
	lines.Buffer(nil, len(text)+1)
	for number := 1; lines.Scan(); number++ {
		line := lines.Text()
		if found := startLine.FindStringSubmatch(line); found != nil {
			seconds, err := strconv.ParseInt(found[1], 10, 64)
			if err != nil {
				return nil, fmt.Errorf("line %d: %w", number, err)
			}
			log.StartedMs = seconds * 1000
		}
		found := intervalLine.FindStringSubmatch(line)
		if found == nil {
			continue
		}
		h, err := decodeLine(line)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
		startMs, lengthMs := milliseconds(found[2]), milliseconds(found[3])
		log.Intervals = append(log.Intervals, Interval{Tag: found[1], StartMs: startMs, EndMs: startMs + lengthMs, Histogram: h})
	}
	if len(log.Intervals) == 0 {
		return nil, errors.New("saw no interval, want at least one line with a histogram")
	}
	return log, nil
}

// check says whether the text is a whole log of ours.
func check(text []byte) error {
	if len(text) == 0 {
		return errors.New("the file is empty; want a histogram log")
	}
	if !bytes.HasPrefix(text, []byte("#")) {
		return errors.New("this is no histogram log; want one that begins with comments (#[…])")
	}
	if text[len(text)-1] != '\n' {
		return fmt.Errorf("line %d is cut short (no end of line); the program that wrote the log may still run or was killed", bytes.Count(text, []byte("\n"))+1)
	}
	ns := false
	for index, line := range bytes.Split(bytes.TrimSuffix(text, []byte("\n")), []byte("\n")) {
		switch {
		case bytes.HasPrefix(line, []byte("#[BaseTime:")):
			return fmt.Errorf("line %d: a base time; want times that count from the start time, as loadgen writes them", index+1)
		case bytes.HasPrefix(line, []byte("#")):
			ns = ns || bytes.Contains(line, []byte(unitComment))
		case bytes.HasPrefix(line, []byte(`"StartTimestamp"`)):
		case !intervalLine.Match(line):
			return fmt.Errorf("line %d: saw %.60q, want [Tag=NAME,]START,LENGTH,MAX,HISTOGRAM", index+1, line)
		}
	}
	if !ns {
		return fmt.Errorf("no comment says %q, so that the unit of the values is not known; want a log of loadgen", unitComment)
	}
	return nil
}

// decodeLine reads one line through the reader of hdrhistogram-go.
func decodeLine(line string) (*hdrhistogram.Histogram, error) {
	h, err := hdrhistogram.NewHistogramLogReader(strings.NewReader(line + "\n")).NextIntervalHistogram()
	if err != nil {
		return nil, fmt.Errorf("the histogram is damaged: %w", err)
	}
	if h == nil {
		return nil, errors.New("the histogram is damaged")
	}
	return h, nil
}

// milliseconds reads seconds with decimals. The reader of hdrhistogram-go
// multiplies by 1000.0 and cuts off, which makes 1.001 s 1000 ms.
func milliseconds(seconds string) int64 {
	value, _ := strconv.ParseFloat(seconds, 64) // its form is known to be right
	return int64(value*1000 + 0.5)
}

// Total is all values of a tag.
type Total struct {
	Tag       string
	Intervals int
	*hdrhistogram.Histogram
}

// Totals adds up the intervals of each tag over all logs, in the order in which
// the tags appear.
func Totals(logs ...*Log) ([]Total, error) {
	var totals []Total
	at := map[string]int{}
	for _, log := range logs {
		for _, i := range log.Intervals {
			index, known := at[i.Tag]
			if !known {
				index = len(totals)
				at[i.Tag] = index
				totals = append(totals, Total{Tag: i.Tag, Histogram: empty(i.Histogram)})
			}
			if err := add(totals[index].Histogram, i.Histogram); err != nil {
				return nil, fmt.Errorf("tag %q: %w", i.Tag, err)
			}
			totals[index].Intervals++
		}
	}
	return totals, nil
}

// Merge makes one log of several, as if one program had written it: intervals of
// equal start and tag become one, all are in order of start, and tags keep the
// order in which they appear. The start time is the earliest.
func Merge(logs ...*Log) (*Log, error) {
	type place struct {
		tag     string
		startMs int64
	}
	merged := &Log{}
	at := map[place]int{}
	order := map[string]int{}
	for n, log := range logs {
		if n == 0 || log.StartedMs < merged.StartedMs {
			merged.StartedMs = log.StartedMs
		}
		for _, i := range log.Intervals {
			if _, known := order[i.Tag]; !known {
				order[i.Tag] = len(order)
			}
			index, known := at[place{i.Tag, i.StartMs}]
			if !known {
				index = len(merged.Intervals)
				at[place{i.Tag, i.StartMs}] = index
				merged.Intervals = append(merged.Intervals, Interval{Tag: i.Tag, StartMs: i.StartMs, EndMs: i.EndMs, Histogram: empty(i.Histogram)})
			}
			m := &merged.Intervals[index]
			m.EndMs = max(m.EndMs, i.EndMs)
			if err := add(m.Histogram, i.Histogram); err != nil {
				return nil, fmt.Errorf("tag %q at %d ms: %w", i.Tag, i.StartMs, err)
			}
		}
	}
	slices.SortStableFunc(merged.Intervals, func(a, b Interval) int {
		if a.StartMs != b.StartMs {
			return int(a.StartMs - b.StartMs)
		}
		return order[a.Tag] - order[b.Tag]
	})
	return merged, nil
}

// empty returns a histogram of the same parameters.
func empty(h *hdrhistogram.Histogram) *hdrhistogram.Histogram {
	return hdrhistogram.New(h.LowestTrackableValue(), h.HighestTrackableValue(), int(h.SignificantFigures()))
}

// add merges histograms of equal parameters; between others, values would move
// to other buckets or fall out.
func add(to, from *hdrhistogram.Histogram) error {
	if to.LowestTrackableValue() != from.LowestTrackableValue() || to.HighestTrackableValue() != from.HighestTrackableValue() ||
		to.SignificantFigures() != from.SignificantFigures() {
		return fmt.Errorf("saw a histogram from %d to %d with %d digits beside one from %d to %d with %d digits; want equal ones",
			from.LowestTrackableValue(), from.HighestTrackableValue(), from.SignificantFigures(),
			to.LowestTrackableValue(), to.HighestTrackableValue(), to.SignificantFigures())
	}
	if dropped := to.Merge(from); dropped != 0 {
		return fmt.Errorf("%d values do not fit", dropped)
	}
	return nil
}

// Write writes a log that Parse reads.
func (l *Log) Write(w io.Writer) error {
	lines := hdrhistogram.NewHistogramLogWriter(w)
	err := errors.Join(
		lines.OutputComment("[merged by pollgate hlog; "+unitComment+", the Interval_Max column in ms]"),
		lines.OutputLogFormatVersion(),
		lines.OutputStartTime(l.StartedMs),
		lines.OutputLegend(),
	)
	for _, i := range l.Intervals {
		i.SetTag(i.Tag)
		i.SetStartTimeMs(i.StartMs)
		i.SetEndTimeMs(i.EndMs)
		err = errors.Join(err, lines.OutputIntervalHistogram(i.Histogram))
	}
	return err
}

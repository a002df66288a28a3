package record

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"pollgate/go-fixtures/internal/loadgen/engine"
)

// Names of the files in the output folder.
const (
	ReportFile = "load.json"
	LogFile    = "load.hlog"
)

// Recorder gathers phases and writes both files at the end. Earlier files of
// those names stay until then.
type Recorder struct {
	folder string
	report Report
	arms   []string
	log    *os.File
	buffer *bufio.Writer
	lines  *hdrhistogram.HistogramLogWriter
}

// Config is what a Recorder has to know before the first phase.
type Config struct {
	Folder    string // is made when it is not there
	Protocol  string
	Seed      uint64
	Arms      []string // names in the order of the engine
	StartedNs int64
}

// New opens the log in the output folder.
func New(c Config) (*Recorder, error) {
	if err := os.MkdirAll(c.Folder, 0o777); err != nil {
		return nil, err
	}
	log, err := os.Create(filepath.Join(c.Folder, LogFile+".partial"))
	if err != nil {
		return nil, err
	}
	r := &Recorder{
		folder: c.Folder,
		report: Report{Schema: 1, Protocol: c.Protocol, Seed: fmt.Sprint(c.Seed), StartedNs: c.StartedNs, Phases: []Phase{}},
		arms:   c.Arms,
		log:    log,
		buffer: bufio.NewWriterSize(log, 1<<20),
	}
	r.lines = hdrhistogram.NewHistogramLogWriter(r.buffer)
	err = errors.Join(
		r.lines.OutputComment("[pollgate loadgen; histogram values in ns, the Interval_Max column in ms; tags are <arm>.<phase>.<metric>]"),
		r.lines.OutputComment("[a request belongs to the second of its intended time]"),
		r.lines.OutputLogFormatVersion(),
		r.lines.OutputStartTime(time.Now().UnixMilli()),
		r.lines.OutputLegend(),
	)
	if err != nil {
		r.Discard()
		return nil, fmt.Errorf("write %s: %w", log.Name(), err)
	}
	return r, nil
}

// Input is a phase as the engine left it.
type Input struct {
	Name     string
	Requests []engine.Request
	StartNs  int64
	Duration time.Duration
	Result   engine.Result
	CPU      int
}

// AddPhase sums up a phase and writes its lines of the log.
func (r *Recorder) AddPhase(in Input) error {
	tally := newTally(in, r.arms)
	for index := range tally.seconds {
		tally.fillSecond(index)
		if err := tally.writeSecond(r.lines, r.report.StartedNs); err != nil {
			return fmt.Errorf("write %s: %w", r.log.Name(), err)
		}
	}
	phase, err := tally.phase()
	if err != nil {
		return err
	}
	r.report.Phases = append(r.report.Phases, phase)
	return nil
}

// Finish writes both files under their names.
func (r *Recorder) Finish(scheduleHash string, interrupted bool) error {
	r.report.ScheduleHash, r.report.Interrupted = scheduleHash, interrupted
	text, err := json.MarshalIndent(&r.report, "", " ")
	if err != nil {
		return err
	}
	report := filepath.Join(r.folder, ReportFile)
	err = errors.Join(
		r.buffer.Flush(),
		r.log.Close(),
		os.WriteFile(report+".partial", append(text, '\n'), 0o666),
	)
	if err != nil {
		os.Remove(r.log.Name())
		os.Remove(report + ".partial")
		return fmt.Errorf("write the results (is there room on the disk?): %w", err)
	}
	// The report last: whoever sees it finds the log that belongs to it.
	return errors.Join(
		os.Rename(r.log.Name(), filepath.Join(r.folder, LogFile)),
		os.Rename(report+".partial", report),
	)
}

// Discard gives up what was gathered.
func (r *Recorder) Discard() {
	r.log.Close()
	os.Remove(r.log.Name())
}

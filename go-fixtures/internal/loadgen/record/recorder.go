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
	"pollgate/go-fixtures/internal/loadgen/oracle"
	"pollgate/go-fixtures/internal/loadgen/validity"
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
	Folder     string // is made when it is not there
	Protocol   string
	Mode       string
	Arrivals   string // empty in a closed loop
	Interleave string
	Seed       uint64
	Arms       []string // names in the order of the engine
	StartedNs  int64
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
		report: Report{
			Schema:     2,
			Protocol:   c.Protocol,
			Mode:       c.Mode,
			Arrivals:   c.Arrivals,
			Interleave: c.Interleave,
			Seed:       fmt.Sprint(c.Seed),
			StartedNs:  c.StartedNs,
			Connect:    map[string]Connect{},
			Phases:     []Phase{},
		},
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

// Input is a phase as the generator's threads left it, put together.
type Input struct {
	Name       string
	RatePerSec float64 // planned; 0 where nothing was
	Interleave string  // empty: as Config says
	Closed     bool
	Requests   []engine.Request      // by IntendedNs, ascending
	Stamps     []engine.ServerStamps // of the same requests; nil without stamps
	StartNs    int64
	EndNs      int64
	Duration   time.Duration // of the schedule
	Arms       []engine.ArmResult
	// ArmEndNs is when the last stretch of an arm's schedule ended.
	ArmEndNs []int64
	Usage    engine.Usage
	// ThreadNs is how long threads were at it, summed up over them.
	ThreadNs   int64
	Threads    int
	CPUs       []int
	Scheduling string
	Verdict    validity.Verdict
	Stamped    bool             // replies carried the kernel's stamps
	Oracles    []*oracle.Report // by arm; nil without an oracle
}

// scheduledNs is the real time from the start to the last stretch's end; longer
// than Duration where arms were connected in between.
func (in *Input) scheduledNs() int64 {
	end := in.StartNs + int64(in.Duration)
	for _, armEnd := range in.ArmEndNs {
		end = max(end, armEnd)
	}
	return end - in.StartNs
}

// AddConnect adds the connection times of each arm.
func (r *Recorder) AddConnect(times []*hdrhistogram.Histogram) error {
	for i, name := range r.arms {
		blob, err := encode(times[i])
		if err != nil {
			return err
		}
		r.report.Connect[name] = Connect{distribution(times[i]), blob}
	}
	return nil
}

// AddSearch adds what a search has found.
func (r *Recorder) AddSearch(found Search) { r.report.Search = &found }

// AddPhase sums up a phase, writes its lines of the log and returns what stands
// in the report.
func (r *Recorder) AddPhase(in Input) (Phase, error) {
	tally := newTally(in, r.arms)
	for index := range tally.seconds {
		tally.fillSecond(index)
		if err := tally.writeSecond(r.lines, r.report.StartedNs); err != nil {
			return Phase{}, fmt.Errorf("write %s: %w", r.log.Name(), err)
		}
	}
	phase, err := tally.phase()
	if err != nil {
		return Phase{}, err
	}
	r.report.Phases = append(r.report.Phases, phase)
	return phase, nil
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

// Report is what has been gathered so far.
func (r *Recorder) Report() *Report { return &r.report }

// Discard gives up what was gathered.
func (r *Recorder) Discard() {
	r.log.Close()
	os.Remove(r.log.Name())
}

package engine

import "github.com/HdrHistogram/hdrhistogram-go"

const (
	progressEveryNs = 1_000_000_000
	// A progress report waits for a gap in the schedule, but not for ever.
	progressQuietNs    = 100_000
	progressPatienceNs = 50_000_000
	// longestLiveNs is the upper end of the live histograms.
	longestLiveNs = 60_000_000_000
)

// liveStatistics are the figures of an arm since the phase began, for progress
// only: the results are computed from the requests afterwards.
type liveStatistics struct {
	completed, errors int64
	latency           *hdrhistogram.Histogram // 2 digits: small enough to be scanned in a few µs
}

func newLiveStatistics() liveStatistics {
	return liveStatistics{latency: hdrhistogram.New(1, longestLiveNs, 2)}
}

func (s *liveStatistics) reset() {
	s.completed, s.errors = 0, 0
	s.latency.Reset()
}

func (s *liveStatistics) completedIn(latencyNs int64) {
	s.completed++
	// Cannot fail: the value is in range.
	_ = s.latency.RecordValue(min(max(latencyNs, 1), longestLiveNs))
}

// reclassify turns a completion into an error. Its latency stays in the
// histogram: progress is a courtesy, not a result.
func (s *liveStatistics) reclassify() {
	s.completed--
	s.errors++
}

// Progress tells how a phase goes, cumulated since its start.
type Progress struct {
	StartNs   int64 // of the phase
	ElapsedNs int64
	Arms      []ArmProgress // in the order of Config.Arms
}

// ArmProgress is one arm's part of a Progress.
type ArmProgress struct {
	Completed, Errors int64
	P50Ns, P99Ns      int64 // of the latency from the intended time, within 1 %; 0 = no reply yet
}

// progressReporter hands snapshots to another goroutine without waiting for it
// and without allocating: of three buffers the reader has at most one, the
// channel one, and the loop one.
type progressReporter struct {
	dueNs   int64
	buffers [3]Progress
	current int
	reports chan *Progress
}

func newProgressReporter(arms int) progressReporter {
	r := progressReporter{reports: make(chan *Progress, 1)}
	for i := range r.buffers {
		r.buffers[i].Arms = make([]ArmProgress, arms)
	}
	return r
}

func (r *progressReporter) begin(startNs int64) { r.dueNs = startNs + progressEveryNs }

// Progress delivers a report about once a second during a phase. A report is
// valid until the next is received; while nobody receives, reports are dropped.
func (e *Engine) Progress() <-chan *Progress { return e.progress.reports }

// reportProgress scans the live histograms on the loop's own thread: a few µs
// per arm once a second, in a gap of the schedule where there is one.
func (e *Engine) reportProgress(now int64) {
	r := &e.progress
	if now < r.dueNs {
		return
	}
	if e.next < len(e.requests) && e.requests[e.next].IntendedNs-now < progressQuietNs &&
		now < r.dueNs+progressPatienceNs {
		return
	}
	snapshot := &r.buffers[r.current]
	snapshot.StartNs, snapshot.ElapsedNs = e.startNs, now-e.startNs
	for i := range e.arms {
		live := &e.arms[i].live
		snapshot.Arms[i] = ArmProgress{
			Completed: live.completed,
			Errors:    live.errors,
			P50Ns:     live.latency.ValueAtPercentile(50),
			P99Ns:     live.latency.ValueAtPercentile(99),
		}
	}
	select {
	case r.reports <- snapshot:
		r.current = (r.current + 1) % len(r.buffers)
	default:
	}
	r.dueNs += progressEveryNs
}

package record

import (
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"pollgate/go-fixtures/internal/loadgen/engine"
)

const (
	// HighestNs is the greatest value of the histograms; longer ones are kept as
	// this.
	HighestNs = int64(time.Minute)
	// SignificantDigits of the histograms.
	SignificantDigits = 3
)

type metric int

const (
	latency metric = iota
	service
	sendLag
	metrics
)

var metricNames = [metrics]string{"latency", "service", "sendLag"}

// series is one arm and metric: the second at hand, and the whole phase.
type series struct{ second, total *hdrhistogram.Histogram }

func (s *series) record(ns int64) {
	// Cannot fail: the value is in range.
	_ = s.second.RecordValue(min(ns, HighestNs))
}

// tally walks through the requests of a phase second by second.
type tally struct {
	in      Input
	names   []string
	arms    []Arm
	series  [][metrics]series // by arm
	seconds int
	index   int     // of the second at hand
	next    int     // first request not looked at
	lastNs  []int64 // last good reply by arm
}

func newTally(in Input, names []string) *tally {
	t := &tally{
		in:      in,
		names:   names,
		arms:    make([]Arm, len(names)),
		series:  make([][metrics]series, len(names)),
		seconds: int((in.Duration + time.Second - 1) / time.Second),
		lastNs:  make([]int64, len(names)),
	}
	for arm, name := range names {
		for m := range metrics {
			s := &t.series[arm][m]
			s.second = hdrhistogram.New(1, HighestNs, SignificantDigits)
			s.total = hdrhistogram.New(1, HighestNs, SignificantDigits)
			s.second.SetTag(name + "." + in.Name + "." + metricNames[m])
		}
	}
	return t
}

// fillSecond takes the requests that were intended in one second of the phase.
func (t *tally) fillSecond(index int) {
	t.index = index
	end := t.in.StartNs + int64(index+1)*int64(time.Second)
	for ; t.next < len(t.in.Requests) && t.in.Requests[t.next].IntendedNs < end; t.next++ {
		t.add(&t.in.Requests[t.next])
	}
}

func (t *tally) add(r *engine.Request) {
	arm, s := &t.arms[r.Arm], &t.series[r.Arm]
	arm.Scheduled++
	if r.Queued {
		arm.Queued++
	}
	if r.SentNs != 0 {
		arm.Sent++
	}
	if r.PickedNs != 0 {
		s[sendLag].record(r.PickedNs - r.IntendedNs)
	}
	switch r.Outcome {
	case engine.Completed:
		arm.Completed++
		s[latency].record(r.DoneNs - r.IntendedNs)
		s[service].record(r.DoneNs - r.SentNs)
		t.lastNs[r.Arm] = max(t.lastNs[r.Arm], r.DoneNs)
	case engine.Unsent:
		arm.Unsent++
	case engine.Reset:
		arm.Errors.Reset++
	case engine.TimedOut:
		arm.Errors.Timeout++
	case engine.BadStatus:
		arm.Errors.Status++
	case engine.BadBody:
		arm.Errors.Body++
	}
}

// writeSecond writes the lines of the second at hand, also where it is empty, so
// that a reader sees silence, and adds it to the whole.
func (t *tally) writeSecond(lines *hdrhistogram.HistogramLogWriter, startedNs int64) error {
	start := time.Duration(t.index) * time.Second
	end := min(start+time.Second, t.in.Duration)
	offset := time.Duration(t.in.StartNs - startedNs)
	for arm := range t.series {
		for m := range metrics {
			s := &t.series[arm][m]
			s.second.SetStartTimeMs((offset + start).Milliseconds())
			s.second.SetEndTimeMs((offset + end).Milliseconds())
			if err := lines.OutputIntervalHistogram(s.second); err != nil {
				return err
			}
			s.total.Merge(s.second)
			tag := s.second.Tag()
			s.second.Reset()
			s.second.SetTag(tag)
		}
	}
	return nil
}

// phase completes the report of the phase.
func (t *tally) phase() (Phase, error) {
	in, usage := t.in, t.in.Result.Usage
	p := Phase{
		Name:              in.Name,
		StartNs:           in.StartNs,
		EndNs:             in.Result.EndNs,
		OfferedRatePerSec: float64(len(in.Requests)) / in.Duration.Seconds(),
		Arms:              map[string]Arm{},
		Generator: Generator{
			CPUNs:               usage.CPUNs,
			BusyRatio:           busyRatio(usage, in.Result.EndNs-in.StartNs),
			VoluntarySwitches:   usage.VoluntarySwitches,
			InvoluntarySwitches: usage.InvoluntarySwitches,
			CPU:                 in.CPU,
		},
	}
	for i, name := range t.names {
		arm := &t.arms[i]
		arm.Errors.Connect = in.Result.Arms[i].ConnectErrors
		arm.Reconnects = in.Result.Arms[i].Reconnects
		took := max(in.Duration, time.Duration(t.lastNs[i]-in.StartNs))
		arm.AchievedRatePerSec = float64(arm.Completed) / took.Seconds()
		s := &t.series[i]
		arm.LatencyNs = distribution(s[latency].total)
		arm.ServiceNs = distribution(s[service].total)
		arm.SendLagNs = distribution(s[sendLag].total)
		for m, blob := range [metrics]*string{&arm.LatencyHistogram, &arm.ServiceHistogram, &arm.SendLagHistogram} {
			encoded, err := s[m].total.Encode(hdrhistogram.V2CompressedEncodingCookieBase)
			if err != nil {
				return Phase{}, err
			}
			*blob = string(encoded)
		}
		p.Arms[name] = *arm
	}
	return p, nil
}

// busyRatio is kept within 0 … 1: the empty polls are timed by the wall clock,
// the rest by CPU time, so that the difference can stray a little.
func busyRatio(u engine.Usage, wallNs int64) float64 {
	return min(max(float64(u.CPUNs-u.EmptyPollNs)/float64(wallNs), 0), 1)
}

func distribution(h *hdrhistogram.Histogram) Distribution {
	d := Distribution{Count: h.TotalCount()}
	if d.Count == 0 {
		return d
	}
	mean, least, greatest := h.Mean(), h.Min(), h.Max()
	d.Mean, d.Min, d.Max = &mean, &least, &greatest
	for percentile, to := range map[float64]**int64{50: &d.P50, 90: &d.P90, 99: &d.P99, 99.9: &d.P999} {
		value := h.ValueAtPercentile(percentile)
		*to = &value
	}
	return d
}

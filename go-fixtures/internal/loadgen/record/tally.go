package record

import (
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"pollgate/go-fixtures/internal/loadgen/engine"
	"pollgate/go-fixtures/internal/loadgen/validity"
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
	receiveLag
	metrics
)

var metricNames = [metrics]string{"latency", "service", "sendLag", "receiveLag"}

// series is one arm and metric: the second at hand, and the whole phase.
type series struct{ second, total *hdrhistogram.Histogram }

func (s *series) record(ns int64) { recordIn(s.second, ns) }

// recordIn clamps to the histogram's range. Two clocks that differ by some ns
// can make a difference of stamps negative.
func recordIn(h *hdrhistogram.Histogram, ns int64) {
	// Cannot fail: the value is in range.
	_ = h.RecordValue(min(max(ns, 0), HighestNs))
}

// paths are an arm's distributions that need the server's stamps.
type paths struct{ request, reply *hdrhistogram.Histogram }

// tally walks through the requests of a phase second by second.
type tally struct {
	in      Input
	names   []string
	arms    []Arm
	series  [][metrics]series // by arm
	paths   []paths           // by arm; nil histograms without stamps
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
		paths:   make([]paths, len(names)),
		seconds: int((in.scheduledNs() + int64(time.Second) - 1) / int64(time.Second)),
		lastNs:  make([]int64, len(names)),
	}
	for arm, name := range names {
		if in.Stamps != nil {
			t.paths[arm] = paths{newHistogram(), newHistogram()}
		}
		for m := range metrics {
			s := &t.series[arm][m]
			s.second, s.total = newHistogram(), newHistogram()
			s.second.SetTag(name + "." + in.Name + "." + metricNames[m])
		}
	}
	return t
}

func newHistogram() *hdrhistogram.Histogram {
	return hdrhistogram.New(1, HighestNs, SignificantDigits)
}

// fillSecond takes the requests that were intended in one second of the phase.
func (t *tally) fillSecond(index int) {
	t.index = index
	end := t.in.StartNs + int64(index+1)*int64(time.Second)
	for ; t.next < len(t.in.Requests) && t.in.Requests[t.next].IntendedNs < end; t.next++ {
		t.add(t.next)
	}
}

func (t *tally) add(index int) {
	r := &t.in.Requests[index]
	arm, s := &t.arms[r.Arm], &t.series[r.Arm]
	arm.Scheduled++
	if r.Queued {
		arm.Queued++
	}
	if r.SentNs != 0 {
		arm.Sent++
	}
	if r.PickedNs != 0 && !t.in.Closed {
		s[sendLag].record(r.PickedNs - r.IntendedNs)
	}
	switch r.Outcome {
	case engine.Completed:
		arm.Completed++
		s[latency].record(r.DoneNs - r.IntendedNs)
		s[service].record(r.DoneNs - r.SentNs)
		if r.ArrivedNs != 0 {
			s[receiveLag].record(r.DoneNs - r.ArrivedNs)
		}
		t.addPaths(index)
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

func (t *tally) addPaths(index int) {
	if t.in.Stamps == nil {
		return
	}
	r, server := &t.in.Requests[index], &t.in.Stamps[index]
	if server.ReadNs != 0 {
		recordIn(t.paths[r.Arm].request, server.ReadNs-r.SentNs)
	}
	if server.WriteNs != 0 {
		recordIn(t.paths[r.Arm].reply, r.DoneNs-server.WriteNs)
	}
}

// writeSecond writes the lines of the second at hand, also where it is empty, so
// that a reader sees silence, and adds it to the whole.
func (t *tally) writeSecond(lines *hdrhistogram.HistogramLogWriter, startedNs int64) error {
	start := time.Duration(t.index) * time.Second
	end := min(start+time.Second, time.Duration(t.in.scheduledNs()))
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
	in := t.in
	p := Phase{
		Name:              in.Name,
		StartNs:           in.StartNs,
		EndNs:             in.EndNs,
		RatePerSec:        in.RatePerSec,
		OfferedRatePerSec: float64(len(in.Requests)) / in.Duration.Seconds(),
		Interleave:        in.Interleave,
		Arms:              map[string]Arm{},
		Paired:            paired(in.Verdict),
		Generator:         generator(in),
	}
	for i, name := range t.names {
		arm, err := t.arm(i)
		if err != nil {
			return Phase{}, err
		}
		p.Arms[name] = *arm
	}
	return p, nil
}

// arm completes what the walk has counted.
func (t *tally) arm(i int) (*Arm, error) {
	arm, in, s := &t.arms[i], t.in, &t.series[i]
	arm.Errors.Connect = in.Arms[i].ConnectErrors
	arm.Reconnects = in.Arms[i].Reconnects
	took := in.Duration + time.Duration(max(0, t.lastNs[i]-in.ArmEndNs[i]))
	arm.AchievedRatePerSec = float64(arm.Completed) / took.Seconds()
	arm.LatencyNs = distribution(s[latency].total)
	arm.ServiceNs = distribution(s[service].total)
	arm.SendLagNs = distribution(s[sendLag].total)
	arm.ReceiveLagNs = distribution(s[receiveLag].total)
	if in.Stamps != nil {
		request, reply := distribution(t.paths[i].request), distribution(t.paths[i].reply)
		arm.RequestPathNs, arm.ReplyPathNs = &request, &reply
	}
	blobs := [metrics]*string{&arm.LatencyHistogram, &arm.ServiceHistogram, &arm.SendLagHistogram, &arm.ReceiveLagHistogram}
	for m, blob := range blobs {
		var err error
		if *blob, err = encode(s[m].total); err != nil {
			return nil, err
		}
	}
	if in.Oracles != nil {
		arm.Oracle = in.Oracles[i]
	}
	verdict := &in.Verdict.Arms[i]
	arm.Validity = Validity{
		Absolute:    verdict.Absolute,
		Reasons:     notNil(verdict.Reasons),
		WarmupCutNs: verdict.WarmupCutNs,
		P99Interval: verdict.P99Interval,
	}
	return arm, nil
}

func encode(h *hdrhistogram.Histogram) (string, error) {
	encoded, err := h.Encode(hdrhistogram.V2CompressedEncodingCookieBase)
	return string(encoded), err
}

func paired(v validity.Verdict) Paired {
	p := Paired{Reasons: notNil(v.PairedReasons)}
	if v.Paired != "" {
		p.Grade = &v.Paired
	}
	return p
}

func notNil(reasons []validity.Reason) []validity.Reason {
	if reasons == nil {
		return []validity.Reason{}
	}
	return reasons
}

func generator(in Input) Generator {
	u := in.Usage
	return Generator{
		CPUNs:               u.CPUNs,
		BusyRatio:           busyRatio(u, in.ThreadNs),
		VoluntarySwitches:   u.VoluntarySwitches,
		InvoluntarySwitches: u.InvoluntarySwitches,
		CPUs:                append([]int{}, in.CPUs...),
		Threads:             in.Threads,
		Scheduling:          in.Scheduling,
		RunQueueNs:          known(u.RunQueueNs),
		StealNs:             known(u.StealNs),
		LargestGapNs:        u.LargestGapNs,
		ClockReadNs:         u.ClockReadNs,
		KernelStamps:        in.Stamped,
	}
}

func known(ns int64) *int64 {
	if ns == engine.Unknown {
		return nil
	}
	return &ns
}

// busyRatio is kept within 0 … 1: the empty polls are timed by the wall clock,
// the rest by CPU time, so that the difference can stray a little.
func busyRatio(u engine.Usage, threadNs int64) float64 {
	return min(max(float64(u.CPUNs-u.EmptyPollNs)/float64(threadNs), 0), 1)
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

package hlog

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// As package record has them.
const (
	highestNs = int64(time.Minute)
	digits    = 3
)

// value draws latencies over ten decades, often the extremes, and is kept in
// range as the recorder does.
func value(r *rand.Rand) int64 {
	switch r.IntN(20) {
	case 0:
		return 1
	case 1:
		return highestNs
	case 2:
		return min(highestNs+r.Int64N(math.MaxInt64-highestNs), highestNs)
	}
	return int64(math.Exp(r.Float64() * math.Log(float64(highestNs))))
}

var tags = []string{"epoll.observed.latency", "epoll.observed.sendLag", "io_uring.observed.latency", ""}

// shards are logs of the same seconds, as several programs would write them.
func shards(r *rand.Rand, count int) (logs []*Log, values map[string][]int64) {
	values = map[string][]int64{}
	for shard := range count {
		log := &Log{StartedMs: 1_790_000_000_000 + int64(r.IntN(3))*1000}
		for second := range int64(2) {
			for _, tag := range tags {
				h := hdrhistogram.New(1, highestNs, digits)
				for range r.IntN(60) {
					v := value(r)
					values[tag] = append(values[tag], v)
					_ = h.RecordValue(v)
				}
				start := second*1000 + int64(shard%2) // some do not begin together
				log.Intervals = append(log.Intervals, Interval{Tag: tag, StartMs: start, EndMs: start + 1000, Histogram: h})
			}
		}
		logs = append(logs, log)
	}
	return logs, values
}

func written(t *testing.T, log *Log) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := log.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func parsed(t *testing.T, text []byte) *Log {
	t.Helper()
	log, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return log
}

func TestMergedShardsAreTheHistogramOfTheUnion(t *testing.T) {
	for seed, count := range []int{2, 2, 3, 5, 8, 17, 64} {
		r := rand.New(rand.NewPCG(uint64(seed), 9))
		logs, values := shards(r, count)
		for i := range logs {
			logs[i] = parsed(t, written(t, logs[i]))
		}
		merged, err := Merge(logs...)
		if err != nil {
			t.Fatal(err)
		}
		fromMerged, err := Totals(parsed(t, written(t, merged)))
		if err != nil {
			t.Fatal(err)
		}
		r.Shuffle(len(logs), func(i, j int) { logs[i], logs[j] = logs[j], logs[i] })
		fromShards, err := Totals(logs...)
		if err != nil {
			t.Fatal(err)
		}
		for _, totals := range [][]Total{fromMerged, fromShards} {
			if len(totals) != len(tags) {
				t.Fatalf("seed %d: %d tags, want %d", seed, len(totals), len(tags))
			}
			for _, total := range totals {
				union := hdrhistogram.New(1, highestNs, digits)
				for _, v := range values[total.Tag] {
					_ = union.RecordValue(v)
				}
				if !slices.Equal(total.Export().Counts, union.Export().Counts) || total.TotalCount() != int64(len(values[total.Tag])) {
					t.Errorf("seed %d, %d shards, tag %q: %d values, want the %d of the union in the same buckets",
						seed, count, total.Tag, total.TotalCount(), len(values[total.Tag]))
				}
			}
		}
	}
}

func TestMergeJoinsEqualStartsAndTags(t *testing.T) {
	logs, _ := shards(rand.New(rand.NewPCG(1, 1)), 4)
	merged, err := Merge(logs...)
	if err != nil {
		t.Fatal(err)
	}
	// Two kinds of start, two seconds, four tags.
	if len(merged.Intervals) != 2*2*len(tags) {
		t.Errorf("%d intervals, want %d", len(merged.Intervals), 2*2*len(tags))
	}
	if !slices.IsSortedFunc(merged.Intervals, func(a, b Interval) int { return int(a.StartMs - b.StartMs) }) {
		t.Error("the intervals are not in order of start")
	}
	least := logs[0].StartedMs
	for _, log := range logs {
		least = min(least, log.StartedMs)
	}
	again := parsed(t, written(t, merged))
	if again.StartedMs != least {
		t.Errorf("started at %d, want the earliest, %d", again.StartedMs, least)
	}
	for i, interval := range again.Intervals {
		m := merged.Intervals[i]
		if interval.Tag != m.Tag || interval.StartMs != m.StartMs || interval.EndMs != m.EndMs || !interval.Equals(m.Histogram) {
			t.Fatalf("line %d was read back as %q %d–%d ms, want %q %d–%d ms", i, interval.Tag, interval.StartMs, interval.EndMs,
				m.Tag, m.StartMs, m.EndMs)
		}
	}
}

func TestTimesAreReadToTheMillisecond(t *testing.T) {
	for ms := range int64(100_000) {
		if got := milliseconds(fmt.Sprintf("%f", float64(ms)/1000)); got != ms {
			t.Fatalf("%d ms were read as %d", ms, got)
		}
	}
}

func TestBadLogsAreRefused(t *testing.T) {
	logs, _ := shards(rand.New(rand.NewPCG(2, 2)), 1)
	whole := string(written(t, logs[0]))
	last := strings.LastIndex(strings.TrimSuffix(whole, "\n"), "\n") + 1
	payload := strings.LastIndex(whole, ",") + 1
	header := whole[:strings.Index(whole, "Tag=")]
	for _, test := range []struct{ name, text, want string }{
		{"empty", "", "empty"},
		{"something else", "<html>", "no histogram log"},
		{"a binary", "\x1c\x84\x93\x04", "no histogram log"},
		{"no interval", header, "no interval"},
		{"cut in a line", whole[:last+20], "cut short"},
		{"cut in a line, mended by an editor", whole[:last+8] + "\n", "START,LENGTH,MAX,HISTOGRAM"},
		{"cut in a histogram, mended by an editor", whole[:len(whole)-9] + "\n", "damaged"},
		{"another byte in a histogram", whole[:payload+40] + "AAAA" + whole[payload+44:], "damaged"},
		{"another unit", strings.Replace(whole, "in ns", "in us", 1), "unit"},
		{"a base time", "#[BaseTime: 1790000000 (seconds since epoch)]\n" + whole, "base time"},
	} {
		if _, err := Parse([]byte(test.text)); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want …%s…", test.name, err, test.want)
		}
	}
	if _, err := Read(filepath.Join(t.TempDir(), "none.hlog")); !os.IsNotExist(err) {
		t.Errorf("a missing file: got %v", err)
	}
}

func TestOtherParametersAreRefused(t *testing.T) {
	one := &Log{Intervals: []Interval{{Tag: "a", Histogram: hdrhistogram.New(1, highestNs, 3)}}}
	for _, other := range []*hdrhistogram.Histogram{
		hdrhistogram.New(1, highestNs, 2), hdrhistogram.New(1, highestNs*2, 3), hdrhistogram.New(1000, highestNs, 3),
	} {
		two := &Log{Intervals: []Interval{{Tag: "a", Histogram: other}}}
		if _, err := Totals(one, two); err == nil || !strings.Contains(err.Error(), "want equal ones") {
			t.Errorf("totals: got %v", err)
		}
		if _, err := Merge(one, two); err == nil || !strings.Contains(err.Error(), "want equal ones") {
			t.Errorf("merge: got %v", err)
		}
	}
}

func TestPercentileFile(t *testing.T) {
	h := hdrhistogram.New(1, highestNs, digits)
	for i := range int64(10_000) {
		_ = h.RecordValue((i + 1) * 1000)
	}
	var b bytes.Buffer
	if err := WritePercentiles(&b, "epoll.observed.latency", h); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(b.String(), "\n")
	if !reflect.DeepEqual(strings.Fields(lines[0]), []string{"Value", "Percentile", "TotalCount", "1/(1-Percentile)"}) || lines[1] != "" {
		t.Errorf("the file begins with %q", lines[:2])
	}
	var before float64
	rows := 0
	for _, line := range lines[2:] {
		if strings.HasPrefix(line, "#") || line == "" {
			continue
		}
		var us, quantile float64
		var count int64
		if n, err := fmt.Sscan(line, &us, &quantile, &count); n != 3 {
			t.Fatalf("%q: %v", line, err)
		}
		if want := float64(h.ValueAtPercentile(100*quantile)) / 1000; us < before || us < want*0.998 || us > want*1.002 {
			t.Errorf("%v µs at %v, want %v", us, quantile, want)
		}
		before = us
		rows++
	}
	if rows < 40 || before != 10002.431 {
		t.Errorf("%d rows up to %v µs, want at least 40 up to 10002.431", rows, before)
	}
	for _, want := range []string{"#[Mean    =     5000.505", "Total count    =        10000]", "#[Buckets =           26, SubBuckets     =         2048]",
		"#[Tag epoll.observed.latency; values in microseconds]"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is not in\n%s", want, b.String())
		}
	}
}

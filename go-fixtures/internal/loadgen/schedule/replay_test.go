package schedule

import (
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

func TestRecordingIsRead(t *testing.T) {
	got, err := ReadReplay(strings.NewReader("# from production\n0\n\n  7\t1 # arm only\r\n7 63 4294967295\n9223372036854775807 0 0"))
	want := []Recorded{
		{AtNs: 0, Arm: -1, Key: -1, Line: 2},
		{AtNs: 7, Arm: 1, Key: -1, Line: 4},
		{AtNs: 7, Arm: 63, Key: 4294967295, Line: 5},
		{AtNs: 9223372036854775807, Arm: 0, Key: 0, Line: 6},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
}

func TestWhatIsNoRecordingIsNamedWithItsLine(t *testing.T) {
	for text, want := range map[string]string{
		"":                                   `line 1: saw no request in the whole file, allowed: "atNs [arm [key]]", one request a line`,
		"# nothing\n":                        `line 1: saw no request in the whole file, allowed: "atNs [arm [key]]", one request a line`,
		"0\n5\n\n4\n":                        `line 4: saw atNs 4, allowed: 5 or later, as the line before`,
		"-1\n":                               `line 1: saw atNs "-1", allowed: atNs as an integer 0 … 9223372036854775807`,
		"9223372036854775808\n":              `line 1: saw atNs "9223372036854775808", allowed: atNs as an integer 0 …`,
		"0\n1.5\n":                           `line 2: saw atNs "1.5", allowed: atNs as an integer 0 …`,
		"1e3\n":                              `line 1: saw atNs "1e3", allowed: atNs as an integer 0 …`,
		"+1\n":                               `line 1: saw atNs "+1", allowed: atNs as an integer 0 …`,
		"0 64\n":                             `line 1: saw arm "64", allowed: arm as an integer 0 … 63`,
		"0 -1\n":                             `line 1: saw arm "-1", allowed: arm as an integer 0 … 63`,
		"0 b\n":                              `line 1: saw arm "b", allowed: arm as an integer 0 … 63`,
		"0 0 4294967296\n":                   `line 1: saw key "4294967296", allowed: key as an integer 0 … 4294967295`,
		"0 0 0 0\n":                          `line 1: saw 4 fields, allowed: "atNs [arm [key]]", one request a line`,
		"GET / HTTP/1.1\n":                   `line 1: saw atNs "GET", allowed: atNs as an integer 0 …`,
		"0\n" + strings.Repeat("1", 100_000): `line 2: saw a line of more than 65536 bytes, allowed: "atNs [arm [key]]"`,
	} {
		recorded, err := ReadReplay(strings.NewReader(text))
		var line *LineError
		if recorded != nil || !errors.As(err, &line) || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%.40q:\n got %v\nwant %s", text, err, want)
		}
	}
	var line *LineError
	if _, err := ReadReplay(iotest.ErrReader(io.ErrUnexpectedEOF)); err != io.ErrUnexpectedEOF || errors.As(err, &line) {
		t.Errorf("got %v, want the error of the reader as it is", err)
	}
}

func TestARecordingHasALimit(t *testing.T) {
	if recorded, err := readReplay(strings.NewReader("0\n1\n"), 2); err != nil || len(recorded) != 2 {
		t.Errorf("got %+v, %v, want two requests", recorded, err)
	}
	_, err := readReplay(strings.NewReader("0\n1\n# and\n2\n"), 2)
	if want := "line 4: saw one more request, allowed: up to 2 requests"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// A schedule written down and played again is the same schedule.
func TestReplayOfAScheduleIsTheSchedule(t *testing.T) {
	for name, c := range allKinds() {
		entries := Plan(c)
		var text strings.Builder
		for _, e := range entries {
			fmt.Fprintln(&text, e.AtNs, e.Arm, e.Key)
		}
		recorded, err := ReadReplay(strings.NewReader(text.String()))
		if err != nil {
			t.Fatal(err)
		}
		again := Plan(Config{Seed: 77, Duration: c.Duration, Arms: c.Arms, Interleave: Request, Keys: c.Keys,
			Arrivals: Arrivals{Kind: Replay, Recorded: recorded}})
		if !reflect.DeepEqual(entries, again) {
			t.Errorf("%s: the replay differs", name)
		}
	}
}

func TestReplayLeavesOutWhatComesAfterThePhase(t *testing.T) {
	c := Config{Duration: 10 * time.Nanosecond, Arms: 1, Interleave: Request, Arrivals: Arrivals{Kind: Replay,
		Recorded: []Recorded{{0, -1, -1, 1}, {9, -1, -1, 2}, {10, -1, -1, 3}}}}
	if got := Plan(c); len(got) != 2 || got[1].AtNs != 9 || ExpectedCount(c) != 2 {
		t.Errorf("got %+v and %v expected, want the first two", got, ExpectedCount(c))
	}
}

func TestReplayDrawsWhatWasNotRecorded(t *testing.T) {
	c := allKinds()["replay"]
	bare := with(c, func(c *Config) {
		c.Arrivals.Recorded = append([]Recorded(nil), c.Arrivals.Recorded...)
		for i := range c.Arrivals.Recorded {
			c.Arrivals.Recorded[i].Arm, c.Arrivals.Recorded[i].Key = -1, -1
		}
	})
	drawn := Plan(bare)
	for i, e := range Plan(c) {
		recorded := c.Arrivals.Recorded[i]
		if want := recorded.Arm; want >= 0 && int(e.Arm) != want || want < 0 && e.Arm != drawn[i].Arm {
			t.Fatalf("request %d of %+v goes to arm %d", i, recorded, e.Arm)
		}
		if want := recorded.Key; want >= 0 && int64(e.Key) != want || want < 0 && e.Key != drawn[i].Key {
			t.Fatalf("request %d of %+v has key %d", i, recorded, e.Key)
		}
	}
	// In a run the stretches decide.
	run := with(c, func(c *Config) { c.Interleave = Run })
	entries := Plan(run)
	for _, leg := range Legs(run, entries) {
		for _, e := range entries[leg.First:leg.End] {
			if int(e.Arm) != leg.Arm {
				t.Fatalf("%+v holds %+v", leg, e)
			}
		}
	}
}

func FuzzReadReplay(f *testing.F) {
	for _, seed := range []string{"0\n1 2 3\n", "# c\n5\t1", "9\n8\n", "-1", "0 0 0 0", "\r\n7 1 # x\r\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		recorded, err := ReadReplay(strings.NewReader(text))
		if (err == nil) == (len(recorded) == 0) {
			t.Fatalf("%d requests and error %v", len(recorded), err)
		}
		last := Recorded{}
		for _, one := range recorded {
			if one.AtNs < last.AtNs || one.Line <= last.Line || one.Arm < -1 || one.Arm >= MaxArms || one.Key < -1 || one.Key >= 1<<32 {
				t.Fatalf("%+v after %+v", one, last)
			}
			last = one
		}
	})
}

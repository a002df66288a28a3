package knob

import (
	"flag"
	"testing"
	"time"
)

func turned(t testing.TB, args ...string) *Knobs {
	t.Helper()
	flags := flag.NewFlagSet("test", flag.ContinueOnError)
	k := New(flags)
	if err := flags.Parse(args); err != nil {
		t.Fatal(err)
	}
	k.Turn()
	return k
}

func TestEveryKnobDoesWhatItSays(t *testing.T) {
	const requests = 100
	run := func(args ...string) (*Knobs, time.Duration) {
		k := turned(t, args...)
		begin := time.Now()
		for range requests {
			k.Request()
		}
		return k, time.Since(begin)
	}
	if k, _ := run(); k.requests.Load() != 0 {
		t.Error("without a knob a request does something")
	}
	if k, _ := run("-knob-spin=10"); k.sink.Load() != steps(requests, 10) {
		t.Errorf("the last result is %d, want that of ten steps", k.sink.Load())
	}
	// A sleep is never shorter than asked for.
	if _, took := run("-knob-tail-every=50", "-knob-tail-sleep=5ms"); took < 10*time.Millisecond {
		t.Errorf("two of a hundred requests slept for %v, want 10 ms", took)
	}
	k := turned(t, "-knob-allocs=7")
	if allocated := testing.AllocsPerRun(requests, k.Request); allocated != 7 {
		t.Errorf("%v objects for each request, want 7", allocated)
	}
}

func BenchmarkRequest(b *testing.B) {
	for _, args := range [][]string{nil, {"-knob-spin=1000"}} {
		k := turned(b, args...)
		b.Run(flagsName(args), func(b *testing.B) {
			for b.Loop() {
				k.Request()
			}
		})
	}
}

func flagsName(args []string) string {
	if len(args) == 0 {
		return "off"
	}
	return args[0]
}

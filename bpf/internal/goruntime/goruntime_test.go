package goruntime

import (
	"bufio"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"pollgate/bpf/internal/gosym"
	"pollgate/bpf/internal/target"
)

// standing starts testdata/standing, whose goroutines wait until the test ends.
func standing(t *testing.T) (*Reader, *target.Target) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "standing")
	if out, err := exec.Command("go", "build", "-o", path, "./testdata/standing").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	process := exec.Command(path)
	input, err := process.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	output, err := process.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		input.Close()
		process.Wait()
	})
	if _, err := bufio.NewReader(output).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	targets, err := target.Open([]target.Spec{{Name: "it", PID: process.Process.Pid}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { target.Close(targets) })
	layout, err := targets[0].Binary.Goroutine()
	if err != nil {
		t.Fatal(err)
	}
	reader, err := Open(targets[0], layout)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { reader.Close() })
	// The last one may have said that it begins, and not yet wait.
	for waiting := uint64(0); waiting < waitingHere; {
		looks := Looks{Reader: reader}
		looks.Look()
		waiting = looks.Places.at(targets[0], "main.waitHere").Count
	}
	return reader, targets[0]
}

// waitingHere is the number of goroutines in testdata/standing.
const waitingHere = 17

// at is the place of the goroutines that wait for a channel in a function.
func (p Places) at(process *target.Target, function string) Place {
	name := func(stack []uint64) (frames []gosym.Frame) {
		for _, address := range stack {
			frames = append(frames, process.FrameAt(address-1))
		}
		return frames
	}
	for _, place := range p.Sorted(name) {
		if slices.ContainsFunc(place.Frames, func(f gosym.Frame) bool { return f.Function == function }) {
			return place
		}
	}
	return Place{}
}

func TestLooksAreSummedByPlace(t *testing.T) {
	const most = 3
	reader, process := standing(t)
	looks := Looks{Reader: reader}
	for looks.Taken < most {
		looks.Look() // Most calls find that the rest is not over.
	}
	if found := looks.Places.at(process, "main.waitHere"); found.Count != most*waitingHere || found.State != Waiting {
		t.Fatalf("%+v, want %d looks at %d goroutines in waitHere", found, most, waitingHere)
	}
	counts, err := reader.Counts()
	if err != nil || counts[Waiting] < waitingHere {
		t.Errorf("%v %v, want at least %d that wait", counts, err, waitingHere)
	}
}

func TestLooksRestForAHundredTimesWhatTheyTook(t *testing.T) {
	var rest Rest
	begin := time.Unix(1000, 0)
	for _, took := range []time.Duration{time.Microsecond, 10 * time.Millisecond} {
		rest.Begin(begin, begin.Add(took))
		least := max(shortestRest/2, restFactor*took)
		if rest.Over(begin.Add(took+least-1)) || !rest.Over(begin.Add(took+max(least, 3*shortestRest/2))) {
			t.Errorf("after a look of %v the rest is not at least %v", took, least)
		}
	}
}

package main

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"pollgate/go-fixtures/internal/fixture"
	"pollgate/go-fixtures/internal/fixturetest"
)

// serverBinary is the fixture, built for these tests.
var serverBinary string

func TestMain(m *testing.M) { fixturetest.Main(m, &serverBinary) }

func TestListNamesEveryFaultWithItsLoadAndItsFile(t *testing.T) {
	code, stdout, stderr := fixturetest.Run(t, serverBinary, "--list")
	if code != 0 || stderr != "" {
		t.Fatalf("exit %d, stderr %q; want 0 and nothing", code, stderr)
	}
	var list []struct {
		Name, Expect, LookAt                         string
		Arguments, TwinArguments, Needs              []string
		RatePerSec, Connections, VisibleAfterSeconds int
	}
	decoder := json.NewDecoder(strings.NewReader(stdout))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&list); err != nil {
		t.Fatal(err)
	}
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	kebab := regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)+$|^[a-z]+$`)
	for _, f := range list {
		if !kebab.MatchString(f.Name) || !kebab.MatchString(f.Expect) || f.LookAt == "" || f.Needs == nil ||
			f.RatePerSec <= 0 || f.Connections <= 0 || f.VisibleAfterSeconds <= 0 ||
			strings.Join(f.Arguments, " ") != "--fault "+f.Name ||
			strings.Join(f.TwinArguments, " ") != "--fault "+f.Name+" --correct" {
			t.Errorf("incomplete: %+v", f)
		}
		file := "internal/fault/" + strings.ReplaceAll(f.Name, "-", "") + ".go"
		if source, err := os.ReadFile(file); err != nil || !strings.Contains(string(source), "\n// "+f.Name) {
			t.Errorf("%s has no comment on %s (%v)", file, f.Name, err)
		}
		if !strings.Contains(string(readme), "| `"+f.Name+"` |") {
			t.Errorf("the README's table has no %s", f.Name)
		}
		if evidence[f.Name] == nil {
			t.Errorf("no test shows the evidence of %s", f.Name)
		}
	}
	if len(list) != len(evidence) {
		t.Errorf("%d faults, %d tests of evidence", len(list), len(evidence))
	}
}

func TestWrongFaultsAreUsageErrors(t *testing.T) {
	for _, test := range []struct {
		arguments []string
		want      string
	}{
		{nil, "give --fault NAME, or --list"},
		{[]string{"--fault", "no-such"}, `--fault "no-such" is none of the faults: connection-leak, file-leak,`},
		{[]string{"--fault", "spin,"}, `--fault "" is none of the faults`},
		{[]string{"--fault", "spin,file-leak,spin"}, "names spin twice"},
		{[]string{"--fault", "gomaxprocs-too-low,gomaxprocs-above-quota"}, "both set GOMAXPROCS"},
		{[]string{"--fault", "idle-connections", "--idle-connections", "0"}, "not between 1 and 28000"},
	} {
		code, stdout, stderr := fixturetest.Run(t, serverBinary, test.arguments...)
		if code != fixture.ExitUsage || stdout != "" || !strings.Contains(stderr, test.want) {
			t.Errorf("%v: exit %d, stdout %q, stderr %q; want exit 2, …%s…", test.arguments, code, stdout, stderr, test.want)
		}
	}
}

func TestStorageWithoutADiskIsUnusable(t *testing.T) {
	code, stdout, stderr := fixturetest.Run(t, serverBinary, "--fault", "slow-storage", "--dir", "/proc/self")
	if code != fixture.ExitUnusable || stdout != "" || !strings.Contains(stderr, "choose another directory with --dir") {
		t.Errorf("exit %d, stdout %q, stderr %q; want exit 3 and the flag that mends it", code, stdout, stderr)
	}
}

func TestBlockProfileIsRecordedOnDemandOnly(t *testing.T) {
	t.Parallel()
	for _, asked := range []bool{false, true} {
		var further []string
		if asked {
			further = []string{"--profile-rates"}
		}
		s := start(t, "channel-wait", false, further...)
		s.drive(t, 4, 17) // Three of four wait for the worker, for milliseconds.
		profile := fixturetest.Get(t, s.Ready.PprofURL+"block?debug=1")
		if strings.Contains(string(profile), "fault.beginChannelWait") != asked {
			t.Errorf("--profile-rates given: %v; block profile:\n%s", asked, profile)
		}
		s.stop(t)
	}
}

func TestTwoFaultsAtOnceShowBoth(t *testing.T) {
	t.Parallel()
	const requests = 17
	s := start(t, "file-leak", false, "--fault", "file-leak,goroutine-leak")
	s.drive(t, 1, requests)
	if n := s.openFiles(t); n != requests {
		t.Errorf("%d files open, want %d", n, requests)
	}
	s.expectGoroutines(t, "fault.askReplica", requests)
}

func TestAServerThatWasKilledLeavesNoPeer(t *testing.T) {
	t.Parallel()
	// No other test has a peer with these settings.
	s := start(t, "http2-streams-refused,slow-peer", true)
	const settings = `{"kind":"http2","maxStreams":250}`
	s.drive(t, 1, 1)
	s.Signal(t, syscall.SIGKILL)
	s.Wait(t)
	expectNoPeer(t, settings)
}

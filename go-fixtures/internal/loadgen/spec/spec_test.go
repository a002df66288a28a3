package spec

import (
	"encoding/json"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"pollgate/go-fixtures/internal/loadgen/schedule"
	"pollgate/go-fixtures/internal/truthproto"
)

const full = `{"schema":2,"protocol":"http1","mode":"open",
 "arms":[{"name":"epoll","address":"127.0.0.1:4711"},{"name":"io_uring","address":"[::1]:80"}],
 "connectionsPerArm":64,"ratePerSec":4000.5,"arrivals":{"kind":"on-off","onMs":20,"offMs":180},"interleave":"request","sliceMs":50,
 "seed":"18446744073709551615",
 "http":{"method":"POST","path":"/a?b=c","headers":{"X-Test":"1"},"body":"{}","stamps":true,"expectStatus":404,"expectBody":""},
 "block":{"pages":16384},
 "truth":{"service":{"kind":"bimodal","ns":100000,"tailNs":10000000,"tailShare":0.01},"stalls":[{"atMs":0,"durationMs":100},{"atMs":100,"durationMs":1}]},
 "phases":[{"name":"warmup","durationMs":1000,"ratePerSec":10,"record":false},{"name":"unobserved","durationMs":5000,"interleave":"slice"}],
 "requestTimeoutMs":250,"connectTimeoutMs":2000,"cpus":[1,0]}`

const minimal = `{"schema":2,"protocol":"block-4k","arms":[{"name":"a","address":"127.0.0.1:1"}],"connectionsPerArm":1,
 "ratePerSec":1,"seed":"0","block":{"pages":1},"phases":[{"name":"p","durationMs":1}]}`

func TestEverySettingIsRead(t *testing.T) {
	got, err := Parse([]byte(full))
	if err != nil {
		t.Fatal(err)
	}
	empty, object := "", "{}"
	want := &Spec{
		Protocol: HTTP1, Mode: Open,
		Arms: []Arm{{"epoll", netip.MustParseAddrPort("127.0.0.1:4711")},
			{"io_uring", netip.MustParseAddrPort("[::1]:80")}},
		ConnectionsPerArm: 64, RatePerSec: 4000.5, Interleave: schedule.Request, SliceMs: 50, Seed: 1<<64 - 1,
		Arrivals: schedule.Arrivals{Kind: schedule.OnOff, OnNs: 20e6, OffNs: 180e6},
		HTTP: &HTTP{Method: "POST", Path: "/a?b=c", Headers: map[string]string{"X-Test": "1"},
			Body: &object, Stamps: true, ExpectStatus: 404, ExpectBody: &empty},
		Block: &Block{Pages: 16384},
		Truth: &Truth{Service: Service{Kind: truthproto.Bimodal, Ns: 100_000, TailNs: 10_000_000, TailShare: 0.01},
			Stalls: []Stall{{0, 100}, {100, 1}}},
		Phases: []Phase{{Name: "warmup", DurationMs: 1000, RatePerSec: 10, Interleave: schedule.Request},
			{Name: "unobserved", DurationMs: 5000, RatePerSec: 4000.5, Interleave: schedule.Slice, Record: true}},
		RequestTimeoutMs: 250, ConnectTimeoutMs: 2000, CPUs: []int{1, 0},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if got.RequestTimeout() != 250*time.Millisecond || got.ConnectTimeout() != 2*time.Second ||
		got.Phases[1].Duration() != 5*time.Second {
		t.Error("durations are not in milliseconds")
	}
}

func TestDefaults(t *testing.T) {
	got, err := Parse([]byte(minimal))
	if err != nil {
		t.Fatal(err)
	}
	if got.Mode != Open || got.Arrivals.Kind != schedule.Poisson || got.Interleave != schedule.Slice || got.SliceMs != 100 ||
		got.RequestTimeoutMs != 5000 || got.ConnectTimeoutMs != 5000 || got.CPUs != nil || got.HTTP != nil ||
		got.Truth != nil || got.Search != nil || !got.Phases[0].Record || got.Phases[0].RatePerSec != 1 {
		t.Errorf("got %+v", got)
	}
	got, err = Parse([]byte(strings.NewReplacer("block-4k", "http1", "block", "http", `{"pages":1}`, `{}`).Replace(minimal)))
	if err != nil {
		t.Fatal(err)
	}
	if h := got.HTTP; h.Method != "GET" || h.Path != "/" || h.Headers != nil || h.Body != nil || h.Stamps ||
		h.ExpectStatus != 200 || h.ExpectBody != nil {
		t.Errorf("got %+v", *h)
	}
}

func TestModesAndArrivals(t *testing.T) {
	recording := filepath.Join(t.TempDir(), "recording.txt")
	if err := os.WriteFile(recording, []byte("0\n5 0 0\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	quoted, _ := json.Marshal(recording)
	for name, test := range map[string]struct {
		changes []string
		want    func(s *Spec) bool
	}{
		"closed": {[]string{"mode", `"closed"`, "ratePerSec", ""}, func(s *Spec) bool {
			return s.Mode == Closed && s.RatePerSec == 0 && s.Arrivals.Kind == "" && s.Phases[0].RatePerSec == 0
		}},
		"constant": {[]string{"arrivals", `{"kind":"constant"}`}, func(s *Spec) bool {
			return s.Arrivals.Kind == schedule.Constant
		}},
		"ramp": {[]string{"arrivals", `{"kind":"ramp","toRatePerSec":20.5}`}, func(s *Spec) bool {
			return s.Arrivals.Kind == schedule.Ramp && s.Arrivals.ToRatePerSec == 20.5 && s.Phases[0].RatePerSec == 1
		}},
		"replay": {[]string{"arrivals", `{"kind":"replay","file":` + string(quoted) + `}`, "ratePerSec", ""}, func(s *Spec) bool {
			return reflect.DeepEqual(s.Arrivals.Recorded, []schedule.Recorded{{AtNs: 0, Arm: -1, Key: -1, Line: 1},
				{AtNs: 5, Arm: 0, Key: 0, Line: 2}}) && s.RatePerSec == 0 && s.Phases[0].RatePerSec == 0
		}},
		"run": {[]string{"interleave", `"run"`, "arms", `[{"name":"a","address":"127.0.0.1:1"},{"name":"b","address":"127.0.0.1:2"}]`}, func(s *Spec) bool {
			return s.Interleave == schedule.Run
		}},
		"search": {[]string{"search", `{"sloP99Ns":1000000,"fromRatePerSec":1,"toRatePerSec":2.5}`, "ratePerSec", "", "phases", ""}, func(s *Spec) bool {
			return *s.Search == Search{SLOP99Ns: 1e6, FromRatePerSec: 1, ToRatePerSec: 2.5, ProbeMs: 5000, MaxProbes: 12} &&
				s.Search.Probe() == 5*time.Second && s.RatePerSec == 0 && s.Phases == nil
		}},
		"search with all": {[]string{"search", `{"sloP99Ns":1,"fromRatePerSec":1,"toRatePerSec":2,"probeMs":100,"maxProbes":30}`,
			"ratePerSec", "", "phases", "", "arrivals", `{"kind":"constant"}`}, func(s *Spec) bool {
			return *s.Search == Search{SLOP99Ns: 1, FromRatePerSec: 1, ToRatePerSec: 2, ProbeMs: 100, MaxProbes: 30}
		}},
		"fixed": {[]string{"protocol", `"truth"`, "truth", `{"service":{"kind":"fixed","ns":0}}`}, func(s *Spec) bool {
			return s.Protocol == TruthProtocol && s.Truth.Service == Service{Kind: truthproto.Fixed} && s.Truth.Stalls == nil
		}},
		"exponential": {[]string{"protocol", `"truth"`, "truth", `{"service":{"kind":"exponential","meanNs":200000}}`}, func(s *Spec) bool {
			return s.Truth.Service == Service{Kind: truthproto.Exponential, MeanNs: 200_000}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := Parse(with(t, minimal, test.changes...))
			if err != nil {
				t.Fatal(err)
			}
			if !test.want(s) {
				t.Errorf("got %+v", s)
			}
		})
	}
}

func TestWhatIsWrongIsNamed(t *testing.T) {
	for _, test := range []struct{ key, value, want string }{
		{"schema", `1`, `$.schema: saw 1, allowed: integer 2`},
		{"schema", ``, `$.schema: saw nothing, allowed: integer 2`},
		{"protocol", `"http2"`, `$.protocol: saw "http2", allowed: "http1", "block-4k", "truth"`},
		{"protocol", `1`, `$.protocol: saw 1, allowed: "http1", "block-4k", "truth"`},
		{"mode", `"half-open"`, `$.mode: saw "half-open", allowed: "open", "closed"`},
		{"connectionsPerArm", `0`, `$.connectionsPerArm: saw 0, allowed: integer 1 … 65536`},
		{"connectionsPerArm", `1.5`, `$.connectionsPerArm: saw 1.5, allowed: integer 1 … 65536`},
		{"connectionsPerArm", `"64"`, `$.connectionsPerArm: saw "64", allowed: integer 1 … 65536`},
		{"ratePerSec", `0`, `$.ratePerSec: saw 0, allowed: number 1 … 2000000`},
		{"ratePerSec", `1e400`, `$.ratePerSec: saw 1e400, allowed: number 1 … 2000000`},
		{"ratePerSec", `1e-3`, `$.ratePerSec: saw 1e-3, allowed: number 1 … 2000000`},
		{"ratePerSec", ``, `$.ratePerSec: saw nothing, allowed: number 1 … 2000000`},
		{"arrivals", `"poisson"`, `$.arrivals: saw "poisson", allowed: an object`},
		{"arrivals", `{}`, `$.arrivals.kind: saw nothing, allowed: "poisson", "constant", "on-off", "ramp", "replay"`},
		{"arrivals", `{"kind":"burst","onMs":1}`, `$.arrivals.kind: saw "burst", allowed: "poisson",`},
		{"arrivals", `{"kind":"poisson","onMs":1}`, `$.arrivals.onMs: saw 1, allowed: no such setting; known are kind`},
		{"arrivals", `{"kind":"on-off","onMs":0,"offMs":1}`, `$.arrivals.onMs: saw 0, allowed: integer 1 … 600000`},
		{"arrivals", `{"kind":"on-off","onMs":1}`, `$.arrivals.offMs: saw nothing, allowed: integer 1 … 600000`},
		{"arrivals", `{"kind":"ramp","toRatePerSec":0}`, `$.arrivals.toRatePerSec: saw 0, allowed: number 1 … 2000000`},
		{"interleave", `"runs"`, `$.interleave: saw "runs", allowed: "slice", "request", "run"`},
		{"sliceMs", `-1`, `$.sliceMs: saw -1, allowed: integer 1 … 60000`},
		{"seed", `12345`, `$.seed: saw 12345, allowed: a decimal number 0 … 18446744073709551615 as a string, such as "12345"`},
		{"seed", `"+1"`, `$.seed: saw "+1", allowed: a decimal number`},
		{"seed", `"18446744073709551616"`, `$.seed: saw "18446744073709551616", allowed: a decimal number`},
		{"requestTimeoutMs", `60001`, `$.requestTimeoutMs: saw 60001, allowed: integer 1 … 60000`},
		{"connectTimeoutMs", `0`, `$.connectTimeoutMs: saw 0, allowed: integer 1 … 60000`},
		{"cpus", `1`, `$.cpus: saw 1, allowed: a list of 1 … 64 integers`},
		{"cpus", `[]`, `$.cpus: saw [], allowed: a list of 1 … 64 integers`},
		{"cpus", `[0,-1]`, `$.cpus[1]: saw -1, allowed: integer 0 … 1023`},
		{"cpus", `["0"]`, `$.cpus[0]: saw "0", allowed: integer 0 … 1023`},
		{"cpus", `[2,0,2]`, `$.cpus[2]: saw 2, allowed: an integer that is not in the list yet`},
		{"cpu", `1`, `$.cpu: saw 1, allowed: no such setting; known are arms, arrivals,`},
		{"arms", `[]`, `$.arms: saw [], allowed: a list of 1 … 64 objects`},
		{"arms", `{}`, `$.arms: saw {}, allowed: a list of 1 … 64 objects`},
		{"arms", `[7]`, `$.arms[0]: saw 7, allowed: an object`},
		{"arms", `[{"name":"a b","address":"127.0.0.1:1"}]`, `$.arms[0].name: saw "a b", allowed: 1 … 64 letters`},
		{"arms", `[{"name":"a","address":"localhost:1"}]`, `$.arms[0].address: saw "localhost:1", allowed: IP address and port`},
		{"arms", `[{"name":"a","address":"127.0.0.1:0"}]`, `$.arms[0].address: saw "127.0.0.1:0", allowed: IP address and port`},
		{"arms", `[{"name":"a","address":"127.0.0.1:1"},{"name":"a","address":"127.0.0.1:2"}]`,
			`$.arms[1].name: saw "a", allowed: a name that no other has`},
		{"arms", `[{"name":"a","address":"127.0.0.1:1","adress":"127.0.0.1:1"}]`,
			`$.arms[0].adress: saw "127.0.0.1:1", allowed: no such setting; known are address, name`},
		{"http", ``, `$.http: saw nothing, allowed: an object (the protocol needs it)`},
		{"http", `[]`, `$.http: saw [], allowed: an object`},
		{"http", `{"method":"TRACE"}`, `$.http.method: saw "TRACE", allowed: "GET", "HEAD", "OPTIONS", "DELETE", "POST", "PUT", "PATCH"`},
		{"http", `{"body":""}`, `$.http.body: saw "", allowed: nothing with GET: only POST, PUT and PATCH carry a body`},
		{"http", `{"method":"DELETE","body":"x"}`, `$.http.body: saw "x", allowed: nothing with DELETE`},
		{"http", `{"method":"PUT","body":["x"]}`, `$.http.body: saw ["x"], allowed: a string`},
		{"http", `{"method":"PUT","body":"` + strings.Repeat("x", maxBodyBytes+1) + `"}`, `$.http.body: saw "` + strings.Repeat("x", 199) + `…, allowed: up to 1048576 bytes, not 1048577`},
		{"http", `{"stamps":1}`, `$.http.stamps: saw 1, allowed: true or false`},
		{"http", `{"headers":{"Pollgate-Stamps":"1"}}`, `$.http.headers.Pollgate-Stamps: saw "1", allowed: no such header`},
		{"http", `{"path":"x"}`, `$.http.path: saw "x", allowed: printable ASCII`},
		{"http", `{"path":"/a b"}`, `$.http.path: saw "/a b", allowed: printable ASCII`},
		{"http", `{"headers":[]}`, `$.http.headers: saw [], allowed: an object of strings`},
		{"http", `{"headers":{"X":1}}`, `$.http.headers.X: saw 1, allowed: an HTTP header name`},
		{"http", `{"headers":{"X":"a\r\nY: b"}}`, `$.http.headers.X: saw "a\r\nY: b", allowed: an HTTP header name`},
		{"http", `{"headers":{"connection":"close"}}`, `$.http.headers.connection: saw "close", allowed: no such header`},
		{"http", `{"expectStatus":100}`, `$.http.expectStatus: saw 100, allowed: integer 200 … 599`},
		{"http", `{"expectBody":1}`, `$.http.expectBody: saw 1, allowed: a string`},
		{"block", `{"pages":4294967296}`, `$.block.pages: saw 4294967296, allowed: integer 1 … 4294967295`},
		{"truth", `{}`, `$.truth.service: saw nothing, allowed: an object`},
		{"truth", `{"service":{"kind":"pareto","alpha":2}}`, `$.truth.service.kind: saw "pareto", allowed: "fixed", "exponential", "bimodal"`},
		{"truth", `{"service":{"kind":"fixed","ns":-1}}`, `$.truth.service.ns: saw -1, allowed: integer 0 … 60000000000`},
		{"truth", `{"service":{"kind":"fixed","ns":1,"meanNs":1}}`, `$.truth.service.meanNs: saw 1, allowed: no such setting; known are kind, ns`},
		{"truth", `{"service":{"kind":"exponential","meanNs":0}}`, `$.truth.service.meanNs: saw 0, allowed: integer 1 … 60000000000`},
		{"truth", `{"service":{"kind":"bimodal","ns":1,"tailNs":2,"tailShare":1.1}}`, `$.truth.service.tailShare: saw 1.1, allowed: number 0 … 1`},
		{"truth", `{"service":{"kind":"fixed","ns":1},"stalls":{}}`, `$.truth.stalls: saw {}, allowed: a list of 1 … 64 objects`},
		{"truth", `{"service":{"kind":"fixed","ns":1},"stalls":[{"atMs":-1,"durationMs":1}]}`, `$.truth.stalls[0].atMs: saw -1, allowed: integer 0 … 3600000`},
		{"phases", `[{"name":"p","durationMs":1,"ratePerSec":0}]`, `$.phases[0].ratePerSec: saw 0, allowed: number 1 … 2000000`},
		{"phases", `[{"name":"p","durationMs":10000,"ratePerSec":1000001}]`,
			`$.phases[0].durationMs: saw 10000, allowed: durationMs × ratePerSec of up to 10000000 requests, not 10000010`},
		{"phases", `[{"name":"p","durationMs":0}]`, `$.phases[0].durationMs: saw 0, allowed: integer 1 … 3600000`},
		{"phases", `[{"name":"p","durationMs":3600000}]`,
			`$.phases[0].durationMs: saw 3600000, allowed: durationMs × ratePerSec of up to 10000000 requests, not 14401800`},
		{"phases", `[{"name":"p","durationMs":1,"record":"yes"}]`, `$.phases[0].record: saw "yes", allowed: true or false`},
		{"phases", `[{"name":"p","durationMs":1},{"name":"p","durationMs":1}]`, `$.phases[1].name: saw "p", allowed: a name that no other has`},
		{"phases", `[{"name":"p","durationMs":1,"interleave":"run"}]`, `$.phases[0].interleave: saw "run", allowed: "slice", "request"`},
		{"rate", `1`, `$.rate: saw 1, allowed: no such setting; known are arms, arrivals, block, connectTimeoutMs,`},
	} {
		_, err := Parse(with(t, full, test.key, test.value))
		expectOne(t, test.key+" = "+test.value, err, test.want)
	}
}

// expectOne wants Errors with one error, whose text begins as given.
func expectOne(t *testing.T, name string, err error, want string) {
	t.Helper()
	var list Errors
	if !errors.As(err, &list) || len(list) != 1 || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("%.300s:\n got %.500v\nwant %.500s", name, err, want)
	}
}

// The minimal spec has one arm, protocol block-4k and a phase of 1 ms.
func TestWhatDoesNotGoTogetherIsNamed(t *testing.T) {
	const (
		twoArms = `[{"name":"a","address":"127.0.0.1:1"},{"name":"b","address":"127.0.0.1:2"}]`
		search  = `{"sloP99Ns":1,"fromRatePerSec":1,"toRatePerSec":2}`
		stalled = `{"service":{"kind":"fixed","ns":1},"stalls":[{"atMs":10,"durationMs":20},{"atMs":30,"durationMs":5}]}`
		overlap = `{"service":{"kind":"fixed","ns":1},"stalls":[{"atMs":10,"durationMs":20},{"atMs":29,"durationMs":5}]}`
		short   = `[{"name":"warmup","durationMs":1,"record":false},{"name":"p","durationMs":34}]`
		long    = `[{"name":"p","durationMs":35}]`
	)
	for _, test := range []struct {
		changes []string
		want    string
	}{
		{[]string{"mode", `"closed"`}, `$.ratePerSec: saw 1, allowed: nothing in mode "closed"`},
		{[]string{"mode", `"closed"`, "ratePerSec", "", "arrivals", `{"kind":"poisson"}`}, `$.arrivals: saw {"kind":"poisson"}, allowed: nothing in mode "closed"`},
		{[]string{"mode", `"closed"`, "ratePerSec", "", "search", search}, `$.search: saw {"fromRatePerSec":1,"sloP99Ns":1,"toRatePerSec":2}, allowed: nothing in mode "closed"`},
		{[]string{"mode", `"closed"`, "ratePerSec", "", "phases", `[{"name":"p","durationMs":1,"ratePerSec":1}]`}, `$.phases[0].ratePerSec: saw 1, allowed: nothing in mode "closed"`},
		{[]string{"mode", `"closed"`, "ratePerSec", "", "protocol", `"truth"`, "truth", stalled, "phases", long}, `$.truth.stalls: saw [{"atMs":10,"durationMs":20},{"atMs":30,"durationMs":5}], allowed: nothing in mode "closed"`},
		{[]string{"interleave", `"run"`, "arms", twoArms, "phases", `[{"name":"p","durationMs":1,"interleave":"slice"}]`},
			`$.phases[0].interleave: saw "slice", allowed: nothing in mode "closed", nor where all phases have "run"`},
		{[]string{"interleave", `"run"`}, `$.interleave: saw "run", allowed: "slice" or "request" with one arm: "run" needs at least 2`},
		{[]string{"search", search, "phases", ""}, `$.ratePerSec: saw 1, allowed: nothing beside a search`},
		{[]string{"search", search, "ratePerSec", ""}, `$.phases: saw [{"durationMs":1,"name":"p"}], allowed: nothing beside a search`},
		{[]string{"search", search, "ratePerSec", "", "phases", "", "arms", twoArms}, `$.arms: saw [{"address":"127.0.0.1:1","name":"a"},{"address":"127.0.0.1:2","name":"b"}], allowed: one arm with a search`},
		{[]string{"search", search, "ratePerSec", "", "phases", "", "arrivals", `{"kind":"on-off","onMs":1,"offMs":1}`}, `$.arrivals: saw {"kind":"on-off","offMs":1,"onMs":1}, allowed: kind "poisson" or "constant" with a search`},
		{[]string{"search", search, "ratePerSec", "", "phases", "", "protocol", `"truth"`, "truth", stalled}, `$.truth.stalls: saw [{"atMs":10,"durationMs":20},{"atMs":30,"durationMs":5}], allowed: nothing beside a search`},
		{[]string{"search", `{"sloP99Ns":1,"fromRatePerSec":2,"toRatePerSec":2}`, "ratePerSec", "", "phases", ""}, `$.search.toRatePerSec: saw 2, allowed: more than fromRatePerSec, 2`},
		{[]string{"search", `{"sloP99Ns":1,"fromRatePerSec":0,"toRatePerSec":2}`, "ratePerSec", "", "phases", ""}, `$.search.fromRatePerSec: saw 0, allowed: number 1 … 2000000`},
		{[]string{"search", `{"sloP99Ns":0,"fromRatePerSec":1,"toRatePerSec":2}`, "ratePerSec", "", "phases", ""}, `$.search.sloP99Ns: saw 0, allowed: integer 1 … 60000000000`},
		{[]string{"search", `{"sloP99Ns":1,"fromRatePerSec":1,"toRatePerSec":2,"maxProbes":31}`, "ratePerSec", "", "phases", ""}, `$.search.maxProbes: saw 31, allowed: integer 1 … 30`},
		{[]string{"search", `{"sloP99Ns":1,"fromRatePerSec":1,"toRatePerSec":2,"probeMs":99}`, "ratePerSec", "", "phases", ""}, `$.search.probeMs: saw 99, allowed: integer 100 … 600000`},
		{[]string{"search", `{"sloP99Ns":1,"fromRatePerSec":1,"toRatePerSec":2000000,"probeMs":5001}`, "ratePerSec", "", "phases", ""}, `$.search.probeMs: saw 5001, allowed: probeMs × toRatePerSec of up to 10000000 requests, not 10002000`},
		{[]string{"protocol", `"truth"`}, `$.truth: saw nothing, allowed: an object (the protocol needs it)`},
		{[]string{"protocol", `"truth"`, "truth", stalled, "phases", short}, `$.truth.stalls[1].durationMs: saw 5, allowed: atMs + durationMs of up to 34, the end of phase "p", not 35`},
		{[]string{"protocol", `"truth"`, "truth", overlap, "phases", long}, `$.truth.stalls[1].atMs: saw 29, allowed: 30 or more, when the stall before has ended`},
		{[]string{"arrivals", `{"kind":"ramp","toRatePerSec":2000000}`, "phases", `[{"name":"p","durationMs":20000}]`}, `$.phases[0].durationMs: saw 20000, allowed: durationMs × ratePerSec of up to 10000000 requests, not 20000010`},
	} {
		_, err := Parse(with(t, minimal, test.changes...))
		expectOne(t, strings.Join(test.changes, " "), err, test.want)
	}
	if _, err := Parse(with(t, minimal, "protocol", `"truth"`, "truth", stalled, "phases", long)); err != nil {
		t.Errorf("stalls that end with the phase: %v", err)
	}
}

func TestRecordingsAreReadFromTheFolderOfTheSpec(t *testing.T) {
	folder := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	recording := filepath.Join(folder, "load.txt")
	read := func(text string, changes ...string) (*Spec, error) {
		write("load.txt", text)
		changes = append([]string{"arrivals", `{"kind":"replay","file":"load.txt"}`, "ratePerSec", ""}, changes...)
		return Read(write("spec.json", string(with(t, minimal, changes...))))
	}
	s, err := read("# two\n0 0 0\n10\n")
	if err != nil || len(s.Arrivals.Recorded) != 2 || s.Arrivals.Recorded[1].AtNs != 10 {
		t.Fatalf("got %+v, %v", s, err)
	}
	for _, test := range []struct {
		recording string
		changes   []string
		want      string
	}{
		{"0\n5\n4\n", nil, `$.arrivals.file: saw atNs 4 in line 3 of ` + recording + `, allowed: 5 or later`},
		{"0 1\n", nil, `$.arrivals.file: saw arm 1 in line 1 of ` + recording + `, allowed: arm 0 … 0, as there are in $.arms`},
		{"\n0 0 1\n", nil, `$.arrivals.file: saw key 1 in line 2 of ` + recording + `, allowed: key 0 … 0, as $.block.pages says`},
		{"", nil, `$.arrivals.file: saw no request in the whole file in line 1 of ` + recording},
		{"0\n", []string{"ratePerSec", "5"}, `$.ratePerSec: saw 5, allowed: nothing with a recording`},
		{"0\n", []string{"phases", `[{"name":"p","durationMs":1,"ratePerSec":1}]`}, `$.phases[0].ratePerSec: saw 1, allowed: nothing with a recording`},
		{"2000000\n", nil, `$.phases[0].durationMs: saw 1, allowed: more than the 2 ms after which the recording has its first request`},
		{"0\n1 1\n", []string{"interleave", `"run"`, "arms", `[{"name":"a","address":"127.0.0.1:1"},{"name":"b","address":"127.0.0.1:2"}]`},
			`$.arrivals.file: saw arm 1 in line 2 of ` + recording + `, allowed: no arm with interleave "run"`},
		{"0\n", []string{"arrivals", `{"kind":"replay","file":"none.txt"}`}, `$.arrivals.file: saw open ` + filepath.Join(folder, "none.txt") + `: no such file or directory, allowed: a file that can be read`},
		{"0\n", []string{"arrivals", `{"kind":"replay","file":"."}`}, `$.arrivals.file: saw read ` + folder + `: is a directory, allowed: a file that can be read`},
		{"0\n", []string{"arrivals", `{"kind":"replay"}`}, `$.arrivals.file: saw nothing, allowed: path of a recording`},
	} {
		_, err := read(test.recording, test.changes...)
		expectOne(t, test.recording, err, filepath.Join(folder, "spec.json")+":\n"+test.want)
	}
}

func TestEverythingWrongIsNamedAtOnce(t *testing.T) {
	_, err := Parse([]byte(`{"schema":2,"protocol":"block-4k","seed":"x"}`))
	for _, path := range []string{"$.connectionsPerArm", "$.ratePerSec", "$.seed", "$.arms", "$.phases", "$.block"} {
		if err == nil || !strings.Contains(err.Error(), path+": saw ") {
			t.Errorf("%s is not named in:\n%v", path, err)
		}
	}
}

func TestWhatIsNoObjectIsRefused(t *testing.T) {
	for text, want := range map[string]string{
		``:            "$: saw invalid JSON (EOF), allowed: a JSON object",
		`{`:           "$: saw invalid JSON (unexpected EOF), allowed: a JSON object",
		`[1]`:         "$: saw [1], allowed: a JSON object",
		minimal + `x`: "$: saw text after the JSON object, allowed: one JSON object",
	} {
		if _, err := Parse([]byte(text)); err == nil || err.Error() != want {
			t.Errorf("%q:\n got %v\nwant %s", text, err, want)
		}
	}
}

func TestReadNamesTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a spec.json")
	if _, err := Read(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v, want that the file is missing", err)
	}
	if err := os.WriteFile(path, []byte(`{}`), 0o600); err != nil {
		t.Fatal(err)
	}
	var list Errors
	if _, err := Read(path); !errors.As(err, &list) || !strings.HasPrefix(err.Error(), path+":\n") {
		t.Errorf("got %v, want Errors that begin with the path", err)
	}
}

// with returns a spec with keys replaced, or removed where the value is empty.
// changes are keys and values in turn.
func with(t *testing.T, text string, changes ...string) []byte {
	t.Helper()
	var members map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &members); err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(changes); i += 2 {
		if key, value := changes[i], changes[i+1]; value == "" {
			delete(members, key)
		} else {
			members[key] = json.RawMessage(value)
		}
	}
	changed, err := json.Marshal(members)
	if err != nil {
		t.Fatal(err)
	}
	return changed
}

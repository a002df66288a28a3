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
)

const full = `{"schema":1,"protocol":"http1","arms":[{"name":"epoll","address":"127.0.0.1:4711"},{"name":"io_uring","address":"[::1]:80"}],
 "connectionsPerArm":64,"ratePerSec":4000.5,"interleave":"request","sliceMs":50,"seed":"18446744073709551615",
 "http":{"method":"HEAD","path":"/a?b=c","headers":{"X-Test":"1"},"expectStatus":404,"expectBody":""},"block":{"pages":16384},
 "phases":[{"name":"warmup","durationMs":1000,"record":false},{"name":"unobserved","durationMs":5000}],
 "requestTimeoutMs":250,"cpu":1}`

const minimal = `{"schema":1,"protocol":"block-4k","arms":[{"name":"a","address":"127.0.0.1:1"}],"connectionsPerArm":1,
 "ratePerSec":1,"seed":"0","block":{"pages":1},"phases":[{"name":"p","durationMs":1}]}`

func TestEverySettingIsRead(t *testing.T) {
	got, err := Parse([]byte(full))
	if err != nil {
		t.Fatal(err)
	}
	empty := ""
	want := &Spec{
		Protocol: HTTP1,
		Arms: []Arm{{"epoll", netip.MustParseAddrPort("127.0.0.1:4711")},
			{"io_uring", netip.MustParseAddrPort("[::1]:80")}},
		ConnectionsPerArm: 64, RatePerSec: 4000.5, Interleave: schedule.Request, SliceMs: 50, Seed: 1<<64 - 1,
		HTTP: &HTTP{Method: "HEAD", Path: "/a?b=c", Headers: map[string]string{"X-Test": "1"},
			ExpectStatus: 404, ExpectBody: &empty},
		Block:            &Block{Pages: 16384},
		Phases:           []Phase{{"warmup", 1000, false}, {"unobserved", 5000, true}},
		RequestTimeoutMs: 250, CPU: 1,
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if got.RequestTimeout() != 250*time.Millisecond || got.Phases[1].Duration() != 5*time.Second {
		t.Error("durations are not in milliseconds")
	}
}

func TestDefaults(t *testing.T) {
	got, err := Parse([]byte(minimal))
	if err != nil {
		t.Fatal(err)
	}
	if got.Interleave != schedule.Slice || got.SliceMs != 100 || got.RequestTimeoutMs != 5000 || got.CPU != -1 ||
		got.HTTP != nil || !got.Phases[0].Record {
		t.Errorf("got %+v", got)
	}
	got, err = Parse([]byte(strings.NewReplacer("block-4k", "http1", "block", "http", `{"pages":1}`, `{}`).Replace(minimal)))
	if err != nil {
		t.Fatal(err)
	}
	if h := got.HTTP; h.Method != "GET" || h.Path != "/" || h.Headers != nil || h.ExpectStatus != 200 || h.ExpectBody != nil {
		t.Errorf("got %+v", *h)
	}
}

func TestWhatIsWrongIsNamed(t *testing.T) {
	for _, test := range []struct{ key, value, want string }{
		{"schema", `2`, `$.schema: saw 2, allowed: integer 1`},
		{"schema", ``, `$.schema: saw nothing, allowed: integer 1`},
		{"protocol", `"http2"`, `$.protocol: saw "http2", allowed: "http1", "block-4k"`},
		{"protocol", `1`, `$.protocol: saw 1, allowed: "http1", "block-4k"`},
		{"connectionsPerArm", `0`, `$.connectionsPerArm: saw 0, allowed: integer 1 … 65536`},
		{"connectionsPerArm", `1.5`, `$.connectionsPerArm: saw 1.5, allowed: integer 1 … 65536`},
		{"connectionsPerArm", `"64"`, `$.connectionsPerArm: saw "64", allowed: integer 1 … 65536`},
		{"ratePerSec", `0`, `$.ratePerSec: saw 0, allowed: number 1 … 2000000`},
		{"ratePerSec", `1e400`, `$.ratePerSec: saw 1e400, allowed: number 1 … 2000000`},
		{"interleave", `"run"`, `$.interleave: saw "run", allowed: "slice", "request"`},
		{"sliceMs", `-1`, `$.sliceMs: saw -1, allowed: integer 1 … 60000`},
		{"seed", `12345`, `$.seed: saw 12345, allowed: a decimal number 0 … 18446744073709551615 as a string, such as "12345"`},
		{"seed", `"+1"`, `$.seed: saw "+1", allowed: a decimal number`},
		{"seed", `"18446744073709551616"`, `$.seed: saw "18446744073709551616", allowed: a decimal number`},
		{"requestTimeoutMs", `60001`, `$.requestTimeoutMs: saw 60001, allowed: integer 1 … 60000`},
		{"cpu", `-2`, `$.cpu: saw -2, allowed: integer -1 … 1023`},
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
		{"http", `{"method":"POST"}`, `$.http.method: saw "POST", allowed: "GET", "HEAD", "OPTIONS", "DELETE"`},
		{"http", `{"path":"x"}`, `$.http.path: saw "x", allowed: printable ASCII`},
		{"http", `{"path":"/a b"}`, `$.http.path: saw "/a b", allowed: printable ASCII`},
		{"http", `{"headers":[]}`, `$.http.headers: saw [], allowed: an object of strings`},
		{"http", `{"headers":{"X":1}}`, `$.http.headers.X: saw 1, allowed: an HTTP header name`},
		{"http", `{"headers":{"X":"a\r\nY: b"}}`, `$.http.headers.X: saw "a\r\nY: b", allowed: an HTTP header name`},
		{"http", `{"headers":{"connection":"close"}}`, `$.http.headers.connection: saw "close", allowed: no such header`},
		{"http", `{"expectStatus":100}`, `$.http.expectStatus: saw 100, allowed: integer 200 … 599`},
		{"http", `{"expectBody":1}`, `$.http.expectBody: saw 1, allowed: a string`},
		{"block", `{"pages":4294967296}`, `$.block.pages: saw 4294967296, allowed: integer 1 … 4294967295`},
		{"phases", `[{"name":"p","durationMs":0}]`, `$.phases[0].durationMs: saw 0, allowed: integer 1 … 3600000`},
		{"phases", `[{"name":"p","durationMs":3600000}]`,
			`$.phases[0].durationMs: saw 3600000, allowed: durationMs × ratePerSec of up to 10000000 requests, not 14401800`},
		{"phases", `[{"name":"p","durationMs":1,"record":"yes"}]`, `$.phases[0].record: saw "yes", allowed: true or false`},
		{"phases", `[{"name":"p","durationMs":1},{"name":"p","durationMs":1}]`, `$.phases[1].name: saw "p", allowed: a name that no other has`},
		{"rate", `1`, `$.rate: saw 1, allowed: no such setting; known are arms, block, connectionsPerArm, cpu, http,`},
	} {
		_, err := Parse(with(t, test.key, test.value))
		var list Errors
		if !errors.As(err, &list) || len(list) != 1 || !strings.HasPrefix(err.Error(), test.want) {
			t.Errorf("%s = %s:\n got %v\nwant %s", test.key, test.value, err, test.want)
		}
	}
}

func TestEverythingWrongIsNamedAtOnce(t *testing.T) {
	_, err := Parse([]byte(`{"schema":1,"protocol":"block-4k","seed":"x"}`))
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

// with returns the full spec with one key replaced, or removed where value is empty.
func with(t *testing.T, key, value string) []byte {
	t.Helper()
	var members map[string]json.RawMessage
	if err := json.Unmarshal([]byte(full), &members); err != nil {
		t.Fatal(err)
	}
	if value == "" {
		delete(members, key)
	} else {
		members[key] = json.RawMessage(value)
	}
	text, err := json.Marshal(members)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

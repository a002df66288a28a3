package truthproto

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"testing"
)

// vectors is the file that implementations in other languages check themselves against. Numbers are
// decimal strings, because JSON numbers end at 2^53 in many languages.
type vectors struct {
	Schema   int `json:"schema"`
	Requests []struct {
		ServiceNs uint64 `json:"serviceNs,string"`
		Sequence  uint64 `json:"sequence,string"`
		Bytes     string `json:"bytes"`
	} `json:"requests"`
	Replies []struct {
		Sequence        uint64 `json:"sequence,string"`
		ServiceNs       uint64 `json:"serviceNs,string"`
		BeganNs         int64  `json:"beganNs,string"`
		WroteNs         int64  `json:"wroteNs,string"`
		PreviousFreedNs int64  `json:"previousFreedNs,string"`
		Bytes           string `json:"bytes"`
	} `json:"replies"`
}

func TestBytesMatchTheCommittedVectors(t *testing.T) {
	text, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var file vectors
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	if file.Schema != 1 || len(file.Requests) != 3 || len(file.Replies) != 3 {
		t.Fatalf("vectors.json: schema %d, %d requests, %d replies; want schema 1 with 3 of each",
			file.Schema, len(file.Requests), len(file.Replies))
	}
	for _, v := range file.Requests {
		want := Request{ServiceNs: v.ServiceNs, Sequence: v.Sequence}
		var b [RequestSize]byte
		PutRequest(b[:], want)
		if got := hex.EncodeToString(b[:]); got != v.Bytes {
			t.Errorf("%+v is\n%s, want\n%s", want, got, v.Bytes)
		}
		if got := GetRequest(b[:]); got != want {
			t.Errorf("read back %+v, want %+v", got, want)
		}
	}
	for _, v := range file.Replies {
		want := Reply{Sequence: v.Sequence, ServiceNs: v.ServiceNs, BeganNs: v.BeganNs, WroteNs: v.WroteNs,
			PreviousFreedNs: v.PreviousFreedNs}
		var b [ReplySize]byte
		PutReply(b[:], want)
		if got := hex.EncodeToString(b[:]); got != v.Bytes {
			t.Errorf("%+v is\n%s, want\n%s", want, got, v.Bytes)
		}
		if got := GetReply(b[:]); got != want {
			t.Errorf("read back %+v, want %+v", got, want)
		}
	}
}

func TestAnswersAllowsTheLimitsAndNothingBeyond(t *testing.T) {
	q := Request{ServiceNs: 50, Sequence: 7}
	good := Reply{Sequence: 7, ServiceNs: 50, BeganNs: 100, WroteNs: 150, PreviousFreedNs: 100}
	if !good.Answers(q) {
		t.Errorf("%+v does not answer %+v", good, q)
	}
	for name, change := range map[string]func(*Reply){
		"sequence":     func(r *Reply) { r.Sequence = 8 },
		"service time": func(r *Reply) { r.ServiceNs = 51 },
		"early":        func(r *Reply) { r.WroteNs = 149 },
		"not begun":    func(r *Reply) { r.BeganNs, r.PreviousFreedNs = 0, 0 },
		"while busy":   func(r *Reply) { r.PreviousFreedNs = 101 },
		"freed before": func(r *Reply) { r.PreviousFreedNs = -1 },
	} {
		bad := good
		if change(&bad); bad.Answers(q) {
			t.Errorf("%s: %+v answers %+v", name, bad, q)
		}
	}
}

package main

import (
	"fmt"
	"testing"
)

func TestParseStall(t *testing.T) {
	for _, wrong := range []string{"1s", "at:1s", "at:1s,1s", "for:1s,at:1s", "at:-1s,for:1s", "at:1s,for:2m", "at:1s,for:1s,", "at:,for:"} {
		if s, err := parseStall(wrong); err == nil {
			t.Errorf("%q is taken for %+v", wrong, s)
		}
	}
	if s, err := parseStall("at:500ms,for:2s"); err != nil || s != (stall{atNs: 500_000_000, forNs: 2_000_000_000}) {
		t.Errorf("got %+v, %v", s, err)
	}
	if s, err := parseStall(""); err != nil || s.extra(1) != 0 {
		t.Errorf("without the flag: %+v, %v", s, err)
	}
}

func TestStallHitsOneRequest(t *testing.T) {
	s := stall{atNs: 100, forNs: 7}
	var extra []int64
	for _, beganNs := range []int64{1000, 1099, 1100, 1101, 5000} {
		extra = append(extra, s.extra(beganNs))
	}
	if want := "[0 0 7 0 0]"; fmt.Sprint(extra) != want {
		t.Errorf("the requests wait %v longer, want %s", extra, want)
	}
}

// The service of the stalled request is at least the stall; that of the others has no upper bound
// that a busy machine would keep.
func TestHTTPStall(t *testing.T) {
	d := start(t, "--protocol", "http1", "--stall", "at:0s,for:30ms")
	c := client(t)
	request := newRequest(t, d, "GET", "/", nil)
	request.Header.Set("Pollgate-Stamps", "1")
	response, _ := fetch(t, c, request)
	var began, wrote int64
	if _, err := fmt.Sscanf(response.Header.Get("Pollgate-Stamps"), "%d %d", &began, &wrote); err != nil {
		t.Fatal(err)
	}
	if wrote-began < 30_000_000 {
		t.Errorf("the first request took %d ns, want the stall of 30 ms", wrote-began)
	}
}

package main

import (
	"encoding/json"
	"os/exec"
	"testing"

	"pollgate/bpf/internal/check"
	"pollgate/bpf/probes"
)

// Check attaches every probe for real and has a word for each metric.
func TestCheckSaysWhichMetricsCanBeTaken(t *testing.T) {
	needPrivileges(t)
	out, err := exec.Command(netprobePath, "check", "--json").Output()
	if err != nil {
		t.Fatal(err)
	}
	var answer struct{ Metrics []check.Metric }
	if err := json.Unmarshal(out, &answer); err != nil {
		t.Fatal(err)
	}
	told := map[string]check.Metric{}
	for _, m := range answer.Metrics {
		told[m.Name] = m
		if m.State != "exact" && m.Reason == "" {
			t.Errorf("%+v: no reason", m)
		}
	}
	for _, p := range probes.All {
		for _, m := range p.Manifest.Metrics {
			want := "exact"
			switch p.Manifest.Name {
			case "uring", "tls", "http2":
				// Netprobe itself holds no ring and speaks neither TLS nor HTTP/2.
				want = "absent"
			}
			if told[m.Name].State != want {
				t.Errorf("%s: %+v, want %s", m.Name, told[m.Name], want)
			}
		}
	}
}

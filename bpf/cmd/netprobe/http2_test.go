package main

import (
	"os/exec"
	"reflect"
	"testing"

	"pollgate/bpf/probes/http2"
)

func TestStreamsAreCountedByConnectionAtBothSides(t *testing.T) {
	needPrivileges(t)
	refused := uint64(2)
	want := http2.Details{
		Server: http2.Side{Begun: 5, Ended: 4, Streams: 11 + 13 + 17 + 5 + 1, Open: 1, OpenStreams: 5,
			Refused: &refused},
		Client: http2.Side{Begun: 4, Ended: 3, Streams: 11 + 13 + 17 + 5, Open: 1, OpenStreams: 5},
	}
	for name, path := range map[string]string{"whole": workloadPath, "stripped": strippedPath} {
		t.Run(name, func(t *testing.T) {
			w := startWorkload(t, path, "streams")
			w.expect("ready")
			o := observe(t, []string{"--probes", "http2"}, map[string]*process{"it": w})
			o.begin()
			w.say("go")
			w.expect("done")
			seen := o.end().Targets["it"]
			if got := details[http2.Details](t, seen, "http2"); !reflect.DeepEqual(got, want) {
				t.Errorf("%+v, want %+v", got, want)
			}
			for metric, sum := range map[string]uint64{
				"http2ServerStreamsPerConnection": 11 + 13 + 17 + 1,
				"http2ClientStreamsPerConnection": 11 + 13 + 17,
			} {
				if h := seen.Histograms[metric]; h == nil || h.Sum != sum || h.Max != 17 {
					t.Errorf("%s: %+v, want %d streams, at most 17 of a connection", metric, h, sum)
				}
			}
			expectLines(t, showFile(t, o.path),
				`HTTP/2 served: 47 streams; 5 connections begun, 4 ended, 1 open with 5; 2 streams refused`,
				`HTTP/2 as client: 46 streams; 4 connections begun, 3 ended, 1 open with 5`)
			expectNoLoss(t, seen)
		})
	}
}

func TestAProgramWithoutHTTP2SaysSo(t *testing.T) {
	needPrivileges(t)
	w := start(t, exec.Command("sleep", "1000"))
	o := observe(t, []string{"--probes", "http2,syscalls"}, map[string]*process{"it": w})
	o.begin()
	seen := o.end().Targets["it"]
	for _, metric := range []string{"http2ServerStreamsPerConnection", "http2Connections"} {
		if seen.Unavailable[metric] == "" {
			t.Errorf("%s: want a reason why it cannot be taken", metric)
		}
	}
}

package main

import (
	"os/exec"
	"testing"

	"pollgate/bpf/probes/tls"
)

func TestHandshakesAreCountedAtBothSides(t *testing.T) {
	needPrivileges(t)
	const completed, failed = 37, 5
	for name, path := range map[string]string{"whole": workloadPath, "stripped": strippedPath} {
		t.Run(name, func(t *testing.T) {
			seen := observeWork(t, path, "handshakes", "--probes", "tls")
			want := tls.Counts{Completed: completed, Failed: failed}
			if d := details[tls.Details](t, seen, "tls"); d.Server != want || d.Client != want {
				t.Errorf("%+v, want %+v at both sides", d, want)
			}
			for _, metric := range []string{"tlsServerHandshakeNs", "tlsClientHandshakeNs"} {
				if h := seen.Histograms[metric]; h == nil || h.Count != completed || h.Sum == 0 {
					t.Errorf("%s: %+v, want %d of some time", metric, h, completed)
				}
			}
			for _, site := range seen.Sites {
				if site.Hits != completed+failed {
					t.Errorf("%s %s: %d hits, want %d", site.Symbol, site.Instruction, site.Hits, completed+failed)
				}
			}
			if len(seen.Sites) != 4 || seen.InFlight["tlsHandshakes"] != 0 {
				t.Errorf("%d sites, %v in flight; want 4 and none", len(seen.Sites), seen.InFlight)
			}
			expectNoLoss(t, seen)
		})
	}
}

func TestAProgramWithoutTLSSaysSo(t *testing.T) {
	needPrivileges(t)
	w := start(t, exec.Command("sleep", "1000"))
	o := observe(t, []string{"--probes", "tls,syscalls"}, map[string]*process{"it": w})
	o.begin()
	seen := o.end().Targets["it"]
	for _, metric := range []string{"tlsServerHandshakeNs", "tlsClientHandshakeNs", "tlsHandshakes"} {
		if seen.Unavailable[metric] == "" {
			t.Errorf("%s: want a reason why it cannot be taken", metric)
		}
	}
}

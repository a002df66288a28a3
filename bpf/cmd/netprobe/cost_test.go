package main

import (
	"slices"
	"strconv"
	"testing"

	"pollgate/bpf/internal/report"
)

// BenchmarkCost measures what an attached probe costs the process that it watches, in nanoseconds
// of CPU time for each thing done, as the median difference between rounds with and without it:
//
//	go test -run '^$' -bench Cost -benchtime 15x ./cmd/netprobe
//
// Each iteration is one round without and one with; a round does its thing 100,000 times. The
// last row is the price that everybody else on the machine pays for their system calls.
func BenchmarkCost(b *testing.B) {
	for _, c := range []struct {
		name, probe, work string
		bystander         bool
	}{
		{"wakeup per network wake-up", "wakeup", "network wake-up", false},
		{"wakeup per goroutine switch", "wakeup", "goroutine switch", false},
		{"netpoll per poll", "netpoll", "epoll_wait", false},
		{"netpoll per other call", "netpoll", "read", false},
		{"syscalls per timed call", "syscalls", "read", false},
		{"syscalls per other call", "syscalls", "epoll_wait", false},
		{"fdleak per open and close", "fdleak", "open and close", false},
		{"fdleak per other call", "fdleak", "read", false},
		{"goroutines per birth and death", "goroutines", "goroutine", false},
		{"tcplife per write and read", "tcplife", "write and read of a connection", false},
		{"uring per request", "uring", "ring request", false},
		{"handoff per goroutine switch", "handoff", "goroutine switch", false},
		{"kernel set per timed call", "netpoll,syscalls,blockio,fdleak,tcplife", "read", false},
		{"kernel set per poll", "netpoll,syscalls,blockio,fdleak,tcplife", "epoll_wait", false},
		{"kernel set per call of a bystander", "netpoll,syscalls,blockio,fdleak,tcplife", "read", true},
		{"all per call of a bystander", "wakeup,netpoll,syscalls,fdleak", "read", true},
	} {
		b.Run(c.name, func(b *testing.B) { measureCost(b, c.probe, c.work, c.bystander) })
	}
}

func measureCost(b *testing.B, probe, work string, bystander bool) {
	needPrivileges(b)
	spinner := startWorkload(b, workloadPath, "spin", work)
	spinner.expect("ready")
	observed := spinner
	if bystander {
		observed = startWorkload(b, workloadPath, "calls")
		observed.expect("ready")
	}
	var bare, differences, hits []float64
	for range b.N {
		without := spinOnce(b, spinner)
		o := observe(b, []string{"--probes", probe}, map[string]*process{"it": observed})
		o.begin()
		with := spinOnce(b, spinner)
		hits = append(hits, hitsPerTime(o.end().Targets["it"]))
		bare = append(bare, without)
		differences = append(differences, with-without)
	}
	b.ReportMetric(median(bare), "bare-ns")
	b.ReportMetric(median(differences), "cost-ns")
	b.ReportMetric(median(hits), "uprobe-hits")
	b.ReportMetric(0, "ns/op") // the time of a round says nothing
}

// hitsPerTime is how often the uprobes were hit for each time that the work was done.
func hitsPerTime(seen *report.Target) float64 {
	var hits uint64
	for _, site := range seen.Sites {
		hits += site.Hits
	}
	return float64(hits) / 100_000
}

func spinOnce(b *testing.B, spinner *process) float64 {
	b.Helper()
	spinner.say("go")
	took, err := strconv.ParseFloat(spinner.hear(), 64)
	if err != nil {
		b.Fatal(err)
	}
	return took
}

func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}

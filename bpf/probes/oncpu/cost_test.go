package oncpu

import (
	"runtime"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"pollgate/bpf/internal/attach"
	"pollgate/bpf/internal/selfprobe"
)

// BenchmarkSample measures what one sample costs the thread that it interrupts, in ns of CPU time with
// the interrupt, as the median of differences between rounds with and without:
//
//	go test -run '^$' -bench Sample -benchtime 21x ./probes/oncpu
//
// At 99 Hz that would drown in the noise, so the clock runs at 10 kHz here.
func BenchmarkSample(b *testing.B) {
	needPrivileges(b)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	session, err := selfprobe.Open(false)
	if err != nil {
		b.Fatal(err)
	}
	defer session.Close()
	spec, err := loadOncpu()
	if err != nil {
		b.Fatal(err)
	}
	var r running
	if err := session.Load(spec, &r.objects); err != nil {
		b.Fatal(err)
	}
	defer r.Close()
	if _, err := session.OpenWindow(); err != nil {
		b.Fatal(err)
	}
	var costs, programs []float64
	for range b.N {
		without := workNs()
		before := r.sampled(b)
		if _, err := r.links.Sample(r.objects.OncpuSample, 10_000); err != nil {
			b.Fatal(err)
		}
		with := workNs()
		if err := r.links.Close(); err != nil {
			b.Fatal(err)
		}
		after := r.sampled(b)
		samples := float64(after.All.Samples - before.All.Samples)
		costs = append(costs, float64(with-without)/samples)
		programs = append(programs, float64(after.ProgramNs-before.ProgramNs)/samples)
	}
	b.ReportMetric(median(costs), "cost-ns")
	b.ReportMetric(median(programs), "program-ns")
	b.ReportMetric(0, "ns/op") // the time of a round says nothing
}

func (r *running) sampled(b *testing.B) (sum oncpuOncpuCounters) {
	err := attach.SumPerCPU(r.objects.OncpuCounters, 0, func(c oncpuOncpuCounters) {
		sum.All.Samples += c.All.Samples
		sum.ProgramNs += c.ProgramNs
	})
	if err != nil {
		b.Fatal(err)
	}
	return sum
}

var worked uint64

// workNs is the CPU time that always the same work takes, some 200 ms.
func workNs() int64 {
	began := threadNs()
	for range 400_000_000 {
		worked = worked*6364136223846793005 + 1442695040888963407
	}
	return threadNs() - began
}

func threadNs() int64 {
	var now unix.Timespec
	// Cannot fail: the clock exists and the pointer is good.
	_ = unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &now)
	return now.Nano()
}

func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}

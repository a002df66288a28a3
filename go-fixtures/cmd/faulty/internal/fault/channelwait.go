package fault

import (
	"context"
	"time"
)

// channel-wait: requests hand their work to a pool of workers over a channel; there is one worker,
// and each piece of work keeps it for 5 ms. Requests queue in the channel while no descriptor is
// ready and no CPU is busy: to whoever looks at I/O it seems idle. The twin has 64 workers.
//
// Kernel: readiness to reply is long, with neither a system call nor run-queue time in between.
// Runtime: goroutine profile, requests in [chan send] to the pool; with --profile-rates the block
// profile; execution trace: blocked in sync, not in network.
// At this load: p50 12 ms, the twin's 5.7 ms; 7 % of one CPU in both.
var channelWait = Fault{
	Name: "channel-wait", Expect: "channel-wait",
	RatePerSec: 150, Connections: 32, VisibleAfterSeconds: 5,
	LookAt: "goroutines in chan send to the pool; latency without system calls, run-queue time or CPU",
	begin:  beginChannelWait,
}

// poolWork is how long a piece of work keeps its worker.
const poolWork = 5 * time.Millisecond

func beginChannelWait(s *setting) (*part, error) {
	workers := 1 // The mistake.
	if s.correct {
		workers = 64
	}
	jobs := make(chan chan<- struct{})
	for range workers {
		go serveJobs(jobs)
	}
	return &part{request: func(context.Context) error {
		done := make(chan struct{})
		jobs <- done
		<-done
		return nil
	}}, nil
}

func serveJobs(jobs <-chan chan<- struct{}) {
	for done := range jobs {
		time.Sleep(poolWork)
		close(done)
	}
}

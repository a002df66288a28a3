// Command stress works the netpoller where it is most likely to break:
// connections that close in the middle of a deadline, descriptors that are
// reused at once, threads that exit while their polls are armed, timers that
// wake the poller, ports that are bound again the moment they are closed.
//
// It prints one line of JSON, see report, and exits 0 if every goroutine came
// to its end, no reply went to the wrong connection and no socket was left.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"runtime"
	"runtime/pprof"
	"sync"
	"sync/atomic"
	"time"

	"pollgate/go-fixtures/goroot/pollerstats"
)

// report is the result: how often each part went round, and what is left.
type report struct {
	Connections   int64                `json:"connections"`
	Timeouts      int64                `json:"timeouts"`
	ThreadExits   int64                `json:"threadExits"`
	Timers        int64                `json:"timers"`
	Rebinds       int64                `json:"rebinds"`
	Pipes         int64                `json:"pipes"`
	LeakedSockets int                  `json:"leakedSockets"` // of the server's port, not in TIME_WAIT
	Poller        pollerstats.Counters `json:"poller"`
}

// hangLimit is how long after its end a part may still run. It is far beyond
// any scheduling delay: a part that exceeds it waits for an event that was lost.
const hangLimit = 20 * time.Second

func main() {
	duration := flag.Duration("duration", 2*time.Second, "how long to go on")
	busy := flag.Bool("busy", false, "keep a goroutine running, so that with GOMAXPROCS=1 only sysmon polls")
	flag.Parse()
	if *busy {
		go spin()
	}
	r, err := run(*duration)
	json.NewEncoder(os.Stdout).Encode(r)
	if err != nil {
		fmt.Fprintln(os.Stderr, "stress:", err)
		os.Exit(1)
	}
}

func run(duration time.Duration) (report, error) {
	srv, err := startEcho("127.0.0.1:0")
	if err != nil {
		return report{}, err
	}
	s := &stress{end: time.Now().Add(duration), server: srv}
	watchdog := time.AfterFunc(duration+hangLimit, hung)
	parts := []func() error{
		s.churn, s.churn, s.churn, s.churn,
		s.exitThreads, s.exitThreads,
		s.timers, s.timers,
		s.rebind,
		s.pipes,
	}
	var wg sync.WaitGroup
	errs := make([]error, len(parts))
	for i, part := range parts {
		wg.Go(func() { errs[i] = part() })
	}
	wg.Wait()
	errs = append(errs, srv.stop())
	watchdog.Stop()

	r := report{
		Connections: s.connections.Load(),
		Timeouts:    s.timeouts.Load(),
		ThreadExits: s.threadExits.Load(),
		Timers:      s.timersFired.Load(),
		Rebinds:     s.rebinds.Load(),
		Pipes:       s.pipesClosed.Load(),
	}
	r.Poller, _ = pollerstats.Read()
	if r.LeakedSockets, err = leakedSockets(srv.port()); err != nil {
		errs = append(errs, err)
	} else if r.LeakedSockets > 0 {
		errs = append(errs, fmt.Errorf("%d sockets of port %d left in the kernel, want 0", r.LeakedSockets, srv.port()))
	}
	return r, errors.Join(errs...)
}

func spin() {
	for {
		runtime.Gosched()
	}
}

// stress is what the parts share.
type stress struct {
	end    time.Time
	server *echoServer

	connections, timeouts, threadExits atomic.Int64
	timersFired, rebinds, pipesClosed  atomic.Int64
}

func (s *stress) over() bool { return time.Now().After(s.end) }

// hung shows where the goroutines wait that should have ended.
func hung() {
	fmt.Fprintf(os.Stderr, "stress: not at its end %v after the time: an event was lost\n", hangLimit)
	c, _ := pollerstats.Read()
	fmt.Fprintf(os.Stderr, "stress: poller %+v\n", c)
	pprof.Lookup("goroutine").WriteTo(os.Stderr, 1)
	os.Exit(1)
}

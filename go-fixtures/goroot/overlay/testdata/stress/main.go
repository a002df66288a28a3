// Command stress works the netpoller where it is most likely to break:
// connections that close in the middle of a deadline, descriptors that are
// reused at once, threads that exit while their polls are armed, timers that
// wake the poller, ports that are bound again the moment they are closed.
//
// It goes on for -duration, and beyond it until it has made -connections and
// fired -timers; -limit ends it anyway, as a failure. With -netns it runs in a
// network of its own, which it must have been started in: there it counts every
// socket that the kernel still holds, closed ones without name too.
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
	Reuses        int64                `json:"reuses"`        // connections that got the descriptor of one just closed
	LeakedSockets int                  `json:"leakedSockets"` // of the servers' ports, not in TIME_WAIT
	PinnedSockets int                  `json:"pinnedSockets"` // of the whole network, with -netns; else 0
	Poller        pollerstats.Counters `json:"poller"`
}

// hangLimit is how long nothing at all may come to pass. It is far beyond any
// scheduling delay: who exceeds it waits for an event that was lost.
const hangLimit = 20 * time.Second

// loopback are the addresses of the servers: a connection that was closed keeps
// its port from being used again for the same address only.
var loopback = []string{"127.0.0.11:0", "127.0.0.12:0", "127.0.0.13:0", "127.0.0.14:0"}

func main() {
	var g goal
	flag.DurationVar(&g.duration, "duration", 2*time.Second, "how long to go on at least")
	flag.DurationVar(&g.limit, "limit", time.Hour, "how long to go on at most")
	flag.Int64Var(&g.connections, "connections", 0, "how many connections to make at least")
	flag.Int64Var(&g.timers, "timers", 0, "how many timers to fire at least")
	busy := flag.Bool("busy", false, "keep a goroutine running, so that with GOMAXPROCS=1 only sysmon polls")
	netns := flag.Bool("netns", false, "this process has a network of its own")
	flag.Parse()
	if *busy {
		go spin()
	}
	r, err := run(g, *netns)
	json.NewEncoder(os.Stdout).Encode(r)
	if err != nil {
		fmt.Fprintln(os.Stderr, "stress:", err)
		os.Exit(1)
	}
}

func run(g goal, netns bool) (report, error) {
	before := 0
	if netns {
		if err := loopbackUp(); err != nil {
			return report{}, err
		}
		var err error
		if before, err = usedSockets(); err != nil {
			return report{}, err
		}
	}
	s := &stress{goal: g, begin: time.Now()}
	for _, address := range loopback {
		srv, err := startEcho(address)
		if err != nil {
			return report{}, err
		}
		s.servers = append(s.servers, srv)
	}
	parts := []func() error{
		s.churn, s.churn, s.churn, s.churn,
		s.exitThreads, s.exitThreads,
		s.timers, s.timers, s.timers, s.timers,
		s.rebind,
		s.pipes,
		s.reuse,
	}
	ended := make(chan struct{})
	go s.watch(ended)
	var wg sync.WaitGroup
	errs := make([]error, len(parts))
	for i, part := range parts {
		wg.Go(func() { errs[i] = part() })
	}
	wg.Wait()
	var ports []int
	for _, srv := range s.servers {
		errs = append(errs, srv.stop())
		ports = append(ports, srv.port())
	}
	close(ended)

	r := s.report()
	if r.Connections < g.connections || r.Timers < g.timers {
		errs = append(errs, fmt.Errorf("%d connections and %d timers after the limit of %v, want %d and %d", r.Connections, r.Timers, g.limit, g.connections, g.timers))
	}
	var err error
	if r.LeakedSockets, err = untilNone(func() (int, error) { return countSockets(ports) }); err != nil {
		errs = append(errs, err)
	} else if r.LeakedSockets > 0 {
		errs = append(errs, fmt.Errorf("%d sockets of ports %v left in the kernel, want 0", r.LeakedSockets, ports))
	}
	if netns {
		r.PinnedSockets, err = untilNone(func() (int, error) {
			n, err := usedSockets()
			return n - before, err
		})
		if err != nil {
			errs = append(errs, err)
		} else if r.PinnedSockets != 0 {
			errs = append(errs, fmt.Errorf("the network has %d sockets more than before, want 0", r.PinnedSockets))
		}
	}
	return r, errors.Join(errs...)
}

func spin() {
	for {
		runtime.Gosched()
	}
}

// goal is when the stress is over.
type goal struct {
	duration, limit     time.Duration
	connections, timers int64
}

// stress is what the parts share.
type stress struct {
	goal    goal
	begin   time.Time
	servers []*echoServer

	connections, timeouts, threadExits atomic.Int64
	timersFired, rebinds, pipesClosed  atomic.Int64
	reuses                             atomic.Int64
}

func (s *stress) over() bool {
	passed := time.Since(s.begin)
	reached := s.connections.Load() >= s.goal.connections && s.timersFired.Load() >= s.goal.timers
	return passed > s.goal.duration && reached || passed > s.goal.limit
}

func (s *stress) report() report {
	r := report{
		Connections: s.connections.Load(),
		Timeouts:    s.timeouts.Load(),
		ThreadExits: s.threadExits.Load(),
		Timers:      s.timersFired.Load(),
		Rebinds:     s.rebinds.Load(),
		Pipes:       s.pipesClosed.Load(),
		Reuses:      s.reuses.Load(),
	}
	r.Poller, _ = pollerstats.Read()
	return r
}

// watch ends the process when a part has not gone round for hangLimit, and
// shows where the goroutines wait. A part that is over counts no more.
func (s *stress) watch(ended <-chan struct{}) {
	parts := []*atomic.Int64{&s.connections, &s.threadExits, &s.timersFired, &s.rebinds, &s.pipesClosed, &s.reuses}
	names := []string{"connections", "thread exits", "timers", "rebinds", "pipes", "reuses"}
	var last [6]int64
	for {
		select {
		case <-ended:
			return
		case <-time.After(hangLimit):
		}
		for i, part := range parts {
			n := part.Load()
			if n == last[i] {
				fmt.Fprintf(os.Stderr, "stress: no %s for %v: an event was lost\n", names[i], hangLimit)
				fmt.Fprintf(os.Stderr, "stress: %+v\n", s.report())
				pprof.Lookup("goroutine").WriteTo(os.Stderr, 1)
				os.Exit(1)
			}
			last[i] = n
		}
	}
}

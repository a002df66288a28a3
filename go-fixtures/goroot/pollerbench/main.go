// Command pollerbench compares designs of the io_uring netpoller with each
// other and with the stock one over epoll: CPU time, context switches and runs
// of task_work per request.
//
// Usage, in the folder go-fixtures:
//
//	go run ./goroot/pollerbench [-designs a,b] [-scenarios x,y] [-rounds N] [-turn 500ms]
//	go run ./goroot/pollerbench -list
//
// It builds cmd/block-4k and cmd/hello-http once per design (designs.go), from
// the same sources and by the same Go, and starts a server of each on CPU 0. Then
// it loads them in turns from CPU 1, one at a time: in the order of the list,
// then in the opposite one, and so on, so that what drifts in the machine
// meets all of them. Of each turn it takes the server's CPU time and context
// switches; a last turn that is not in these counts the runs of task_work.
//
// The table holds medians over the turns and, behind the CPU time, the median
// of its ratio to the first design's of the same round, with its quartiles. CPU
// time is per reply that the client received: it holds when the client, or
// another process, limits the rate. Ratios of one run may be compared, absolute
// figures of two may not.
//
// Exit codes: 0 done, 1 a server or the machine failed, 2 usage.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// longest is how long a whole run may take, builds included.
const longest = 10 * time.Minute

// serverCPU and clientCPU keep the two apart.
const (
	serverCPU = 0
	clientCPU = 1
)

type options struct {
	designs   []design
	scenarios []scenario
	rounds    int
	turn      time.Duration
}

func main() {
	var o options
	wanted := flag.String("designs", "", "`names` of the designs, separated by commas; the first is the one to compare with")
	scenes := flag.String("scenarios", "", "`names` of the scenarios, separated by commas")
	list := flag.Bool("list", false, "describe designs and scenarios")
	flag.IntVar(&o.rounds, "rounds", 6, "turns of each design in each scenario")
	flag.DurationVar(&o.turn, "turn", 500*time.Millisecond, "length of a turn")
	flag.Parse()
	if *list {
		describe()
		return
	}
	var err error
	if o.designs, err = pick("design", *wanted, designs, func(d design) string { return d.name }); err == nil {
		o.scenarios, err = pick("scenario", *scenes, scenarios, func(s scenario) string { return s.name })
	}
	if err == nil && (flag.NArg() > 0 || o.rounds < 1 || o.turn < 10*time.Millisecond) {
		err = fmt.Errorf("usage: no arguments, -rounds of 1 or more, -turn of 10ms or more")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "pollerbench:", err)
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeoutCause(ctx, longest, fmt.Errorf("not done within %v: choose fewer designs, scenarios or rounds", longest))
	defer cancel()
	if err := run(ctx, o); err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx) // what it did to a command or a turn says less
		}
		fmt.Fprintln(os.Stderr, "pollerbench:", err)
		stop()
		os.Exit(1)
	}
}

// pick returns the entries of all that names lists, or all if it is empty.
func pick[T any](kind, names string, all []T, nameOf func(T) string) ([]T, error) {
	if names == "" {
		return all, nil
	}
	var picked []T
	for name := range strings.SplitSeq(names, ",") {
		i := slices.IndexFunc(all, func(entry T) bool { return nameOf(entry) == name })
		if i < 0 {
			return nil, fmt.Errorf("no %s is called %q: -list shows them", kind, name)
		}
		picked = append(picked, all[i])
	}
	return picked, nil
}

func describe() {
	for _, d := range designs {
		fmt.Printf("%-16s %s\n", d.name, d.about)
	}
	fmt.Println()
	for _, s := range scenarios {
		fmt.Printf("%-16s %s\n", s.name, s.about)
	}
}

func run(ctx context.Context, o options) error {
	folder, err := os.MkdirTemp("", "pollerbench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	if err := buildAll(ctx, folder, o.designs); err != nil {
		return err
	}
	// The builds used all CPUs; from here on this thread is the client.
	runtime.LockOSThread()
	var cpus unix.CPUSet
	cpus.Set(clientCPU)
	if err := unix.SchedSetaffinity(0, &cpus); err != nil {
		return fmt.Errorf("pin the client to CPU %d: %w", clientCPU, err)
	}
	for _, s := range o.scenarios {
		if err := raiseDescriptors(uint64(s.connections*len(o.designs) + 100)); err != nil {
			fmt.Printf("\n%s: skipped: %v\n", s.name, err)
			continue
		}
		rows, err := compare(ctx, folder, s, o)
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		print(s, rows)
	}
	return nil
}

// raiseDescriptors allows this process, and the servers that it starts, so many
// descriptors.
func raiseDescriptors(need uint64) error {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return err
	}
	if limit.Cur >= need {
		return nil
	}
	limit = unix.Rlimit{Cur: need, Max: max(need, limit.Max)}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("it needs %d descriptors: %w: raise the hard limit (ulimit -Hn), or choose fewer -designs", need, err)
	}
	return nil
}

// Childcost runs a command and says what it has cost: CPU time, peak memory, how it ended.
//
// Usage:
//
//	childcost --stdout FILE --stderr FILE [--max-rss BYTES] -- COMMAND [ARGUMENT…]
//
// The command has standard input of childcost and writes into the files; when it has ended, childcost
// prints one JSON object (Cost) and exits 0, however the command ended. The figures are those of
// wait4(2): of the command with all children that it waited for, from its fork to its end. Reading
// /proc/PID instead would miss what happens between the last look and the end.
//
// The command may open as many files as the hard limit allows. It is killed when it takes more than
// --max-rss, and when childcost dies.
//
// Exit codes: 0 the command ran, 1 it could not be started, 2 usage.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"syscall"
)

// Cost is what a command has used.
type Cost struct {
	// ExitCode is -1 where a signal ended the command.
	ExitCode int `json:"exitCode"`
	// Signal is the number of the signal that ended it, or 0.
	Signal int `json:"signal"`
	// OverMemory says that it was killed for taking more than --max-rss.
	OverMemory bool  `json:"overMemory"`
	UserNs     int64 `json:"userNs"`
	SystemNs   int64 `json:"systemNs"`
	// MaxRSSBytes is the largest resident set of any one process among them. It counts the image before
	// exec too, which is that of childcost: some 5 MB are its floor.
	MaxRSSBytes         int64 `json:"maxRssBytes"`
	VoluntarySwitches   int64 `json:"voluntarySwitches"`
	InvoluntarySwitches int64 `json:"involuntarySwitches"`
}

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

func run(arguments []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("childcost", flag.ContinueOnError)
	flags.SetOutput(stderr)
	out := flags.String("stdout", "", "`file` for the command's standard output (required)")
	err := flags.String("stderr", "", "`file` for the command's standard error (required)")
	maxRSS := flags.Int64("max-rss", 0, "kill the command above this many `bytes`; 0 is no limit")
	if e := flags.Parse(arguments); errors.Is(e, flag.ErrHelp) {
		return 0
	} else if e != nil {
		return 2
	}
	if *out == "" || *err == "" || flags.NArg() == 0 || *maxRSS < 0 {
		fmt.Fprintln(stderr, "childcost: want --stdout FILE, --stderr FILE and a command; --max-rss is 0 or more")
		return 2
	}
	cost, e := measure(flags.Args(), *out, *err, *maxRSS)
	if e != nil {
		fmt.Fprintln(stderr, "childcost:", e)
		return 1
	}
	if e := json.NewEncoder(stdout).Encode(cost); e != nil {
		fmt.Fprintln(stderr, "childcost: print the cost:", e)
		return 1
	}
	return 0
}

// measure runs the command to its end.
func measure(command []string, out, err string, maxRSS int64) (Cost, error) {
	// The kernel sends the death signal when the thread ends that started the command.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if e := raiseFileLimit(); e != nil {
		return Cost{}, e
	}
	stdout, e := os.Create(out)
	if e != nil {
		return Cost{}, e
	}
	defer stdout.Close()
	stderr, e := os.Create(err)
	if e != nil {
		return Cost{}, e
	}
	defer stderr.Close()
	child := exec.Command(command[0], command[1:]...)
	child.Stdin, child.Stdout, child.Stderr = os.Stdin, stdout, stderr
	child.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if e := child.Start(); e != nil {
		return Cost{}, e
	}
	watch := watchMemory(child.Process, maxRSS)
	var ended *exec.ExitError
	if e := child.Wait(); e != nil && !errors.As(e, &ended) {
		return Cost{}, e
	}
	return costOf(child.ProcessState, watch.stop()), nil
}

// raiseFileLimit lets the command open as many files as the hard limit allows. Go raises the limit for
// itself and gives children the old one back, unless the program has set it.
func raiseFileLimit() error {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("read the limit of open files: %w", err)
	}
	limit.Cur = limit.Max
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("raise the limit of open files: %w", err)
	}
	return nil
}

func costOf(state *os.ProcessState, overMemory bool) Cost {
	usage := state.SysUsage().(*syscall.Rusage)
	cost := Cost{
		ExitCode:            state.ExitCode(),
		OverMemory:          overMemory,
		UserNs:              usage.Utime.Nano(),
		SystemNs:            usage.Stime.Nano(),
		MaxRSSBytes:         usage.Maxrss * 1024,
		VoluntarySwitches:   usage.Nvcsw,
		InvoluntarySwitches: usage.Nivcsw,
	}
	if status := state.Sys().(syscall.WaitStatus); status.Signaled() {
		cost.Signal = int(status.Signal())
	}
	return cost
}

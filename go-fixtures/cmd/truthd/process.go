package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"golang.org/x/sys/unix"

	"pollgate/go-fixtures/internal/affinity"
)

// prepareProcess locks the calling goroutine to its OS thread, switches garbage collection off and
// raises the limit of open files as far as it goes. cpu ≥ 0 pins all threads of the process to that CPU:
// one elsewhere would disturb the tool on trial, unseen by the server's times.
func prepareProcess(cpu int) error {
	runtime.LockOSThread()
	// Only accepting a connection allocates; connections that have ended are used again.
	debug.SetGCPercent(-1)
	// The server never gives its P away. The signal needs another.
	runtime.GOMAXPROCS(max(2, runtime.GOMAXPROCS(0)))
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("getrlimit: %w", err)
	}
	limit.Cur = limit.Max
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("raise the limit of open files to %d: %w", limit.Max, err)
	}
	if cpu < 0 {
		return nil
	}
	if err := affinity.PinAll(cpu); err != nil {
		return fmt.Errorf("--cpu %d: %w; want a CPU that this process may use (taskset -p $$ shows which)", cpu, err)
	}
	return nil
}

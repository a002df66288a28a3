package session

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"

	"golang.org/x/sys/unix"
)

// PrepareProcess sets the whole process up for measuring. cpus, unless empty, are
// all that its threads may use: a runtime thread elsewhere would disturb the
// server, and one beside the generator only runs when the generator waits.
func PrepareProcess(cpus []int) error {
	// Collections run only where Run asks for them, between phases.
	debug.SetGCPercent(-1)
	// The loops never give their P away; others are needed to read the control
	// input and to write events.
	runtime.GOMAXPROCS(max(2+len(cpus), runtime.GOMAXPROCS(0)))
	if len(cpus) == 0 {
		return nil
	}
	return pinAllThreads(cpus)
}

// pinAllThreads pins the threads that exist; later ones inherit it. A thread
// born meanwhile may have escaped, so it looks until nothing is new.
func pinAllThreads(cpus []int) error {
	pinned := map[int]bool{}
	for {
		threads, err := os.ReadDir("/proc/self/task")
		if err != nil {
			return err
		}
		before := len(pinned)
		for _, thread := range threads {
			id, err := strconv.Atoi(thread.Name())
			if err != nil || pinned[id] {
				continue
			}
			if err := pinThread(id, cpus); err != nil {
				return err
			}
			pinned[id] = true
		}
		if len(pinned) == before {
			return nil
		}
	}
}

// pinThread pins one thread; 0 = the calling one. A thread that has ended is
// no error.
func pinThread(id int, cpus []int) error {
	var set unix.CPUSet
	for _, cpu := range cpus {
		set.Set(cpu)
	}
	if err := unix.SchedSetaffinity(id, &set); err != nil && err != unix.ESRCH {
		return fmt.Errorf("pin to CPUs %v: %w", cpus, err)
	}
	return nil
}

package session

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"

	"golang.org/x/sys/unix"
)

// PrepareProcess sets the whole process up for measuring and locks the calling
// goroutine to its OS thread. cpu ≥ 0 pins all threads to that CPU: a runtime
// thread elsewhere would disturb the server, and one beside the generator only
// runs when the generator waits for it.
func PrepareProcess(cpu int) error {
	// Collections run only where Run asks for them, between phases.
	debug.SetGCPercent(-1)
	// The loop never gives its P away; others are needed to read the control
	// input and to write events.
	runtime.GOMAXPROCS(max(2, runtime.GOMAXPROCS(0)))
	runtime.LockOSThread()
	// By default the kernel may end a sleep 50 µs late to save wake-ups, which is
	// about as long as the loop polls before a send. A refusal costs accuracy
	// that the send lag shows.
	_ = unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0)
	if cpu < 0 {
		return nil
	}
	return pinAllThreads(cpu)
}

// pinAllThreads pins the threads that exist; later ones inherit it. A thread
// born meanwhile may have escaped, so it looks until nothing is new.
func pinAllThreads(cpu int) error {
	var set unix.CPUSet
	set.Set(cpu)
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
			if err := unix.SchedSetaffinity(id, &set); err != nil && err != unix.ESRCH {
				return fmt.Errorf("pin to CPU %d: %w", cpu, err)
			}
			pinned[id] = true
		}
		if len(pinned) == before {
			return nil
		}
	}
}

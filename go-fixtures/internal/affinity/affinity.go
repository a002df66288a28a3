// Package affinity pins the threads of a Go process to CPUs.
package affinity

import (
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// PinAll pins the threads of this process that exist; later ones inherit it. A
// thread born meanwhile may have escaped, so it looks until nothing is new. cpus
// are kernel CPU numbers, at least one; the error is EINVAL where the process may
// use none of them.
func PinAll(cpus ...int) error {
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
			if err := Pin(id, cpus...); err != nil {
				return err
			}
			pinned[id] = true
		}
		if len(pinned) == before {
			return nil
		}
	}
}

// Pin pins one thread, by its id; 0 = the calling one, which only makes sense on a
// goroutine that is locked to it. A thread that has ended is no error.
func Pin(thread int, cpus ...int) error {
	var set unix.CPUSet
	for _, cpu := range cpus {
		set.Set(cpu)
	}
	if err := unix.SchedSetaffinity(thread, &set); err != nil && err != unix.ESRCH {
		return err
	}
	return nil
}

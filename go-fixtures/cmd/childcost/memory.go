package main

import (
	"fmt"
	"os"
	"sync"
	"time"
)

// memoryPeriod is how often the memory of the command is looked at, where it is limited at all.
const memoryPeriod = 50 * time.Millisecond

// memoryWatch kills a process that takes too much memory.
type memoryWatch struct {
	done  chan struct{}
	ended sync.WaitGroup
	over  bool
}

// watchMemory begins to watch; a limit of 0 is none.
func watchMemory(process *os.Process, limit int64) *memoryWatch {
	w := &memoryWatch{done: make(chan struct{})}
	if limit == 0 {
		return w
	}
	w.ended.Go(func() {
		ticker := time.NewTicker(memoryPeriod)
		defer ticker.Stop()
		for {
			select {
			case <-w.done:
				return
			case <-ticker.C:
			}
			if resident(process.Pid) > limit {
				w.over = true
				process.Kill() // An error says that it has ended by itself.
				return
			}
		}
	})
	return w
}

// stop ends the watch and says whether the process was killed. To be called once.
func (w *memoryWatch) stop() bool {
	close(w.done)
	w.ended.Wait()
	return w.over
}

// resident returns the resident set of a process in bytes, 0 where it has ended.
func resident(pid int) int64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0
	}
	var size, pages int64
	if _, err := fmt.Sscan(string(text), &size, &pages); err != nil {
		return 0
	}
	return pages * int64(os.Getpagesize())
}

package session

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"pollgate/go-fixtures/internal/affinity"
	"pollgate/go-fixtures/internal/loadgen/engine"
)

// crew is one engine per generator CPU, each on an OS thread of its own. Every
// engine has its share of each arm's connections.
type crew struct {
	workers []*worker
	// realtime: all threads run with real-time priority.
	realtime bool
}

// worker owns an engine and the thread that it belongs to.
type worker struct {
	engine *engine.Engine
	jobs   chan func(*engine.Engine) error
	result chan error
}

// newCrew starts a thread per CPU; without CPUs one thread, wherever it may run.
// config makes a configuration for each, since exchanges belong to one thread.
func newCrew(config func() engine.Config, connectionsPerArm int, cpus []int) (*crew, error) {
	threads := max(1, min(len(cpus), connectionsPerArm))
	crew := &crew{realtime: len(cpus) > 0}
	for i := range threads {
		share := config()
		share.FirstConnection = i * (connectionsPerArm / threads)
		share.ConnectionsPerArm = connectionsPerArm / threads
		if i < connectionsPerArm%threads {
			share.ConnectionsPerArm++
		}
		share.CPU = -1
		if len(cpus) > 0 {
			share.CPU = cpus[i]
		}
		w, realtime, err := startWorker(share)
		if err != nil {
			crew.close()
			return nil, err
		}
		crew.workers = append(crew.workers, w)
		crew.realtime = crew.realtime && realtime
	}
	return crew, nil
}

func startWorker(c engine.Config) (w *worker, realtime bool, err error) {
	w = &worker{jobs: make(chan func(*engine.Engine) error), result: make(chan error)}
	go func() {
		// Never unlocked: the thread, with what was set on it, ends with the goroutine.
		runtime.LockOSThread()
		startErr := prepareThread(&c)
		if startErr == nil {
			w.engine, startErr = engine.New(c)
		}
		if startErr == nil && c.Dedicated {
			realtime = w.engine.BecomeRealtime()
		}
		w.result <- startErr
		for job := range w.jobs {
			w.result <- job(w.engine)
		}
		if w.engine != nil {
			w.engine.Close()
		}
		close(w.result)
	}()
	if err := <-w.result; err != nil {
		close(w.jobs)
		return nil, false, err
	}
	return w, realtime, nil
}

// scheduling is "fifo" with real-time priority, else "other".
func (c *crew) scheduling() string {
	if c.realtime {
		return "fifo"
	}
	return "other"
}

// each runs a job on all engines at once and returns when all are done.
func (c *crew) each(job func(index int, e *engine.Engine) error) error {
	for i, w := range c.workers {
		w.jobs <- func(e *engine.Engine) error { return job(i, e) }
	}
	errs := make([]error, len(c.workers))
	var wait sync.WaitGroup
	for i, w := range c.workers {
		wait.Go(func() {
			if errs[i] = <-w.result; errs[i] != nil {
				c.stop() // what one cannot do, the others need not finish
			}
		})
	}
	wait.Wait()
	// The first cause, not the stop that it brought upon the others.
	for _, err := range errs {
		if err != nil && !errors.Is(err, engine.ErrStopped) {
			return err
		}
	}
	return errors.Join(errs...)
}

func (c *crew) stop() {
	for _, w := range c.workers {
		w.engine.Stop()
	}
}

func (c *crew) close() {
	for _, w := range c.workers {
		close(w.jobs)
		for range w.result { // until the engine is closed
		}
	}
}

// prepareThread pins the calling thread to its CPU. c.Dedicated says afterwards
// whether the thread has it to itself.
func prepareThread(c *engine.Config) error {
	// By default the kernel may end a sleep 50 µs late to save wake-ups, which is
	// about as long as the loop polls before a send. A refusal costs accuracy
	// that the send lag shows.
	_ = unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0)
	if c.CPU < 0 {
		return nil
	}
	if err := affinity.Pin(0, c.CPU); err != nil {
		return fmt.Errorf("pin to CPU %d: %w", c.CPU, err)
	}
	// Where there is no other CPU, servers share this one: the generator must not
	// keep it from them.
	c.Dedicated = onlineCPUs() > 1
	return nil
}

// onlineCPUs counts the CPUs of the machine, also those that this process may not
// use (runtime.NumCPU leaves them out): the server may be there.
func onlineCPUs() int {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return runtime.NumCPU()
	}
	count := 0
	for line := range strings.Lines(string(text)) {
		if len(line) > 3 && strings.HasPrefix(line, "cpu") && line[3] != ' ' {
			count++
		}
	}
	return count
}

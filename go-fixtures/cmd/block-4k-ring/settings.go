package main

import (
	"errors"
	"fmt"
	"net"
	"sync/atomic"

	"pollgate/go-fixtures/internal/fixture"
	"pollgate/go-fixtures/internal/shards"
	"pollgate/go-fixtures/internal/uring"
)

// settings are what the loops of all threads share.
type settings struct {
	buffers, completions int
	leak                 string
	leakEvery            uint64
	counts               counts
}

// check returns what is wrong with the flags.
func (s *settings) check() error {
	switch {
	case s.buffers < 1 || s.buffers > 1<<15 || s.buffers&(s.buffers-1) != 0:
		return fmt.Errorf("--buffers: saw %d, want a power of two from 1 to 32768", s.buffers)
	case s.completions < 2 || s.completions > 1<<20:
		return fmt.Errorf("--completions: saw %d, want 2 to 1048576", s.completions)
	case s.leak != "" && s.leak != leakPinnedSocket && s.leak != leakBuffers && s.leak != leakCQ:
		return fmt.Errorf("--leak: saw %q, want %s, %s or %s", s.leak, leakPinnedSocket, leakBuffers, leakCQ)
	case s.leakEvery < 1:
		return errors.New("--leak-every: saw 0, want 1 or more; without --leak nothing is forgotten")
	}
	return nil
}

// counts are the server's part of the fixture's counters, over all threads.
type counts struct {
	// rearms counts multishot requests that ended by themselves and were queued again.
	rearms atomic.Int64
	// noBuffers counts receives that ended because no provided buffer was left.
	noBuffers atomic.Int64
	// enters counts calls of io_uring_enter.
	enters           atomic.Int64
	forgottenSockets atomic.Int64
	forgottenBuffers atomic.Int64
	unreadCQEs       atomic.Int64
}

func (c *counts) read() map[string]int64 {
	return map[string]int64{
		"rearms": c.rearms.Load(), "noBuffers": c.noBuffers.Load(), "enters": c.enters.Load(),
		"forgottenSockets": c.forgottenSockets.Load(), "forgottenBuffers": c.forgottenBuffers.Load(),
		"unreadCompletions": c.unreadCQEs.Load(),
	}
}

// refusable gives a refusal of the kernel its exit code.
type refusable struct{ *shards.Server }

func (r *refusable) Prepare(listener net.Listener) error {
	err := r.Server.Prepare(listener)
	var refused *uring.Refusal
	if errors.As(err, &refused) {
		return &fixture.Refusal{Code: fixture.ExitIOUringRefused, Err: err}
	}
	return err
}

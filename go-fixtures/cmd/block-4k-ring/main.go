// Block-4k-ring serves the block-4k protocol with one locked thread per CPU, each with an io_uring of
// its own: multishot accept and recv, provided buffers, and for each request a read of the page
// linked to the sending of it.
//
// On trial: completions instead of readiness, and one thread per CPU instead of goroutines. Its
// siblings tell the two apart: block-4k has goroutines over epoll, or over an io_uring that tells
// readiness; block-4k-epoll has one thread per CPU over epoll.
//
// With --leak it forgets things that a server over epoll cannot forget, for trials of observers
// (leaks.go).
package main

import (
	"errors"

	"pollgate/go-fixtures/internal/fixture"
	"pollgate/go-fixtures/internal/pagefile"
	"pollgate/go-fixtures/internal/shards"
)

func main() {
	f := fixture.New("block-4k-ring")
	data := pagefile.Flags(f)
	threads := shards.ThreadsFlag(f.Flags)
	s := settings{}
	f.Flags.IntVar(&s.buffers, "buffers", 1024, "`number` of buffers for received data in each thread, a power of two")
	f.Flags.IntVar(&s.completions, "completions", 4096, "`number` of completions that each ring has room for")
	f.Flags.StringVar(&s.leak, "leak", "", "`what` to forget: pinned-socket, buffers or cq")
	f.Flags.Uint64Var(&s.leakEvery, "leak-every", 1, "forget it every `N`th time")
	f.Parse()
	if err := errors.Join(shards.CheckThreads(*threads), s.check()); err != nil {
		f.Exit(fixture.ExitUsage, err)
	}
	file := data.Open(f)
	server, err := shards.New(*threads, func() shards.Loop { return newLoop(f, file, &s) })
	if err != nil {
		f.Exit(fixture.ExitUnusable, err)
	}
	f.Experimental = s.counts.read
	f.Serve(&refusable{server})
}

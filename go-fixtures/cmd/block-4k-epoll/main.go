// Block-4k-epoll serves the block-4k protocol with one locked thread per CPU, each with an epoll of
// its own: the kernel says which connections have data, and the thread reads, preads and writes.
//
// On trial: the programming model of block-4k-ring with the kernel interface of block-4k. No
// goroutine per connection, no allocation per request; a read of the file stops the whole thread.
package main

import (
	"pollgate/go-fixtures/internal/fixture"
	"pollgate/go-fixtures/internal/pagefile"
	"pollgate/go-fixtures/internal/shards"
)

func main() {
	f := fixture.New("block-4k-epoll")
	data := pagefile.Flags(f)
	threads := shards.ThreadsFlag(f.Flags)
	f.Parse()
	if err := shards.CheckThreads(*threads); err != nil {
		f.Exit(fixture.ExitUsage, err)
	}
	file := data.Open(f)
	server, err := shards.New(*threads, func() shards.Loop { return &loop{fixture: f, file: file} })
	if err != nil {
		f.Exit(fixture.ExitUnusable, err)
	}
	f.Serve(server)
}

// Fd-leak is an HTTP server that opens a TCP connection to an upstream and a file for each request,
// uses both, and closes both. With --leak-every N it forgets to close both in every Nth request.
//
// On trial: not the server but its observers. They have to find the leak, its kind and its rate,
// and to find nothing with --leak-every 0.
//
// The upstream is a process of its own, so that its ends of the connections are not among the
// descriptors of the server: the server starts itself with `--role upstream`.
package main

import (
	"fmt"
	"os"

	"pollgate/go-fixtures/internal/fixture"
	"pollgate/go-fixtures/internal/peer"
)

func main() {
	if len(os.Args) == 3 && os.Args[1] == "--role" && os.Args[2] == "upstream" {
		if err := runUpstream(os.Stdin, os.Stdout); err != nil {
			fmt.Fprintf(os.Stderr, "fd-leak upstream: %v\n", err)
			os.Exit(fixture.ExitCrashed)
		}
		return
	}
	f := fixture.New("fd-leak")
	leakEvery := f.Flags.Uint64("leak-every", 0, "forget to close in every `N`th request; 0 = never")
	f.Parse()
	upstream, err := peer.Start("upstream", "--role", "upstream")
	if err != nil {
		f.Exit(fixture.ExitUnusable, fmt.Errorf("start the upstream: %w", err))
	}
	service := &service{upstream: upstream.Addresses[0].String(), leakEvery: *leakEvery}
	f.Experimental = service.counts
	f.Serve(peer.With(f.HTTP(service), upstream))
}

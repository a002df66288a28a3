// Faulty is an HTTP server with known root causes: `faulty --fault NAME` has exactly that one,
// `faulty --fault NAME --correct` is its correct twin, which does the same work without the mistake.
// Several at once: `--fault a,b`. `faulty --list` prints them all as JSON, each with the load that
// shows it.
//
// On trial: the diagnosis of a Go process. It has to name the cause of a fault, and nothing for the twin.
//
// What the server talks to is a process of its own (`faulty --peer SETTINGS`, started by the server).
package main

import (
	"errors"
	"fmt"
	"os"
	"runtime"

	"pollgate/go-fixtures/cmd/faulty/internal/fault"
	"pollgate/go-fixtures/cmd/faulty/internal/peers"
	"pollgate/go-fixtures/internal/fixture"
	"pollgate/go-fixtures/internal/peer"
)

func main() {
	if len(os.Args) == 3 && os.Args[1] == peers.Flag {
		if err := peers.Run(os.Args[2], os.Stdin, os.Stdout); err != nil {
			fmt.Fprintf(os.Stderr, "faulty's peer: %v\n", err)
			os.Exit(fixture.ExitCrashed)
		}
		return
	}
	var options fault.Options
	f := fixture.New("faulty")
	names := f.Flags.String("fault", "", "`names` of the faults, separated by commas; see --list")
	correct := f.Flags.Bool("correct", false, "be the correct twin: the same work without the mistake")
	list := f.Flags.Bool("list", false, "print the faults as JSON and exit")
	rates := f.Flags.Bool("profile-rates", false, "record block and mutex profiles; a server in production mostly has none")
	f.Flags.IntVar(&options.IdleConnections, "idle-connections", 1000, "`number` of connections for idle-connections, 1 to 100000")
	f.Flags.StringVar(&options.Dir, "dir", os.TempDir(), "`directory` for the file of slow-storage")
	f.Parse()
	if *list {
		if err := fault.PrintList(os.Stdout); err != nil {
			f.Exit(fixture.ExitUnusable, err)
		}
		f.Exit(0, nil)
	}
	if *names == "" {
		f.Exit(fixture.ExitUsage, errors.New("give --fault NAME, or --list to see the names"))
	}
	if options.IdleConnections < 1 || options.IdleConnections > 100_000 {
		f.Exit(fixture.ExitUsage, fmt.Errorf("--idle-connections %d is not between 1 and 100000", options.IdleConnections))
	}
	faults, err := fault.Find(*names)
	if err != nil {
		f.Exit(fixture.ExitUsage, err)
	}
	if *rates {
		runtime.SetBlockProfileRate(10_000) // ns
		runtime.SetMutexProfileFraction(10)
	}
	service, err := fault.Start(faults, *correct, options)
	if err != nil {
		f.Exit(fixture.ExitUnusable, err)
	}
	f.Experimental = service.Counts
	f.Serve(peer.With(f.HTTP(service), service.Peers...))
}

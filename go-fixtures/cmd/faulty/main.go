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
	f := fixture.New("faulty")
	flags := defineFlags(f.Flags)
	f.Parse()
	if flags.list {
		if err := fault.PrintList(os.Stdout); err != nil {
			f.Exit(fixture.ExitUnusable, err)
		}
		f.Exit(0, nil)
	}
	faults, err := flags.faults()
	if err != nil {
		f.Exit(fixture.ExitUsage, err)
	}
	if flags.profileRates {
		runtime.SetBlockProfileRate(blockProfileRateNs)
		runtime.SetMutexProfileFraction(mutexProfileFraction)
	}
	service, err := fault.Start(faults, flags.correct, flags.options)
	if err != nil {
		f.Exit(fixture.ExitUnusable, err)
	}
	f.Experimental = service.Counts
	f.Serve(peer.With(f.HTTP(service), service.Peers...))
}

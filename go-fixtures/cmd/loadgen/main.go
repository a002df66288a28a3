// Command loadgen sends open-loop load to one or several servers at once and
// records how long the replies took, counted from the time each request was
// meant to be sent.
//
//	loadgen --spec spec.json --out DIR
//
// The spec is described at the type spec.Spec, the results (load.json and
// load.hlog in DIR) at record.Report, the events on standard output at package
// session. Once {"event":"connected"} is printed, each phase waits for a line
// "next" on standard input, and after the last one the connections stay up until
// another; the end of standard input stops the run.
//
// Exit codes: 0 done, however the requests ended; 1 failed; 2 wrong usage or
// spec; 3 a server cannot be reached; 130 stopped.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"pollgate/go-fixtures/internal/loadgen/engine"
	"pollgate/go-fixtures/internal/loadgen/session"
	"pollgate/go-fixtures/internal/loadgen/spec"
)

const (
	exitFailed      = 1
	exitUsage       = 2
	exitUnreachable = 3
	exitStopped     = 130
)

func main() {
	os.Exit(run(os.Args[1:], session.Streams{Control: os.Stdin, Events: os.Stdout}, os.Stderr))
}

func run(arguments []string, streams session.Streams, stderr io.Writer) int {
	flags := flag.NewFlagSet("loadgen", flag.ContinueOnError)
	flags.SetOutput(stderr)
	specPath := flags.String("spec", "", "`file` that says what to send (required)")
	folder := flags.String("out", "", "`folder` for load.json and load.hlog (required)")
	if err := flags.Parse(arguments); errors.Is(err, flag.ErrHelp) {
		return 0
	} else if err != nil {
		return exitUsage
	}
	if *specPath == "" || *folder == "" || flags.NArg() > 0 {
		fmt.Fprintln(stderr, "loadgen: want --spec FILE and --out FOLDER, and nothing else")
		return exitUsage
	}
	s, err := spec.Read(*specPath)
	if err != nil {
		fmt.Fprintln(stderr, "loadgen:", err)
		return exitUsage
	}
	if err := session.PrepareProcess(s.CPU); err != nil {
		fmt.Fprintf(stderr, "loadgen: %v\n$.cpu: saw %d, allowed: a CPU that this process may use, or -1\n", err, s.CPU)
		return exitUsage
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	// A second signal kills at once.
	defer context.AfterFunc(ctx, stop)()
	defer stop()
	err = session.Run(ctx, s, *folder, streams)
	if err == nil {
		return 0
	}
	fmt.Fprintln(stderr, "loadgen:", err)
	var unreachable *engine.ConnectError
	switch {
	case errors.Is(err, session.ErrStopped):
		return exitStopped
	case errors.As(err, &unreachable):
		return exitUnreachable
	}
	return exitFailed
}

// Command loadgen sends load to one or several servers at once and records how
// long the replies took, counted from the time each request was meant to be sent.
//
//	loadgen --spec spec.json --out DIR [--unattended]
//	loadgen --url http://127.0.0.1:8080/ --rate 5000 --out DIR
//
// The spec is described at the type spec.Spec, the results (load.json and
// load.hlog in DIR) at record.Report, the events on standard output at package
// session. Once {"event":"connected"} is printed, each phase waits for a line
// "next" on standard input, and after the last one the connections stay up until
// another; the end of standard input stops the run.
//
// With --unattended, and with --url, nothing is waited for, and a table for people
// takes the place of the events. --help shows the flags that stand for a spec.
//
// Exit codes: 0 done, however the requests ended; 1 failed; 2 wrong usage or
// spec, or more connections than this machine allows; 3 a server cannot be
// reached, or does not answer as the spec says; 130 stopped.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"pollgate/go-fixtures/internal/loadgen/engine"
	"pollgate/go-fixtures/internal/loadgen/record"
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
	o, err := parseOptions(arguments, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	var s *spec.Spec
	if err == nil {
		s, err = o.spec()
	}
	if err != nil {
		if !errors.Is(err, errFlags) { // of those the flag package has told
			fmt.Fprintln(stderr, "loadgen:", err)
		}
		return exitUsage
	}
	if err := session.PrepareProcess(s.CPUs); err != nil {
		fmt.Fprintf(stderr, "loadgen: %v\n$.cpus: saw %v, allowed: CPUs that this process may use\n", err, s.CPUs)
		return exitUsage
	}
	// Nobody left to read the events is no reason to die: the end of the control
	// input says when to stop.
	signal.Ignore(syscall.SIGPIPE)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	// A second signal kills at once.
	defer context.AfterFunc(ctx, stop)()
	defer stop()
	people := streams.Events
	if o.unattended {
		streams = session.Streams{Events: io.Discard, Summary: people}
	}
	if err = session.Run(ctx, s, o.folder, streams); err != nil {
		fmt.Fprintln(stderr, "loadgen:", err)
		return exitCodeOf(err)
	}
	if o.unattended {
		_, err = fmt.Fprintf(people, "\n%s has every figure, %s the histograms of each second\n",
			filepath.Join(o.folder, record.ReportFile), filepath.Join(o.folder, record.LogFile))
	}
	if err != nil {
		fmt.Fprintln(stderr, "loadgen: the results are written, but not all was printed:", err)
		return exitFailed
	}
	return 0
}

func exitCodeOf(err error) int {
	var limit *session.LimitError
	var unreachable *engine.ConnectError
	var wrong *engine.ProtocolError
	switch {
	case errors.Is(err, session.ErrStopped):
		return exitStopped
	case errors.As(err, &limit):
		return exitUsage
	case errors.As(err, &unreachable), errors.As(err, &wrong):
		return exitUnreachable
	}
	return exitFailed
}

// Command truthd is a server whose timing is known: measuring tools are tried on it.
//
//	truthd [--protocol truth|http1] [--listen 127.0.0.1:0] [--cpu N] [--wait spin|sleep]
//	       [--service fixed:50us|exp:200us|bimodal:100us,10ms,0.01] [--seed N]
//	       [--stall at:1s,for:1s] [--log FILE]
//
// It is one thread that serves one request at a time, in the order in which the kernel reports them,
// and is busy with each for a given time: a textbook queue with one server. With --protocol truth
// the client sends the service time, and the reply carries the server's own times (package
// truthproto). With --protocol http1 every request gets "200 OK" and a small body; the server draws the
// service times from --service and --seed, and a request with the header "Pollgate-Stamps: 1" gets
// "Pollgate-Stamps: <began> <wrote>" back, CLOCK_MONOTONIC in ns.
//
// --stall at:1s,for:1s lets the server of http1 serve nobody for a second: the first request that begins
// a second after the first of all, or later, takes a second longer.
//
// --wait spin, the default, looks for requests without ever sleeping, so that the server's own
// wake-up is no part of what a tool measures; it takes a whole core. --wait sleep waits as servers do.
//
// --log FILE writes at the end, as CSV, when each request began, was written and was done
// (connection,beganNs,wroteNs,freedNs; connections count from 1 in the order of accept). The log is
// held in memory, for at most 4,194,304 requests: one more ends the server with exit code 1.
//
// It prints one line, {"address":"127.0.0.1:4711","pid":4242,"protocol":"truth"}, when it accepts
// connections. SIGTERM and SIGINT end it at once. Exit codes: 0 ended by a signal; 1 failed; 2 wrong
// flag; 3 the address, the CPU or the log file cannot be used.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/signal"
	"syscall"

	"pollgate/go-fixtures/internal/truthproto"
)

const (
	exitFailed   = 1
	exitUsage    = 2
	exitUnusable = 3
)

func main() {
	code, err := run(os.Args[1:], os.Stdout, os.Stderr)
	if err != nil {
		fmt.Fprintln(os.Stderr, "truthd:", err)
	}
	os.Exit(code)
}

// options is the command line.
type options struct {
	listen   netip.AddrPort
	protocol string
	cpu      int
	sleep    bool
	service  truthproto.Service
	seed     uint64
	stall    stall
	logPath  string
}

// parse reads the command line. Errors of the flag package have been printed, and are flag.ErrHelp or
// errFlags.
func parse(arguments []string, stderr io.Writer) (o options, err error) {
	flags := flag.NewFlagSet("truthd", flag.ContinueOnError)
	flags.SetOutput(stderr)
	listen := flags.String("listen", "127.0.0.1:0", "`address` to serve on; port 0 takes a free one")
	flags.StringVar(&o.protocol, "protocol", "truth", "`protocol`: truth or http1")
	flags.IntVar(&o.cpu, "cpu", -1, "`number` of the CPU to run on; -1 = wherever it may")
	wait := flags.String("wait", "spin", "spin or sleep, as long as there is no request")
	service := flags.String("service", "fixed:0", "`distribution` of the service times of http1: fixed:50us, "+
		"exp:200us (the mean), or bimodal:100us,10ms,0.01 (short, long, share of the long ones)")
	flags.Uint64Var(&o.seed, "seed", 1, "`number` that determines the service times of http1")
	pause := flags.String("stall", "", "`times` of http1 from the first request on, such as at:1s,for:1s: then it serves nobody")
	flags.StringVar(&o.logPath, "log", "", "`file` for the times of all requests, as CSV, written at the end")
	if err := flags.Parse(arguments); errors.Is(err, flag.ErrHelp) {
		return o, err
	} else if err != nil {
		return o, errFlags
	}
	if flags.NArg() > 0 {
		return o, fmt.Errorf("unexpected argument %q: every setting is a flag, see --help", flags.Arg(0))
	}
	if o.listen, err = netip.ParseAddrPort(*listen); err != nil {
		return o, fmt.Errorf("--listen %q is not an IP address with a port, such as 127.0.0.1:0", *listen)
	}
	if o.protocol != "truth" && o.protocol != "http1" {
		return o, fmt.Errorf("--protocol %q: want truth or http1", o.protocol)
	}
	if o.cpu < -1 {
		return o, fmt.Errorf("--cpu %d: want the number of a CPU, or -1 for none in particular", o.cpu)
	}
	if *wait != "spin" && *wait != "sleep" {
		return o, fmt.Errorf("--wait %q: want spin or sleep", *wait)
	}
	o.sleep = *wait == "sleep"
	if o.service, err = parseService(*service); err != nil {
		return o, err
	}
	if o.stall, err = parseStall(*pause); err != nil {
		return o, err
	}
	if o.protocol == "truth" {
		flags.Visit(func(f *flag.Flag) {
			if f.Name == "service" || f.Name == "seed" || f.Name == "stall" {
				err = fmt.Errorf("--%s is for --protocol http1: in the truth protocol the client sends the service times", f.Name)
			}
		})
	}
	return o, err
}

var errFlags = errors.New("wrong flags")

func run(arguments []string, stdout, stderr io.Writer) (code int, err error) {
	o, err := parse(arguments, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0, nil
	case errors.Is(err, errFlags):
		return exitUsage, nil
	case err != nil:
		return exitUsage, err
	}
	// Before the line is printed: whoever has read it may send the signal at once.
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)

	var record *requestLog
	if o.logPath != "" {
		if record, err = newRequestLog(o.logPath); err != nil {
			return exitUnusable, fmt.Errorf("--log: %w", err)
		}
	}
	if err := prepareProcess(o.cpu); err != nil {
		return exitUnusable, err
	}
	s, err := newServer(o.listen, o.sleep, record)
	if err != nil {
		return exitUnusable, fmt.Errorf("--listen %s: %w", o.listen, err)
	}
	if o.protocol == "truth" {
		s.protocol = &truthProtocol{server: s}
	} else {
		h := newHTTPProtocol(s, o.service, o.seed)
		h.stall = o.stall
		s.protocol = h
	}
	ready, err := json.Marshal(readyLine{s.address.String(), os.Getpid(), o.protocol})
	if err == nil {
		_, err = stdout.Write(append(ready, '\n'))
	}
	if err != nil {
		return exitFailed, fmt.Errorf("print the ready line: %w", err)
	}
	go func() {
		<-signals
		s.stop()
	}()
	err = s.serve()
	if record != nil {
		err = errors.Join(err, record.write())
	}
	if err != nil {
		return exitFailed, err
	}
	return 0, nil
}

// readyLine is what truthd prints when it accepts connections.
type readyLine struct {
	Address  string `json:"address"`
	PID      int    `json:"pid"`
	Protocol string `json:"protocol"`
}

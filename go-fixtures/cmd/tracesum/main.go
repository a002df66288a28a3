// Tracesum summarises a Go execution trace: for how long goroutines were blocked and on what, how
// long they waited for a processor, and how long a goroutine that the netpoller woke waited until
// it ran.
//
// Usage:
//
//	tracesum [-stacks] TRACE.out
//
// With -stacks it also says where: by reason and stack, without the goroutines of whoever takes the
// trace, and the scheduler's latency, and tells the slowest turns (requests, in a server) one by one. It prints one JSON object (Summary). Exit codes: 0 done, 1 the file is no complete trace,
// 2 usage. A trace of Go 1.26 or newer says where it may end, so one that was cut short is found;
// the formats before do not, and a cut between two batches of events goes unnoticed.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"

	"golang.org/x/exp/trace"
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

func run(arguments []string, stdout, stderr io.Writer) (exitCode int) {
	withStacks := len(arguments) > 0 && arguments[0] == "-stacks"
	if withStacks {
		arguments = arguments[1:]
	}
	if len(arguments) != 1 {
		fmt.Fprintf(stderr, "tracesum: got %d arguments; usage: tracesum TRACE.out\n"+
			"or, for what the stacks say too: tracesum -stacks TRACE.out\n", len(arguments))
		return 2
	}
	summary, err := summarizeFile(arguments[0], withStacks)
	if err != nil {
		fmt.Fprintf(stderr, "tracesum: %s: %v\n", arguments[0], err)
		return 1
	}
	if err := json.NewEncoder(stdout).Encode(summary); err != nil {
		fmt.Fprintf(stderr, "tracesum: print the summary: %v\n", err)
		return 1
	}
	return 0
}

func summarizeFile(path string, withStacks bool) (Summary, error) {
	file, err := os.Open(path)
	if err != nil {
		return Summary{}, err
	}
	defer file.Close()
	reader, err := trace.NewReader(file)
	if err != nil {
		return Summary{}, fmt.Errorf("not the beginning of an execution trace that this tool reads: %w", err)
	}
	var s summarizer
	if withStacks {
		s.stacks, s.turns = newStackBook(), newTurnBook()
	}
	for n := 0; ; n++ {
		event, err := reader.ReadEvent()
		if err == io.EOF { // As it stands: a wrapped one comes from the middle of the file.
			return s.finish()
		}
		if err != nil {
			return Summary{}, fmt.Errorf("damaged or cut short after %d events; "+
				"fetch it again and wait for the whole body: %w", n, err)
		}
		s.add(event)
	}
}

package main

import "strings"

// toolFunctions begin the names of functions that only whoever takes a trace or a profile runs: its
// goroutines are not the traced program's. Not among them are trace.WithRegion, pprof.Do and the like,
// which a program has on its stacks itself. Kept in step with harness/profile/labels/rules.ts.
var toolFunctions = []string{
	"net/http/pprof.",
	"runtime/pprof.profileWriter",
	"runtime/pprof.writeGoroutine",
	"runtime/pprof.(*Profile).WriteTo",
	"runtime/trace.Start",
	"runtime/trace.Stop",
	"runtime/trace.(*traceMultiplexer)",
	"runtime/trace.(*FlightRecorder)",
	"runtime/trace.(*recording)",
	"runtime.traceStartReadCPU",
	"runtime.traceAdvance",
	"runtime.(*traceAdvancerState)",
	"runtime.(*profBuf).read",
	"runtime.ReadTrace",
}

// isTool says whether a stack is that of a tool's goroutine.
func isTool(functions []string) bool {
	for _, name := range functions {
		for _, tool := range toolFunctions {
			if strings.HasPrefix(name, tool) {
				return true
			}
		}
	}
	return false
}

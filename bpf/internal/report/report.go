// Package report holds the file that `netprobe run` writes, schema 1. Every number is an integer;
// times are nanoseconds of CLOCK_MONOTONIC.
package report

import "pollgate/bpf/internal/hist"

// Schema is the version of File.
const Schema = 1

// File is everything that one window of observation saw.
type File struct {
	Schema       int                `json:"schema"`
	Kernel       string             `json:"kernel"`
	Window       Window             `json:"window"`
	BucketScheme string             `json:"bucketScheme"`
	Probes       []string           `json:"probes"`
	Targets      map[string]*Target `json:"targets"`
}

// Window is when the counters were open.
type Window struct {
	BeginNs int64 `json:"beginNs"`
	EndNs   int64 `json:"endNs"`
}

// Target is what was seen of one process.
type Target struct {
	PID int `json:"pid"`
	// GoVersion is "go1.26.8" and the like, nil where the program carries no Go build information.
	GoVersion *string `json:"goVersion"`
	// Exited tells that the process was gone when the window closed.
	Exited bool   `json:"exited"`
	Sites  []Site `json:"sites"`
	// Histograms has every metric that exists; one that could not be taken is nil and has its
	// reason in Unavailable. The same holds for Syscalls and Descriptors as a whole.
	Histograms  map[string]*hist.Histogram `json:"histograms"`
	Syscalls    map[string]uint64          `json:"syscalls"`
	Descriptors *Descriptors               `json:"descriptors"`
	Lost        Lost                       `json:"lost"`
	InFlight    InFlight                   `json:"inFlightAtEnd"`
	Unavailable map[string]string          `json:"unavailable"`
}

// Site is an instruction of the target that carries a probe.
type Site struct {
	Probe  string `json:"probe"`
	Symbol string `json:"symbol"`
	// Offset is in bytes from the start of the function.
	Offset      uint64 `json:"offset"`
	Instruction string `json:"instruction"`
	// Class is "emulated" (under a microsecond a hit) or "single-stepped" (several).
	Class string `json:"class"`
	// Hits counts inside the window.
	Hits uint64 `json:"hits"`
}

// Descriptors is the balance of what was opened and closed inside the window, by kind.
// Opened minus Closed is OpenAtEnd unless Lost.FdMapFull says otherwise.
type Descriptors struct {
	Opened map[string]uint64 `json:"opened"`
	Closed map[string]uint64 `json:"closed"`
	// ClosedPreexisting counts closings of what was opened before the window.
	ClosedPreexisting uint64            `json:"closedPreexisting"`
	OpenAtEnd         map[string]uint64 `json:"openAtEnd"`
}

// Lost counts what happened and could not be recorded. All zero is the only good state.
type Lost struct {
	// WakeupMapFull: goroutines made ready whose time found no room.
	WakeupMapFull uint64 `json:"wakeupMapFull"`
	// FdMapFull: openings whose descriptor found no room, so that their closing cannot be told
	// from that of an older one.
	FdMapFull uint64 `json:"fdMapFull"`
	// UnmatchedWakeups: goroutines made ready again before they were seen to run.
	UnmatchedWakeups uint64 `json:"unmatchedWakeups"`
	// ThreadStateFull: system calls whose entry found no memory for its time.
	ThreadStateFull uint64 `json:"threadStateFull"`
}

// InFlight counts what had begun when the window closed and is in no histogram. Not a loss.
type InFlight struct {
	// Wakeups: goroutines made ready that had not yet run.
	Wakeups uint64 `json:"wakeups"`
}

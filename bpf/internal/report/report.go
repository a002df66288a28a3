// Package report holds the file that `netprobe run` writes, schema 1. Every number is an integer;
// times are nanoseconds of CLOCK_MONOTONIC.
package report

import (
	"encoding/json"
	"fmt"

	"pollgate/bpf/internal/hist"
)

// Schema is the version of File.
const Schema = 1

// File is everything that one window of observation saw.
type File struct {
	Schema       int      `json:"schema"`
	Kernel       string   `json:"kernel"`
	Window       Window   `json:"window"`
	Clock        *Clock   `json:"clock"`
	BucketScheme string   `json:"bucketScheme"`
	Probes       []string `json:"probes"`
	// Sampling is nil where all probes were on throughout.
	Sampling *Sampling `json:"sampling,omitempty"`
	// Budget is nil without --budget.
	Budget  *Budget            `json:"budget,omitempty"`
	Targets map[string]*Target `json:"targets"`
}

// Window is when the counters were open.
type Window struct {
	BeginNs int64 `json:"beginNs"`
	EndNs   int64 `json:"endNs"`
}

// Sampling says when the probes of bursts were on. Their histograms and counts are of these bursts alone;
// a wait that is longer than a burst cannot be seen in one.
type Sampling struct {
	Probes []string `json:"probes"`
	Bursts int64    `json:"bursts"`
	// OnNs is how long they were on in all.
	OnNs int64 `json:"onNs"`
	// CutOff counts what had begun in a burst and not ended with it: goroutines made ready that ran
	// afterwards.
	CutOff uint64 `json:"cutOff"`
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
	// Details has what else a probe tells, under the probe's name, in a form of its own.
	Details map[string]json.RawMessage `json:"details"`
	// Lost counts, by cause, what happened and could not be recorded. All zero is the only good
	// state. Each probe names its causes, also those that did not occur.
	Lost map[string]uint64 `json:"lost"`
	// InFlight counts what had begun when the window closed and is in no histogram. Not a loss.
	InFlight    map[string]uint64 `json:"inFlightAtEnd"`
	Unavailable map[string]string `json:"unavailable"`
	// Cost is nil where the process ended inside the window.
	Cost *Cost `json:"cost"`
	// SampledNs goes into Cost.
	SampledNs int64 `json:"-"`
}

// SetDetails writes a probe's own part of the report.
func (t *Target) SetDetails(probe string, details any) error {
	data, err := json.Marshal(details)
	if err != nil {
		return fmt.Errorf("details of probe %s: %w", probe, err)
	}
	t.Details[probe] = data
	return nil
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
// Opened minus Closed is OpenAtEnd unless Lost["fdMapFull"] says otherwise.
type Descriptors struct {
	Opened map[string]uint64 `json:"opened"`
	Closed map[string]uint64 `json:"closed"`
	// ClosedPreexisting counts closings of what was opened before the window.
	ClosedPreexisting uint64            `json:"closedPreexisting"`
	OpenAtEnd         map[string]uint64 `json:"openAtEnd"`
}

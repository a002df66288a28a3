package goroutines

import "pollgate/bpf/internal/goruntime"

// Place is where goroutines were.
type Place = goruntime.Place

// Details is what the probe tells of one process. Goroutines of the runtime itself (garbage
// collector, finalizers) are in System only, so that the numbers are those of
// runtime.NumGoroutine: its change over the window is Births - Deaths.
type Details struct {
	Births uint64 `json:"births"`
	// Deaths includes those in DeathsOlder.
	Deaths uint64 `json:"deaths"`
	// DeathsOlder are deaths inside the window of goroutines born before it.
	DeathsOlder uint64 `json:"deathsOlder"`
	System      System `json:"system"`
	// AtEnd is null where the memory of the process could not be read; AtEndUnavailable says why.
	AtEnd            *AtEnd `json:"atEnd"`
	AtEndUnavailable string `json:"atEndUnavailable"`
	// LeakAgeNs is how old a goroutine must be at the end of the window to be a candidate.
	LeakAgeNs uint64 `json:"leakAgeNs"`
	// LeakCandidates is the sum over all sites, those left out included.
	LeakCandidates uint64 `json:"leakCandidates"`
	// Sites have those with leak candidates first, then those with the most goroutines alive, then
	// with the most births; at most 256.
	Sites        []Site `json:"sites"`
	SitesLeftOut uint64 `json:"sitesLeftOut"`
	// Looks is how often the process's memory was looked at inside the window, Places where its
	// goroutines were, summed over the looks: divided by Looks, how many were there on average. The
	// most frequent first, at most 256.
	Looks         uint64  `json:"looks"`
	Places        []Place `json:"places"`
	PlacesLeftOut uint64  `json:"placesLeftOut"`
}

// System counts the runtime's own goroutines.
type System struct {
	Births uint64 `json:"births"`
	Deaths uint64 `json:"deaths"`
}

// AtEnd is how the goroutines of the process were just behind the window, whenever they were born.
type AtEnd struct {
	// Live is what runtime.NumGoroutine would say.
	Live   uint64 `json:"live"`
	System uint64 `json:"system"`
	// ByState has runnable, running, syscall, waiting and, rarely, preempted or other.
	ByState map[string]uint64 `json:"byState"`
	// ByWaitReason splits those that wait, in the words of the program's own runtime, which are
	// those of goroutine dumps: "chan receive", "select", "IO wait", "sync.Mutex.Lock" and so on.
	ByWaitReason map[string]uint64 `json:"byWaitReason"`
}

// Site is one go statement with the function that it starts. iter.Pull counts as one.
type Site struct {
	// GoStatement is where the goroutines are made, Start the function that they run.
	GoStatement Frame `json:"goStatement"`
	Start       Frame `json:"start"`

	Births uint64 `json:"births"`
	// Deaths are those of goroutines born inside the window, DeathsOlder those of others.
	Deaths      uint64 `json:"deaths"`
	DeathsOlder uint64 `json:"deathsOlder"`
	// LiveAtEnd is Births - Deaths, LiveByQuarter the same by quarter of birth.
	LiveAtEnd     uint64    `json:"liveAtEnd"`
	LiveByQuarter [4]uint64 `json:"liveByQuarter"`
	// DeathsOlderByQuarter is by quarter of death. Where it keeps up with LiveByQuarter, goroutines
	// are replaced and do not leak.
	DeathsOlderByQuarter [4]uint64 `json:"deathsOlderByQuarter"`
	// LiveOlder are those alive behind the window and not born inside it (before it, or in the
	// moment since it closed); 0 where AtEnd is null.
	LiveOlder uint64 `json:"liveOlder"`
	// OldestAgeNs is of those in LiveAtEnd; 0 if there are none.
	OldestAgeNs uint64 `json:"oldestAgeNs"`
	// LeakCandidates are those in LiveAtEnd that are older than LeakAgeNs and were still alive when
	// they were looked at behind the window, if in each quarter more were born that stayed than
	// older ones ended; else 0.
	LeakCandidates uint64 `json:"leakCandidates"`

	// Stacks are the ways to the go statement, those with the most alive first; at most 8.
	Stacks        []CreationStack `json:"stacks"`
	StacksLeftOut uint64          `json:"stacksLeftOut"`
	// Waits are what the goroutines in LiveAtEnd and LiveOlder did behind the window, the most
	// frequent first; at most 8.
	Waits        []Place `json:"waits"`
	WaitsLeftOut uint64  `json:"waitsLeftOut"`
}

// CreationStack is one way to a go statement.
type CreationStack struct {
	// Frames begin with the function that has the go statement.
	Frames    []Frame `json:"frames"`
	Births    uint64  `json:"births"`
	LiveAtEnd uint64  `json:"liveAtEnd"`
}

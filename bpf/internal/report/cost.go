package report

// Cost says what watching took from the process, by counting events and timing what one costs on
// this machine. It is an estimate from below: hooks other than system calls and uprobes are not in
// it, nor what the probes push out of the caches. Compare it with windows that were not observed.
type Cost struct {
	// CPUNs is the CPU time of the process inside the window, probes included.
	CPUNs int64 `json:"cpuNs"`
	// SystemCalls of the process inside the window; nil where no probe counted them.
	SystemCalls *uint64 `json:"systemCalls"`
	// TracepointPrograms is how many programs each of these calls passes, at both ends together.
	TracepointPrograms int `json:"tracepointPrograms"`
	// TracepointNs is what one such program takes, timed when netprobe began.
	TracepointNs int64 `json:"tracepointNs"`
	// UprobeHits inside the window, over all sites, also of probes that were taken off in it.
	UprobeHits uint64 `json:"uprobeHits"`
	// UprobeNs is what one hit takes, timed when netprobe began on an instruction of UprobeClass.
	UprobeNs    int64  `json:"uprobeNs"`
	UprobeClass string `json:"uprobeClass"`
	// SampledNs is what the programs of the probe oncpu took, by their own clock; 0 without it.
	SampledNs int64 `json:"sampledNs"`
	// EstimatedNs is calls × programs × time, hits × time and SampledNs; nil where the calls are not
	// known.
	EstimatedNs *int64 `json:"estimatedNs"`
}

// Budget is what --budget allowed and what came of it. Shares are of the CPU time that the targets used
// between two looks, in thousandths.
type Budget struct {
	LimitPermille   int64 `json:"limitPermille"`
	HighestPermille int64 `json:"highestPermille"`
	// Shed are the probes that were taken off, in that order; their metrics are unavailable.
	Shed []Shed `json:"shed"`
	// Exceeded tells that watching took more than allowed when no probe was left that can be taken off.
	Exceeded bool `json:"exceeded"`
}

// Shed is a probe that was taken off inside the window.
type Shed struct {
	Probe string `json:"probe"`
	AtNs  int64  `json:"atNs"`
	// Permille is what watching took then.
	Permille int64 `json:"permille"`
}

package handoff

// Details is what the probe tells beside its histogram.
type Details struct {
	// Handoffs counts the Ps that sysmon took away from threads in system calls.
	Handoffs uint64 `json:"handoffs"`
	// Steals counts the Ps that threads in system calls lost to a thread that had them before and
	// came back from a call of its own; nil before Go 1.26, as the next one.
	Steals *uint64 `json:"steals"`
	// ReturnsWithoutP counts goroutines that came back from a call and had lost their P: to sysmon,
	// to another thread, or to a stop of the world.
	ReturnsWithoutP *uint64 `json:"returnsWithoutP"`
	// ReturnsQueued counts those of them that got no P at once and had to wait. Each is in
	// handoffReturnNs once it runs.
	ReturnsQueued uint64 `json:"returnsQueued"`
}

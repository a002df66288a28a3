package report

// Clock says how far the clock of the probes was from CLOCK_MONOTONIC as programs read it, such as
// Go's execution trace and the harness. Above 1 µs what they saw must not be joined.
type Clock struct {
	// Readings of both: at the beginning, every 5 s, and at the end.
	Readings []ClockReading `json:"readings"`
	// OffsetNs is the mean of probe minus program.
	OffsetNs int64 `json:"offsetNs"`
	// SlopePpb is how fast it grows, in billionths, by least squares; 0 with one reading.
	SlopePpb int64 `json:"slopePpb"`
	// BoundNs: the clocks were never further apart than this, at any reading.
	BoundNs int64 `json:"boundNs"`
}

// ClockReading is the tightest of five attempts.
type ClockReading struct {
	AtNs     int64 `json:"atNs"`
	OffsetNs int64 `json:"offsetNs"`
	// HalfWidthNs is how far OffsetNs can be off.
	HalfWidthNs int64 `json:"halfWidthNs"`
}

package schedule

// Kind names a process of arrivals.
type Kind string

const (
	// Poisson arrivals are independent of each other: the load of many users
	// that know nothing of one another. The zero Kind means the same.
	Poisson Kind = "poisson"
	// Constant arrivals are evenly spaced.
	Constant Kind = "constant"
	// OnOff arrivals are a Poisson process that is switched on and off in turn.
	OnOff Kind = "on-off"
	// Ramp arrivals are a Poisson process whose rate changes linearly.
	Ramp Kind = "ramp"
	// Replay arrivals were recorded.
	Replay Kind = "replay"
)

// Arrivals is a kind with its settings. Those of other kinds are not read.
type Arrivals struct {
	Kind Kind
	// OnNs and OffNs, ≥ 1: how long OnOff sends and pauses. A phase begins with
	// an on-stretch.
	OnNs, OffNs int64
	// ToRatePerSec is the rate that Ramp has reached when the phase ends; range
	// as Config.RatePerSec, above or below it.
	ToRatePerSec float64
	// Recorded is what Replay sends, by AtNs, ascending.
	Recorded []Recorded
}

// arrivalTimes are the times of one phase's requests in ns, ascending, all within
// the phase; ok is false after the last.
type arrivalTimes interface {
	next() (atNs int64, ok bool)
}

func newArrivals(c Config) arrivalTimes {
	switch c.Arrivals.Kind {
	case Constant:
		return newConstant(c)
	case OnOff:
		return newOnOff(c)
	case Ramp:
		return newRamp(c)
	}
	return newPoisson(c)
}

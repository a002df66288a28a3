package schedule

import "time"

// onOff is a Poisson process in a time of its own, which stands still in the
// off-stretches. Its rate there is higher by as much as is paused, so that the
// mean over whole cycles is the rate asked for. A phase that ends within a cycle
// has a higher mean, because a cycle begins with its on-stretch.
type onOff struct {
	onNs, cycleNs int64
	onTime        *poisson
}

func newOnOff(c Config) *onOff {
	o := &onOff{onNs: c.Arrivals.OnNs, cycleNs: c.Arrivals.OnNs + c.Arrivals.OffNs}
	meanGapNs := float64(time.Second) / c.RatePerSec * float64(o.onNs) / float64(o.cycleNs)
	o.onTime = poissonUntil(c, meanGapNs, o.onWithin(int64(c.Duration)))
	return o
}

// onWithin returns how much of the first ns is on.
func (o *onOff) onWithin(ns int64) int64 {
	return ns/o.cycleNs*o.onNs + min(ns%o.cycleNs, o.onNs)
}

func (o *onOff) next() (atNs int64, ok bool) {
	on, ok := o.onTime.next()
	return on/o.onNs*o.cycleNs + on%o.onNs, ok
}

func (o *onOff) expectedCount() float64 {
	return float64(o.onTime.end) / float64(o.onTime.meanGap)
}

package validity

import (
	"slices"

	"pollgate/go-fixtures/internal/statistics"
)

// Limits of what may differ between arms: what would shift the ratio of a
// quantile by as much as a gate would act on, with a floor at the machine's noise.
const (
	pairedP50Share, pairedP50FloorNs = 0.01, 5_000
	pairedP99Share, pairedP99FloorNs = 0.05, 50_000
	// pairedLossLimit: see lossLimit.
	pairedLossLimit = 0.001
)

// pairedReasons: may the arms be compared? A disturbance that all of them shared
// shifts them alike, and leaves the comparison standing; one that fell upon some
// of them does not. Arms are compared where they are furthest apart.
func pairedReasons(in *Input, all []*arm, verdicts []ArmVerdict) []Reason {
	reasons := armReasons(all, verdicts)
	if len(reasons) > 0 {
		return reasons // what is left would compare nothing with something
	}
	return concat(
		lossBalanceReasons(all),
		lagBalanceReasons(all, "send", sendLag),
		lagBalanceReasons(all, "receive", receiveLag),
		gapBalanceReasons(in, all),
	)
}

func unpaired(rule string, cause Cause, seen, limit float64, unit, text string) []Reason {
	return []Reason{{rule, Invalid, cause, seen, limit, unit, text}}
}

func armReasons(all []*arm, verdicts []ArmVerdict) []Reason {
	var reasons []Reason
	for i, v := range verdicts {
		for _, r := range v.Reasons {
			if r.Grade == Invalid {
				r.Rule, r.Text = "arm-invalid", all[i].name+": "+r.Text
				reasons = append(reasons, r)
			}
		}
	}
	return reasons
}

func lossBalanceReasons(all []*arm) []Reason {
	least, most := furthest(all, func(a *arm) float64 { return float64(a.requests-a.completed()) / float64(a.requests) })
	low := float64(least.requests-least.completed()) / float64(least.requests)
	high := float64(most.requests-most.completed()) / float64(most.requests)
	if high-low <= pairedLossLimit {
		return nil
	}
	return unpaired("unequal-loss", ByServer, high-low, pairedLossLimit, "ratio",
		most.name+" lost "+percentText(high)+" of its requests, "+least.name+" "+percentText(low)+
			", more than "+percentText(pairedLossLimit)+" apart")
}

// lag is one of the two lags of an arm.
type lag struct {
	values   []int64
	p50, p99 int64
}

func sendLag(a *arm) lag    { return lag{a.sendLag, a.sendP50, a.sendP99} }
func receiveLag(a *arm) lag { return lag{a.receiveLag, a.receiveP50, a.receiveP99} }

func lagBalanceReasons(all []*arm, which string, of func(*arm) lag) []Reason {
	all = slices.DeleteFunc(slices.Clone(all), func(a *arm) bool { return len(of(a).values) == 0 })
	if len(all) < 2 {
		return nil
	}
	var reasons []Reason
	least, most := furthest(all, func(a *arm) float64 { return float64(of(a).p50) })
	limit := max(int64(pairedP50Share*float64(min(least.p50, most.p50))), pairedP50FloorNs)
	if of(most).p50-of(least).p50 > limit && shapesDiffer(of(least).values, of(most).values) {
		reasons = append(reasons, unequalLag(which, "p50", least.name, most.name, of(least).p50, of(most).p50, limit))
	}
	least, most = furthest(all, func(a *arm) float64 { return float64(of(a).p99) })
	limit = max(int64(pairedP99Share*float64(min(least.p99, most.p99))), pairedP99FloorNs)
	if of(most).p99-of(least).p99 > limit && tailsDiffer(of(least).values, of(most).values, of(least).p99+limit) {
		reasons = append(reasons, unequalLag(which, "p99", least.name, most.name, of(least).p99, of(most).p99, limit))
	}
	return reasons
}

func unequalLag(which, quantile, least, most string, low, high, limit int64) Reason {
	return unpaired("unequal-"+which+"-lag-"+quantile, ByGenerator, float64(high-low), float64(limit), "ns",
		which+" lag "+quantile+" of "+most+" is "+nsText(high)+", of "+least+" "+nsText(low)+
			", more than "+nsText(limit)+" apart")[0]
}

// shapesDiffer is the test of Kolmogorov and Smirnov.
func shapesDiffer(a, b []int64) bool {
	x, y := thinned(a), thinned(b)
	slices.Sort(x)
	slices.Sort(y)
	return statistics.SmirnovProbability(statistics.Smirnov(x, y), float64(len(x)), float64(len(y))) < alpha
}

// tailsDiffer compares how many lags lie beyond a time. The distance of Kolmogorov
// and Smirnov would hardly see them: at p99 it is a few hundredths at most.
func tailsDiffer(a, b []int64, beyondNs int64) bool {
	return statistics.TwoProportions(beyond(a, beyondNs), len(a), beyond(b, beyondNs), len(b)) < alpha
}

func beyond(values []int64, ns int64) int {
	count := 0
	for _, x := range values {
		if x > ns {
			count++
		}
	}
	return count
}

// furthest returns the arms with the least and the greatest of a figure.
func furthest(all []*arm, of func(*arm) float64) (least, most *arm) {
	least, most = all[0], all[0]
	for _, a := range all[1:] {
		if of(a) < of(least) {
			least = a
		}
		if of(a) > of(most) {
			most = a
		}
	}
	return least, most
}

package validity

import "math"

const (
	// littleLimit is how far the two sides may be apart.
	littleLimit = 0.01
	// The loop counts a request with a reading of the clock of its own, just after
	// the record's stamp, at the beginning and at the end.
	countReads = 2
)

// littleReasons holds the records against J. D. C. Little's law, L = λW (A proof
// for the queuing formula: L = λW, Oper. Res. 9 (1961), 383–387): over a stretch
// that begins and ends empty, the area under the number of requests under way is
// the sum of their service times, exactly. The area is the loop's, the times are
// those of the records: a difference means that records were lost, counted twice,
// or stamped at other times than the requests were sent and read. One mean
// request is granted, and what lies between both readings of the clock. It does
// not find a clock that is wrong as such; see the rules for the clock.
func littleReasons(in *Input, a *arm) []Reason {
	if a.index >= len(in.InflightAreaNs) || a.sent == 0 {
		return nil
	}
	area := in.InflightAreaNs[a.index]
	granted := max(littleLimit*a.serviceSum, a.serviceSum/float64(a.sent)) +
		float64(int64(a.sent)*countReads*in.Usage.ClockReadNs)
	difference := math.Abs(area - a.serviceSum)
	if difference <= granted || a.serviceSum <= 0 {
		return nil
	}
	ratio, limit := difference/a.serviceSum, granted/a.serviceSum
	return []Reason{{"little", Suspect, ByGenerator, ratio, limit, "ratio",
		"the requests under way and the service times differ by " + percentText(ratio) + ", over " + percentText(limit) +
			" (Little's law)"}}
}

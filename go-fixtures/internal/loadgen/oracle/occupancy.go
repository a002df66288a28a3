package oracle

import (
	"fmt"
	"slices"
)

// Request is one completed request to a truthd.
type Request struct {
	IntendedNs int64 // when it should have been sent
	SentNs     int64 // when it was, by the generator
	// The server's times, as package truthproto defines them.
	BeganNs, WroteNs, PreviousFreedNs int64
	DoneNs                            int64 // when the generator had the reply
}

// occupation is how long each request kept the server from the next one.
//
// Request i keeps the server from began(i) until the server can take up another
// one. When it was done with i, at freed(i), it still had to return to its loop
// and to ask the kernel for the next. How long that takes is seen only where the
// next request was there already: there, i ends at began(i+1). A request was
// there if it was sent at least pathNs before freed(i), where pathNs is the time
// from sending to taking up that nine in ten of those requests stayed below that
// found the server idle. Everywhere else, where it cannot be seen, i ends at
// freed(i) + turnaroundNs, the median of those that were seen. An end later than
// the next arrival would be has no effect on anything (Lindley takes the maximum).
//
// A request whose reply was lost is missing from the list, but not from
// PreviousFreedNs: its time goes to the request before.
type occupation struct {
	ns                   []int64
	pathNs, turnaroundNs int64
}

// occupy computes the occupation of requests in the order of BeganNs.
func occupy(requests []Request) (occupation, error) {
	// freed(i) comes with the reply to i+1.
	freed := make([]int64, len(requests))
	var paths []int64
	for i, r := range requests {
		freed[i] = r.WroteNs
		if r.WroteNs < r.BeganNs {
			return occupation{}, fmt.Errorf("a request began at %d and was written at %d, earlier: these are no times of a truthd",
				r.BeganNs, r.WroteNs)
		}
		if i+1 == len(requests) {
			break
		}
		next := requests[i+1]
		freed[i] = max(r.WroteNs, next.PreviousFreedNs)
		if next.BeganNs < freed[i] {
			return occupation{}, fmt.Errorf("a request began at %d, but the one before it kept the server until %d: "+
				"these are no times of one truthd", next.BeganNs, freed[i])
		}
		if next.SentNs >= freed[i] {
			paths = append(paths, next.BeganNs-next.SentNs)
		}
	}
	var o occupation
	if len(paths) > 0 {
		slices.Sort(paths)
		o.pathNs = quantile(paths, 0.9)
	}
	waited := func(i int) bool { return i+1 < len(requests) && requests[i+1].SentNs+o.pathNs <= freed[i] }
	var turnarounds []int64
	for i := range requests {
		if waited(i) {
			turnarounds = append(turnarounds, requests[i+1].BeganNs-freed[i])
		}
	}
	if len(turnarounds) > 0 {
		slices.Sort(turnarounds)
		o.turnaroundNs = quantile(turnarounds, 0.5)
	}
	o.ns = make([]int64, len(requests))
	for i, r := range requests {
		o.ns[i] = freed[i] + o.turnaroundNs - r.BeganNs
		if waited(i) {
			o.ns[i] = requests[i+1].BeganNs - r.BeganNs
		}
	}
	return o, nil
}

// Package oracle computes what a truthd must have made of a load: for every
// request the latency that a generator without any error would have measured.
//
// The server is one thread, serves first come, first served, and says when it
// took each request up and when it was done, so nothing has to be assumed about
// distributions, and there is no sampling error: what is left between the
// measured latencies and these is the generator, and the way of the bytes
// between the two programs.
//
// All times are CLOCK_MONOTONIC in ns. Nothing here reads a clock.
package oracle

// Lindley returns when a server that serves one request at a time, in the order
// given, begins each of them: at its arrival, or when it is done with the one
// before. Request i keeps the server for occupancy[i]. The order may differ from
// that of the arrivals; the server then waits for the next in order.
//
// It is the recursion of D. V. Lindley, "The theory of queues with a single
// server", Mathematical Proceedings of the Cambridge Philosophical Society 48
// (1952) 277–289, written with times instead of waiting times.
func Lindley(arrivals, occupancy []int64) (begins []int64) {
	begins = make([]int64, len(arrivals))
	for i := range arrivals {
		begins[i] = arrivals[i]
		if i > 0 {
			begins[i] = max(begins[i], begins[i-1]+occupancy[i-1])
		}
	}
	return begins
}

//go:build goexperiment.io_uring

package pollerstats

import _ "unsafe" // for go:linkname

//go:linkname iouringStats runtime.runtime_iouringStats
func iouringStats() [7]uint64

// Read returns the counters; ok is always true.
func Read() (c Counters, ok bool) {
	s := iouringStats()
	return Counters{
		RearmedCanceled: s[0],
		RearmedOverflow: s[1],
		Overflows:       s[2],
		BreaksReposted:  s[3],
		ReplacedStale:   s[4],
		Silenced:        s[5],
		Failed:          s[6],
	}, true
}

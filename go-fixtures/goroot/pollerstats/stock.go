//go:build !goexperiment.io_uring

package pollerstats

// Read reports that this program has no io_uring netpoller.
func Read() (c Counters, ok bool) { return Counters{}, false }

// Package pollerstats reads the counters of the io_uring netpoller. In a
// program built without the tag goexperiment.io_uring there are none.
package pollerstats

// Counters count, since the start of the process, what the netpoller hardly
// ever has to do. All are 0 in a quiet, healthy process.
type Counters struct {
	RearmedCanceled uint64 // polls renewed because the thread that armed them exited
	RearmedOverflow uint64 // multishot polls ended by a full completion queue
	Overflows       uint64 // times completions were fetched from the kernel's backlog
	BreaksReposted  uint64 // wake-ups that met the wrong thread and were sent again
	ReplacedStale   uint64 // descriptors found closed behind the runtime's back
	Silenced        uint64 // polls given up because their file ends every poll at once
	Failed          uint64 // polls that the kernel ended with an error
}

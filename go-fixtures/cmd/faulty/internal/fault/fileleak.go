package fault

import (
	"context"
	"io"
	"os"
)

// file-leak: a request opens a file, reads its beginning, and keeps it open in a table that nothing
// is ever taken from. (A file that is merely forgotten is closed by the garbage collector some day.)
//
// Kernel: openat without close; /proc/PID/fd grows by one regular file per request. No epoll, no wait.
// Runtime: nothing but the heap profile (os.newFile); no goroutine waits for a file.
// At this load: 100 descriptors more in each second; latency as the twin's.
var fileLeak = Fault{
	Name: "file-leak", Expect: "file-leak",
	RatePerSec: 100, Connections: 4, VisibleAfterSeconds: 5,
	LookAt: "open descriptors on one regular file, one more per request; openat without close",
	begin:  beginFileLeak,
}

func beginFileLeak(s *setting) (*part, error) {
	var opened keeper[*os.File]
	return &part{request: func(context.Context) error {
		// The server's own binary: it is there anyway, and no temporary file can be left behind.
		file, err := os.Open("/proc/self/exe")
		if err != nil {
			return err
		}
		if s.correct {
			defer file.Close()
		} else {
			opened.keep(file) // The mistake.
		}
		var start [64]byte
		_, err = io.ReadFull(file, start[:])
		return err
	}}, nil
}

package fault

import (
	"net/http"
	"strconv"
)

// small-writes: the reply of 256 bytes goes out byte by byte, each flushed. The twin writes the same
// bytes with one flush at the end.
//
// Kernel: 256 write calls per request, of one byte each but the first, which has the header, and as
// many segments on the wire.
// Runtime: CPU profile, most of it below syscall.write; no wait anywhere.
// At this load: p50 1.4 ms, the twin's 0.3 ms; 10 % of one CPU, 2.5 % in the twin.
var smallWrites = Fault{
	Name: "small-writes", Expect: "small-writes",
	RatePerSec: 100, Connections: 4, VisibleAfterSeconds: 2,
	LookAt: "write calls per request (256, twin 1) of one byte each; CPU profile below syscall.write",
	begin:  beginSmallWrites,
}

func beginSmallWrites(s *setting) (*part, error) {
	const bodyBytes = 256
	body := make([]byte, bodyBytes)
	for i := range body {
		body[i] = 'a' + byte(i%26)
	}
	return &part{reply: func(w http.ResponseWriter) error {
		w.Header().Set("Content-Length", strconv.Itoa(bodyBytes))
		controller := http.NewResponseController(w)
		for i := range body {
			if _, err := w.Write(body[i : i+1]); err != nil {
				return err
			}
			if s.correct {
				continue
			}
			if err := controller.Flush(); err != nil { // The mistake.
				return err
			}
		}
		return controller.Flush()
	}}, nil
}

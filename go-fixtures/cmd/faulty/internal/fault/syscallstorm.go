package fault

import (
	"bufio"
	"context"
	"io"
	"os"
)

// syscall-storm: each request reads the first 1,024 bytes of a file one by one, with a system call
// for each. The twin reads them one by one as well, from a buffer of 4 KiB.
//
// Kernel: 1,024 read calls of one byte per request; syscr of /proc/PID/io.
// Runtime: CPU profile, most of it below os.(*File).Read and syscall.read; no wait anywhere.
// At this load: 1,027 reads per request, 4 in the twin; 13 % of one CPU, 3 % in the twin.
var syscallStorm = Fault{
	Name: "syscall-storm", Expect: "syscall-storm",
	RatePerSec: 100, Connections: 4, VisibleAfterSeconds: 2,
	LookAt: "read calls per request (1,024 of one byte, twin 1); CPU profile below syscall.read",
	begin:  beginSyscallStorm,
}

// recordBytes is how much of the file a request reads.
const recordBytes = 1024

func beginSyscallStorm(s *setting) (*part, error) {
	return &part{request: func(context.Context) error {
		file, err := os.Open("/proc/self/exe")
		if err != nil {
			return err
		}
		defer file.Close()
		var reader io.Reader = file // The mistake.
		if s.correct {
			reader = bufio.NewReader(file)
		}
		var one [1]byte
		sum := uint64(0)
		for range recordBytes {
			if _, err := io.ReadFull(reader, one[:]); err != nil {
				return err
			}
			sum += uint64(one[0])
		}
		computed.Store(sum)
		return nil
	}}, nil
}

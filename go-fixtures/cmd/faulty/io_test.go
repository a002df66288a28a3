package main

import (
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

var ioEvidence = map[string]func(t *testing.T, name string){
	"small-writes": func(t *testing.T, name string) {
		const requests, bodyBytes = 23, 256
		fault, twin := faultAndTwin(t, name, func(s *server) int64 {
			before := s.io(t, "syscw")
			s.drive(t, 1, requests)
			return s.io(t, "syscw") - before
		})
		expectBounds(t, "write calls", fault, twin, requests*bodyBytes, requests*bodyBytes/8)
	},
	"syscall-storm": func(t *testing.T, name string) {
		const requests, recordBytes = 23, 1024
		fault, twin := faultAndTwin(t, name, func(s *server) int64 {
			before := s.io(t, "syscr")
			s.drive(t, 1, requests)
			return s.io(t, "syscr") - before
		})
		expectBounds(t, "read calls", fault, twin, requests*recordBytes, requests*recordBytes/8)
	},
	"slow-storage": func(t *testing.T, name string) {
		const requests, written = 13, 512 * 4096
		dir := t.TempDir()
		var statfs unix.Statfs_t
		if err := unix.Statfs(dir, &statfs); err != nil {
			t.Fatal(err)
		}
		if statfs.Type == unix.TMPFS_MAGIC {
			t.Skipf("missing capability: a disk for temporary files (TMPDIR); %s is in memory", dir)
		}
		fault, twin := faultAndTwin(t, name, func(s *server) int64 {
			before := s.io(t, "write_bytes")
			s.drive(t, 1, requests)
			return s.io(t, "write_bytes") - before
		}, "--dir", dir)
		// What is dirty already is not counted again, unless the disk has it.
		expectBounds(t, "bytes for the disk", fault, twin, requests*written, requests*written/2)
		if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
			t.Errorf("files left: %v (%v)", left, err)
		}
	},
	"slow-peer": func(t *testing.T, name string) {
		const requests, delay = 13, 50 * time.Millisecond
		fault, twin := faultAndTwin(t, name, func(s *server) time.Duration { return s.drive(t, 1, requests) })
		t.Logf("%d requests: fault %v, twin %v", requests, fault, twin)
		if fault < requests*delay || twin > fault/2 {
			t.Errorf("%d requests took %v, the twin %v; want %v and more, and less than half",
				requests, fault, twin, requests*delay)
		}
	},
	"synchronous-dns": func(t *testing.T, name string) {
		const requests, perLookup = 13, 2 // A and AAAA
		fault, twin := faultAndTwin(t, name, func(s *server) int64 {
			s.drive(t, 1, requests)
			return s.peerSeen(t).Requests
		})
		expect(t, "queries", fault, twin, requests*perLookup, perLookup)
	},
	"nagle-delayed-ack": func(t *testing.T, name string) {
		const requests = 23
		type seen struct {
			took    time.Duration
			noDelay int
		}
		fault, twin := faultAndTwin(t, name, func(s *server) (result seen) {
			result.took = s.drive(t, 1, requests)
			s.eachSocketTo(t, s.peerPort(t), func(fd int) {
				noDelay, err := unix.GetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY)
				if err != nil {
					t.Fatal(err)
				}
				result.noDelay = noDelay
			})
			return result
		})
		expect(t, "TCP_NODELAY", fault.noDelay, twin.noDelay, 0, 1)
		t.Logf("%d requests: fault %v, twin %v", requests, fault.took, twin.took)
		// 40 ms each, but for the first: a connection begins with acknowledgements at once.
		if fault.took < 2*twin.took {
			t.Errorf("%d requests took %v, the twin %v: want at least twice as long", requests, fault.took, twin.took)
		}
	},
}

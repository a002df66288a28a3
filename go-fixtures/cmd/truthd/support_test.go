package main

import (
	"cmp"
	"net"
	"os"
	"runtime"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"pollgate/go-fixtures/internal/truthproto"
)

// serial holds all replies of a server together to what one thread can do.
func serial(t *testing.T, replies [][]truthproto.Reply, want int) {
	t.Helper()
	all := slices.Concat(replies...)
	if len(all) != want {
		t.Fatalf("%d replies, want %d", len(all), want)
	}
	slices.SortFunc(all, func(a, b truthproto.Reply) int { return cmp.Compare(a.BeganNs, b.BeganNs) })
	for i := 1; i < len(all); i++ {
		follows(t, all[i-1], all[i])
		if t.Failed() {
			return
		}
	}
}

func openSockets(t *testing.T, pid int) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/" + itoa(pid) + "/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

// writeNow writes as much of p as there is room for at this moment.
func writeNow(t *testing.T, conn *net.TCPConn, p []byte) (n int) {
	t.Helper()
	raw, err := conn.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var failure error
	err = raw.Write(func(fd uintptr) bool {
		n, failure = unix.Write(int(fd), p)
		return true
	})
	if err != nil || failure != nil && failure != unix.EAGAIN {
		t.Fatal(err, failure)
	}
	return max(n, 0)
}

// pinToOneCPU keeps the test on one CPU: the kernel delivers what one CPU writes to loopback
// sockets in the order of the writes. The thread ends with the test.
func pinToOneCPU(t *testing.T) {
	t.Helper()
	runtime.LockOSThread()
	var allowed, one unix.CPUSet
	if err := unix.SchedGetaffinity(0, &allowed); err != nil {
		t.Fatal(err)
	}
	for cpu := 0; one.Count() == 0; cpu++ {
		if allowed.IsSet(cpu) {
			one.Set(cpu)
		}
	}
	if err := unix.SchedSetaffinity(0, &one); err != nil {
		t.Fatal(err)
	}
}

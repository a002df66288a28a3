package blocktest

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pollgate/go-fixtures/internal/fixturetest"
)

// States of a socket, as /proc/net/tcp writes them.
const (
	Established = "01"
	FinWait2    = "05"
	TimeWait    = "06"
	CloseWait   = "08"
	Listening   = "0A"
)

// Socket is a line of /proc/net/tcp.
type Socket struct {
	State        string
	ReceiveQueue uint64
	Inode        string
}

// Sockets returns the connections of the server's side of its address, without those in TIME-WAIT,
// which no process has.
func Sockets(t testing.TB, p *fixturetest.Process) []Socket {
	t.Helper()
	address := netip.MustParseAddrPort(p.Ready.Address)
	ip := address.Addr().As4()
	local := fmt.Sprintf("%08X:%04X", binary.NativeEndian.Uint32(ip[:]), address.Port())
	text, err := os.ReadFile("/proc/net/tcp")
	if err != nil {
		t.Fatal(err)
	}
	var sockets []Socket
	for line := range strings.Lines(string(text)) {
		// sl, local, remote, state, tx_queue:rx_queue, …, inode
		fields := strings.Fields(line)
		if len(fields) < 10 || fields[1] != local || fields[3] == Listening || fields[3] == TimeWait {
			continue
		}
		_, queue, _ := strings.Cut(fields[4], ":")
		bytes, err := strconv.ParseUint(queue, 16, 64)
		if err != nil {
			t.Fatal(err)
		}
		sockets = append(sockets, Socket{fields[3], bytes, fields[9]})
	}
	return sockets
}

// Pinned returns the sockets in a state (empty: in any) that no descriptor of the process is for.
func Pinned(t testing.TB, p *fixturetest.Process, state string) int {
	t.Helper()
	held := fixturetest.Descriptors(t, p.PID())
	count := 0
	for _, socket := range Sockets(t, p) {
		if (state == "" || socket.State == state) && !slices.Contains(held, "socket:["+socket.Inode+"]") {
			count++
		}
	}
	return count
}

// WaitForSockets waits until the server's side has so many connections in a state; empty = any.
func WaitForSockets(t testing.TB, p *fixturetest.Process, state string, want int) {
	t.Helper()
	WaitFor(t, func() error {
		count := 0
		for _, socket := range Sockets(t, p) {
			if state == "" || socket.State == state {
				count++
			}
		}
		if count != want {
			return fmt.Errorf("%d sockets in state %q, want %d: %+v", count, state, want, Sockets(t, p))
		}
		return nil
	})
}

// WaitFor asks again until there is no complaint.
func WaitFor(t testing.TB, complaint func() error) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; {
		err := complaint()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

// Rings returns the fdinfo of each io_uring of the process.
func Rings(t testing.TB, p *fixturetest.Process) []string {
	t.Helper()
	folder := fmt.Sprintf("/proc/%d", p.PID())
	entries, err := os.ReadDir(folder + "/fd")
	if err != nil {
		t.Fatal(err)
	}
	var rings []string
	for _, entry := range entries {
		target, _ := os.Readlink(filepath.Join(folder, "fd", entry.Name())) // Closed since: no ring.
		if target != "anon_inode:[io_uring]" {
			continue
		}
		text, err := os.ReadFile(filepath.Join(folder, "fdinfo", entry.Name()))
		if err != nil {
			t.Fatal(err)
		}
		rings = append(rings, string(text))
	}
	return rings
}

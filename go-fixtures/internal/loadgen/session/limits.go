package session

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"pollgate/go-fixtures/internal/loadgen/schedule"
	"pollgate/go-fixtures/internal/loadgen/spec"
)

// ownDescriptors is more than the generator has open besides its connections.
const ownDescriptors = 64

// LimitError says that this machine does not allow as many connections as the
// spec wants.
type LimitError struct {
	Wanted, Allowed int
	What            string // of which there are too few
	Remedy          string
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("$.connectionsPerArm: the run needs %d %s, allowed: %d; %s", e.Wanted, e.What, e.Allowed, e.Remedy)
}

// checkLimits finds out before the first connection whether the last one can be
// made. The Go runtime has raised the soft limit of descriptors to the hard one.
func checkLimits(s *spec.Spec) error {
	connections := s.ConnectionsPerArm
	remedy := "lower it, or raise the hard limit (ulimit -Hn, as root: prlimit --nofile)"
	if s.Interleave != schedule.Run {
		connections *= len(s.Arms)
		if len(s.Arms) > 1 {
			remedy += `, or use interleave "run", which connects one arm at a time`
		}
	}
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("read the limit of open files: %w", err)
	}
	if allowed := int(min(limit.Cur, 1<<30)); connections+ownDescriptors > allowed {
		return &LimitError{connections + ownDescriptors, allowed, "file descriptors", remedy}
	}
	for _, arm := range s.Arms {
		// Towards 127.0.0.0/8 connections come from as many addresses as it takes.
		if a := arm.Address.Addr(); a.Is4() && a.IsLoopback() {
			continue
		}
		if ports := localPorts(); s.ConnectionsPerArm > ports {
			return &LimitError{s.ConnectionsPerArm, ports, "local ports towards " + arm.Address.String(),
				"lower it, or widen net.ipv4.ip_local_port_range"}
		}
	}
	return nil
}

// localPorts is how many ports the kernel gives to outgoing connections; its
// default where it does not tell.
func localPorts() int {
	first, last := 32768, 60999
	if text, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range"); err == nil {
		_, _ = fmt.Sscan(string(text), &first, &last) // keeps the default where it cannot be read
	}
	return last - first + 1
}

package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"unsafe"
)

// countSockets counts the kernel's TCP sockets that have one of ports at either
// end and are not in TIME_WAIT. A socket without descriptor is what a forgotten
// poll would leave: /proc/self/fd does not show it.
func countSockets(ports []int) (int, error) {
	f, err := os.Open("/proc/net/tcp")
	if err != nil {
		return 0, err
	}
	defer f.Close()
	n := 0
	for lines := bufio.NewScanner(f); ; {
		if !lines.Scan() {
			return n, lines.Err()
		}
		// sl local_address rem_address st ...
		fields := strings.Fields(lines.Text())
		if len(fields) < 4 || !hasPort(fields[1], ports) && !hasPort(fields[2], ports) {
			continue
		}
		state, err := strconv.ParseUint(fields[3], 16, 8)
		if err != nil {
			return 0, fmt.Errorf("/proc/net/tcp: state %q: %w", fields[3], err)
		}
		const timeWait = 6
		if state != timeWait {
			n++
		}
	}
}

// hasPort reports whether an address such as 0100007F:1F90 has one of ports.
func hasPort(address string, ports []int) bool {
	_, hex, _ := strings.Cut(address, ":")
	port, err := strconv.ParseUint(hex, 16, 16)
	return err == nil && slices.Contains(ports, int(port))
}

// usedSockets counts the sockets of this network, whatever their state. One that
// was reset and is held by a request alone has no port any more, so that
// neither /proc/net/tcp nor ss shows it; this count does.
func usedSockets() (int, error) {
	raw, err := os.ReadFile("/proc/net/sockstat")
	if err != nil {
		return 0, err
	}
	first, _, _ := strings.Cut(string(raw), "\n")
	n, err := strconv.Atoi(strings.TrimPrefix(first, "sockets: used "))
	if err != nil {
		return 0, fmt.Errorf("/proc/net/sockstat begins %q: %w", first, err)
	}
	return n, nil
}

// loopbackUp switches on lo, which a new network has switched off. It refuses a
// network that has anything else: then it is not one of this process alone.
func loopbackUp() error {
	raw, err := os.ReadFile("/proc/net/dev")
	if err != nil {
		return err
	}
	// Two lines of heading, then one for each interface.
	if interfaces := strings.Split(strings.TrimSpace(string(raw)), "\n")[2:]; len(interfaces) != 1 {
		return errors.New("-netns: this network has more than lo, start the program in a new one")
	}
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_DGRAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer syscall.Close(fd)
	request := struct { // struct ifreq
		name  [syscall.IFNAMSIZ]byte
		flags uint16
		_     [22]byte
	}{flags: syscall.IFF_UP}
	copy(request.name[:], "lo")
	if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, uintptr(fd), syscall.SIOCSIFFLAGS, uintptr(unsafe.Pointer(&request))); errno != 0 {
		return fmt.Errorf("switch on lo: %w", errno)
	}
	return nil
}

package tcplife

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// listening is the state of a listening socket in /proc/net/tcp.
const listening = "0A"

// listenersOf are the ports on which a process listens now, in its network namespace.
func listenersOf(pid int) ([]tcplifeListener, error) {
	info, err := os.Stat(fmt.Sprintf("/proc/%d/ns/net", pid))
	if err != nil {
		return nil, fmt.Errorf("find network namespace: %w", err)
	}
	network := uint32(info.Sys().(*syscall.Stat_t).Ino)
	own, err := socketsOf(pid)
	if err != nil {
		return nil, err
	}
	var found []tcplifeListener
	for _, table := range []string{"tcp", "tcp6"} {
		path := fmt.Sprintf("/proc/%d/net/%s", pid, table)
		ports, err := listeningPorts(path, own)
		if os.IsNotExist(err) {
			continue // a kernel without IPv6
		}
		if err != nil {
			return nil, err
		}
		for _, port := range ports {
			found = append(found, tcplifeListener{Network: network, Port: port})
		}
	}
	return found, nil
}

// socketsOf are the inodes of the sockets that a process has open.
func socketsOf(pid int) (map[string]bool, error) {
	dir := fmt.Sprintf("/proc/%d/fd", pid)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("find the sockets of process %d: %w", pid, err)
	}
	sockets := map[string]bool{}
	for _, entry := range entries {
		link, err := os.Readlink(filepath.Join(dir, entry.Name()))
		if err != nil {
			continue // closed meanwhile
		}
		if inode, is := strings.CutPrefix(link, "socket:["); is {
			sockets[strings.TrimSuffix(inode, "]")] = true
		}
	}
	return sockets, nil
}

// listeningPorts reads a table of TCP sockets: number, local address, remote address, state, queues,
// timer, retransmits, user, timeout, inode.
func listeningPorts(path string, own map[string]bool) ([]uint32, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var ports []uint32
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) < 10 || fields[3] != listening || !own[fields[9]] {
			continue
		}
		_, number, _ := strings.Cut(fields[1], ":")
		port, err := strconv.ParseUint(number, 16, 16)
		if err != nil {
			return nil, fmt.Errorf("%s: local address %q: expected ADDRESS:PORT in hexadecimal",
				path, fields[1])
		}
		ports = append(ports, uint32(port))
	}
	return ports, lines.Err()
}

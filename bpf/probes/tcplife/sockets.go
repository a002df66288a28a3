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

// socketsOf are the ports on which a process listens now, in its network namespace, and the ends of the
// connections that it has.
func socketsOf(pid int) (listeners []tcplifeListener, connections []tcplifeEnds, err error) {
	info, err := os.Stat(fmt.Sprintf("/proc/%d/ns/net", pid))
	if err != nil {
		return nil, nil, fmt.Errorf("find network namespace: %w", err)
	}
	network := uint32(info.Sys().(*syscall.Stat_t).Ino)
	own, err := inodesOf(pid)
	if err != nil {
		return nil, nil, err
	}
	for _, table := range []string{"tcp", "tcp6"} {
		sockets, err := readTable(fmt.Sprintf("/proc/%d/net/%s", pid, table), own)
		if os.IsNotExist(err) {
			continue // a kernel without IPv6
		}
		if err != nil {
			return nil, nil, err
		}
		for _, socket := range sockets {
			local := tcplifeListener{Network: network, Port: socket.localPort}
			if socket.listens {
				listeners = append(listeners, local)
			} else {
				connections = append(connections, tcplifeEnds{Local: local, RemotePort: socket.remotePort})
			}
		}
	}
	return listeners, connections, nil
}

// inodesOf are the inodes of the sockets that a process has open.
func inodesOf(pid int) (map[string]bool, error) {
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

type socket struct {
	localPort, remotePort uint32
	listens               bool
}

// readTable reads those of own in a table of TCP sockets: number, local address, remote address, state,
// queues, timer, retransmits, user, timeout, inode.
func readTable(path string, own map[string]bool) ([]socket, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var sockets []socket
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) < 10 || !own[fields[9]] {
			continue
		}
		local, err := portOf(path, fields[1])
		if err != nil {
			return nil, err
		}
		remote, err := portOf(path, fields[2])
		if err != nil {
			return nil, err
		}
		sockets = append(sockets, socket{local, remote, fields[3] == listening})
	}
	return sockets, lines.Err()
}

func portOf(path, address string) (uint32, error) {
	_, number, _ := strings.Cut(address, ":")
	port, err := strconv.ParseUint(number, 16, 16)
	if err != nil {
		return 0, fmt.Errorf("%s: address %q: expected ADDRESS:PORT in hexadecimal", path, address)
	}
	return uint32(port), nil
}

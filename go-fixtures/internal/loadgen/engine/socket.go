package engine

import (
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"
)

// target is a server's address in the kernel's form.
type target struct {
	family  int
	address unix.Sockaddr
}

func newTarget(a netip.AddrPort) target {
	if a.Addr().Is4() {
		return target{unix.AF_INET, &unix.SockaddrInet4{Port: int(a.Port()), Addr: a.Addr().As4()}}
	}
	return target{unix.AF_INET6, &unix.SockaddrInet6{Port: int(a.Port()), Addr: a.Addr().As16()}}
}

// connectionsPerSource is how many connections share one local address: about a
// third of the default range of local ports (net.ipv4.ip_local_port_range,
// 28,232 of them), so that the kernel finds a free port at once, and a run right
// after another one does too, while the ports of the first are in TIME_WAIT.
const connectionsPerSource = 8192

// source returns the local address of the i-th connection to the target; nil
// leaves it to the kernel. On loopback all of 127.0.0.0/8 may be used.
func (t target) source(i int) unix.Sockaddr {
	to, ok := t.address.(*unix.SockaddrInet4)
	if !ok || to.Addr[0] != 127 || i < connectionsPerSource {
		return nil
	}
	n := uint32(i/connectionsPerSource) + 1 // 127.0.0.2, 127.0.0.3, …
	return &unix.SockaddrInet4{Addr: [4]byte{127, byte(n >> 16), byte(n >> 8), byte(n)}}
}

// dial begins a connection attempt without waiting for its outcome.
func dial(t target, source unix.Sockaddr) (fd int32, err error) {
	s, err := unix.Socket(t.family, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	if err = prepare(s, source); err == nil {
		err = unix.Connect(s, t.address)
	}
	if err != nil && err != unix.EINPROGRESS {
		unix.Close(s)
		return -1, err
	}
	return int32(s), nil
}

func prepare(s int, source unix.Sockaddr) error {
	if err := unix.SetsockoptInt(s, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1); err != nil {
		return err
	}
	// Requests are small and the target is near: a congestion control that paces
	// (BBR, where it is the default) would only hold them back and cost CPU time.
	// Reno is in every kernel; without it the default serves as well.
	_ = unix.SetsockoptString(s, unix.IPPROTO_TCP, unix.TCP_CONGESTION, "reno")
	// Without stamps the receive lag is unknown, which the results say.
	_ = unix.SetsockoptInt(s, unix.SOL_SOCKET, unix.SO_TIMESTAMPING, stampFlags)
	if source == nil {
		return nil
	}
	// The port is chosen by connect, which knows the target: bind alone would
	// have to find one that is free towards every target.
	if err := unix.SetsockoptInt(s, unix.IPPROTO_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1); err != nil {
		return err
	}
	return unix.Bind(s, source)
}

// connectOutcome tells how an attempt ended.
func connectOutcome(fd int32) error {
	errno, err := unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_ERROR)
	if err != nil {
		return err
	}
	if errno != 0 {
		return unix.Errno(errno)
	}
	return refuseSelfConnect(fd)
}

// refuseSelfConnect: an attempt at a port of the ephemeral range on which nobody
// listens any more can be given that very port as its own, and TCP then connects
// the socket to itself.
func refuseSelfConnect(fd int32) error {
	local, err := unix.Getsockname(int(fd))
	if err != nil {
		return err
	}
	peer, err := unix.Getpeername(int(fd))
	if err != nil {
		return err
	}
	switch l := local.(type) {
	case *unix.SockaddrInet4:
		if p, ok := peer.(*unix.SockaddrInet4); ok && p.Port == l.Port && p.Addr == l.Addr {
			return unix.ECONNREFUSED
		}
	case *unix.SockaddrInet6:
		if p, ok := peer.(*unix.SockaddrInet6); ok && p.Port == l.Port && p.Addr == l.Addr {
			return unix.ECONNREFUSED
		}
	}
	return nil
}

func closeSocket(fd int32) {
	// Nothing is to be done about a failing close: the descriptor is gone anyway.
	_ = unix.Close(int(fd))
}

// sendBytes writes without a signal when the peer is gone. p is not empty.
func sendBytes(fd int32, p []byte) (int, unix.Errno) {
	n, _, errno := unix.RawSyscall6(unix.SYS_SENDTO, uintptr(fd),
		uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), unix.MSG_NOSIGNAL, 0, 0)
	return int(n), errno
}

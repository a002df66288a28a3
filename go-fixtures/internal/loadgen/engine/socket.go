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

// dial begins a connection attempt without waiting for its outcome.
func dial(t target) (fd int32, err error) {
	s, err := unix.Socket(t.family, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	if err = unix.SetsockoptInt(s, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1); err == nil {
		err = unix.Connect(s, t.address)
	}
	if err != nil && err != unix.EINPROGRESS {
		unix.Close(s)
		return -1, err
	}
	return int32(s), nil
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

func receiveBytes(fd int32, p []byte) (int, unix.Errno) {
	n, _, errno := unix.RawSyscall(unix.SYS_READ, uintptr(fd),
		uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)))
	return int(n), errno
}

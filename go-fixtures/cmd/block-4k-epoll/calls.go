package main

import (
	"fmt"
	"io"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The calls that cannot block go to the kernel without a word to the scheduler (RawSyscall), which
// spares them some 50 ns each. unix.Recvfrom and unix.Accept4 would allocate an address as well.

func accept4(listener int) (int, unix.Errno) {
	fd, _, errno := unix.RawSyscall6(unix.SYS_ACCEPT4, uintptr(listener), 0, 0, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0, 0)
	return int(fd), errno
}

func recv(fd int, buffer []byte) (int, unix.Errno) {
	n, _, errno := unix.RawSyscall(unix.SYS_READ, uintptr(fd), uintptr(unsafe.Pointer(&buffer[0])), uintptr(len(buffer)))
	return max(int(n), 0), errno
}

func send(fd int, data []byte) (int, unix.Errno) {
	n, _, errno := unix.RawSyscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(&data[0])), uintptr(len(data)),
		unix.MSG_NOSIGNAL, 0, 0)
	return max(int(n), 0), errno
}

// pread fills page. It may wait for the disk, so the scheduler is told.
func pread(fd int, page []byte, offset int64) error {
	for {
		n, err := unix.Pread(fd, page, offset)
		switch {
		case err == unix.EINTR:
		case err != nil:
			return fmt.Errorf("read at %d: %w", offset, err)
		case n < len(page):
			return fmt.Errorf("read at %d: %w", offset, io.ErrUnexpectedEOF)
		default:
			return nil
		}
	}
}

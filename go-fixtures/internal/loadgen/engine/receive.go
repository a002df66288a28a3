package engine

import (
	"encoding/binary"
	"unsafe"

	"golang.org/x/sys/unix"

	"pollgate/go-fixtures/internal/loadgen/monotime"
)

// readBufferBytes is shared by all connections: no reply is kept.
const readBufferBytes = 64 << 10

const (
	// stampFlags ask for the kernel's software stamp of received packets. On
	// loopback it is taken while the sender still runs, so that it tells when a
	// reply could be read, whoever was late to read it.
	stampFlags = unix.SOF_TIMESTAMPING_RX_SOFTWARE | unix.SOF_TIMESTAMPING_SOFTWARE
	// stampBytes is one control message with three timespecs, of which the
	// first is the software stamp.
	stampBytes = unix.SizeofCmsghdr + 3*16
)

// receiver reads sockets together with the kernel's stamps.
type receiver struct {
	buffer  []byte
	header  unix.Msghdr
	vector  unix.Iovec
	control [stampBytes]byte
	// realtimeOffset is CLOCK_REALTIME − CLOCK_MONOTONIC in ns: the kernel stamps
	// packets in the one, everything else here is in the other.
	realtimeOffset int64
}

func newReceiver() *receiver {
	r := &receiver{buffer: make([]byte, readBufferBytes)}
	r.vector.Base = unsafe.SliceData(r.buffer)
	r.vector.SetLen(len(r.buffer))
	r.header.Iov = &r.vector
	r.header.SetIovlen(1)
	r.header.Control = &r.control[0]
	r.calibrate()
	return r
}

func (r *receiver) calibrate() { r.realtimeOffset = monotime.RealtimeOffset() }

// read fills the buffer from a socket. arrivedNs is the kernel's stamp of the
// last packet read, 0 where there is none.
func (r *receiver) read(fd int32) (n int, arrivedNs int64, errno unix.Errno) {
	r.header.SetControllen(stampBytes)
	size, _, errno := unix.RawSyscall(unix.SYS_RECVMSG, uintptr(fd), uintptr(unsafe.Pointer(&r.header)), 0)
	if errno != 0 {
		return 0, 0, errno
	}
	return int(size), r.stamp(), 0
}

// stamp reads the control message of the last read; there is never another.
func (r *receiver) stamp() int64 {
	if r.header.Controllen < unix.SizeofCmsghdr+16 {
		return 0
	}
	if binary.NativeEndian.Uint32(r.control[12:]) != unix.SCM_TIMESTAMPING {
		return 0
	}
	seconds := int64(binary.NativeEndian.Uint64(r.control[16:]))
	if seconds == 0 {
		return 0 // a packet that came before the kernel began to stamp
	}
	nanoseconds := int64(binary.NativeEndian.Uint64(r.control[24:]))
	return seconds*1_000_000_000 + nanoseconds - r.realtimeOffset
}

package uring

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// Each method queues a request and needs Space for it. userData comes back with its completions.

// Nop queues a request that does nothing but complete.
func (r *Ring) Nop(userData uint64) {
	q := r.queue()
	q.opcode, q.userData = opNop, userData
}

// Accept queues a request that completes with the descriptor of each connection that comes to
// listener, for as long as its completions say More (Linux 5.19).
func (r *Ring) Accept(listener int, userData uint64) {
	q := r.queue()
	q.opcode, q.fd, q.userData = opAccept, int32(listener), userData
	q.ioprio, q.opFlags = acceptMultishot, unix.SOCK_CLOEXEC
}

// Recv queues a request that completes with each piece of data that comes from fd, in a buffer of
// the group, for as long as its completions say More (Linux 6.0). It ends with result 0 at the end
// of the data, and with ENOBUFS when the group is empty.
func (r *Ring) Recv(fd int, group uint16, userData uint64) {
	q := r.queue()
	q.opcode, q.fd, q.userData = opRecv, int32(fd), userData
	q.flags, q.ioprio, q.bufIndex = BufferSelect, recvMultishot, group
}

// ReadFixed queues a read of len(buffer) bytes from the registered file at offset; buffer must lie
// in the registered buffer. flags are added to the request's.
func (r *Ring) ReadFixed(buffer []byte, offset uint64, flags uint8, userData uint64) {
	q := r.queue()
	q.opcode, q.flags, q.userData = opReadFixed, FixedFile|flags, userData
	q.off, q.addr, q.len = offset, address(buffer), uint32(len(buffer))
}

// Send queues the sending of all of data, which must be mapped memory; the kernel goes on where the
// socket took a part (MSG_WAITALL, Linux 5.19).
func (r *Ring) Send(fd int, data []byte, userData uint64) {
	q := r.queue()
	q.opcode, q.fd, q.userData = opSend, int32(fd), userData
	q.addr, q.len, q.opFlags = address(data), uint32(len(data)), unix.MSG_WAITALL|unix.MSG_NOSIGNAL
}

// Poll queues a request that completes once, when one of events or an error or hang-up is there.
func (r *Ring) Poll(fd int, events uint32, userData uint64) {
	q := r.queue()
	q.opcode, q.fd, q.opFlags, q.userData = opPollAdd, int32(fd), events, userData
}

// PollAlways queues a request that completes each time one of events comes, or an error, a hang-up or
// the end of the data, for as long as its completions say More (Linux 5.13): none of these ends it.
func (r *Ring) PollAlways(fd int, events uint32, userData uint64) {
	r.Poll(fd, events, userData)
	r.last().len = pollMultishot
}

// Cancel queues the cancelling of the request with the user data target, which then completes with
// ECANCELED (or otherwise, if that was on its way). There is a completion only if it did not work:
// ENOENT, because there is no such request any more, or EALREADY: it has to be tried again.
func (r *Ring) Cancel(target, userData uint64) {
	q := r.queue()
	q.opcode, q.flags, q.fd, q.addr, q.userData = opCancel, SkipSuccess, -1, target, userData
}

func address(memory []byte) uint64 { return uint64(uintptr(unsafe.Pointer(&memory[0]))) }

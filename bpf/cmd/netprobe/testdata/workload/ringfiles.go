package main

import (
	"encoding/binary"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// submitter is an io_uring that does one request at a time.
type submitter struct {
	fd         int
	rings      []byte // submission and completion queue
	requests   []byte
	submission struct{ tail, mask, array uint32 }
	completion struct{ head, mask, entries uint32 }
}

// newSubmitter also makes room for 16 direct descriptors. What the kernel or its policy does not
// allow is an error.
func newSubmitter() (*submitter, error) {
	const register, sparse, slots, singleMap = 13, 1, 16, 1
	var params [120]byte
	at := func(offset int) uint32 { return binary.NativeEndian.Uint32(params[offset:]) }
	fd, _, errno := unix.Syscall(unix.SYS_IO_URING_SETUP, 8, uintptr(unsafe.Pointer(&params)), 0)
	if errno != 0 {
		return nil, errno
	}
	table := [4]uint64{slots | sparse<<32}
	if _, _, errno := unix.Syscall6(unix.SYS_IO_URING_REGISTER, fd, register,
		uintptr(unsafe.Pointer(&table)), unsafe.Sizeof(table), 0, 0); errno != 0 {
		return nil, errno
	}
	if at(20)&singleMap == 0 {
		return nil, unix.ENOSYS
	}
	s := &submitter{fd: int(fd)}
	s.submission.tail, s.submission.mask, s.submission.array = at(40+4), at(40+8), at(40+24)
	s.completion.head, s.completion.mask, s.completion.entries = at(80), at(80+8), at(80+20)
	size := max(s.submission.array+at(0)*4, s.completion.entries+at(4)*16)
	var err error
	const protection, flags = unix.PROT_READ | unix.PROT_WRITE, unix.MAP_SHARED | unix.MAP_POPULATE
	if s.rings, err = unix.Mmap(s.fd, 0, int(size), protection, flags); err != nil {
		return nil, err
	}
	s.requests, err = unix.Mmap(s.fd, 0x10000000, int(at(0))*64, protection, flags)
	return s, err
}

func (s *submitter) word(offset uint32) *uint32 { return (*uint32)(unsafe.Pointer(&s.rings[offset])) }

// request is the part of struct io_uring_sqe that is used here.
type request struct {
	opcode     uint8
	flags      uint8
	ioprio     uint16
	fd         int32
	offset     uint64
	address    uint64
	length     uint32
	operation  uint32
	userData   uint64
	buffer     uint32
	fileIndex  uint32 // slot + 1 for a direct descriptor, 0 for a number
	unusedTail [2]uint64
}

// do submits a request, waits for its answer, and fails if that is an error.
func (s *submitter) do(r request) int {
	const getEvents = 1
	tail := s.word(s.submission.tail)
	slot := *tail & *s.word(s.submission.mask)
	*(*request)(unsafe.Pointer(&s.requests[slot*64])) = r
	*s.word(s.submission.array + slot*4) = slot
	atomic.AddUint32(tail, 1)
	if _, _, errno := unix.Syscall6(unix.SYS_IO_URING_ENTER, uintptr(s.fd), 1, 1, getEvents,
		0, 0); errno != 0 {
		fail("io_uring_enter: %v", errno)
	}
	head := s.word(s.completion.head)
	answer := s.completion.entries + (*head&*s.word(s.completion.mask))*16
	result := int32(*s.word(answer + 8))
	atomic.AddUint32(head, 1)
	if result < 0 {
		fail("request %d: %v", r.opcode, unix.Errno(-result))
	}
	return int(result)
}

// ringFiles: an io_uring opens 3 files, 2 sockets and 1 connection in slots and closes 4 of them,
// opens 5 files with a number of which close() closes 2, and closes 7 that open() has opened.
func ringFiles() {
	const opAccept, opOpen, opClose, opSocket = 13, 18, 19, 45
	ring, err := newSubmitter()
	if err != nil {
		say("refused " + err.Error())
		return
	}
	path := []byte("/dev/zero\x00")
	open0 := request{opcode: opOpen, fd: unix.AT_FDCWD, address: uint64(uintptr(unsafe.Pointer(&path[0])))}
	listener := listen()
	address, err := unix.Getsockname(listener)
	check(err)
	client := must(unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0))
	check(unix.Connect(client, address))
	start()

	in := func(slot uint32, r request) request { r.fileIndex = slot + 1; return r }
	for slot := range uint32(3) {
		ring.do(in(slot, open0))
	}
	for slot := range uint32(2) {
		ring.do(in(3+slot, request{opcode: opSocket, fd: unix.AF_INET, offset: unix.SOCK_STREAM}))
	}
	ring.do(in(5, request{opcode: opAccept, fd: int32(listener)}))
	for slot := range uint32(4) {
		ring.do(in(slot, request{opcode: opClose}))
	}
	var numbers [5]int
	for i := range numbers {
		numbers[i] = ring.do(open0)
	}
	closeAll(numbers[:2]...)
	for range 7 {
		ring.do(request{opcode: opClose, fd: int32(open())})
	}
}

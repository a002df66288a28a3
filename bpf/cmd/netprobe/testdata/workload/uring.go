package main

import (
	"encoding/binary"
	"encoding/json"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Operations and flags of include/uapi/linux/io_uring.h.
const (
	opNop, opPoll, opPollRemove, opTimeout = 0, 6, 7, 11
	opAccept, opCancel, opLinkTimeout      = 13, 14, 15
	opRead, opWrite                        = 22, 23

	flagLink, flagAsync, flagQuiet = 1 << 2, 1 << 4, 1 << 6
	pollMulti, acceptMulti         = 1, 1
	completionMore                 = 2
	sqEntries, cqEntries           = 64, 128
)

// injected is how long a timeout, and the wait of a read, takes at least.
const injected = 20 * time.Millisecond

// tally is what the workload itself counts of an operation.
type tally struct {
	Submitted uint64 `json:"submitted"`
	Reaped    uint64 `json:"reaped"`
	More      uint64 `json:"more"`
	Cancelled uint64 `json:"cancelled"`
	Failed    uint64 `json:"failed"`
}

// countedRing is an io_uring by hand: it puts, enters and reaps, and counts all of it.
type countedRing struct {
	fd                     int
	shared, requests       []byte
	sqTail, sqMask, array  uint32
	cqHead, cqTail, cqMask uint32
	completions            uint32
	queued                 uint32
	number                 uint64
	tallies                map[int]*tally
}

func newCountedRing() (*countedRing, error) {
	const singleMap = 1
	var params [120]byte
	at := func(offset int) uint32 { return binary.NativeEndian.Uint32(params[offset:]) }
	fd, _, errno := unix.Syscall(unix.SYS_IO_URING_SETUP, sqEntries, uintptr(unsafe.Pointer(&params)), 0)
	if errno != 0 {
		return nil, errno
	}
	if at(20)&singleMap == 0 {
		return nil, unix.ENOSYS
	}
	r := &countedRing{fd: int(fd), tallies: map[int]*tally{}}
	r.sqTail, r.sqMask, r.array = at(40+4), at(40+8), at(40+24)
	r.cqHead, r.cqTail, r.cqMask, r.completions = at(80), at(80+4), at(80+8), at(80+20)
	size := max(r.array+at(0)*4, r.completions+at(4)*16)
	var err error
	const protection, flags = unix.PROT_READ | unix.PROT_WRITE, unix.MAP_SHARED | unix.MAP_POPULATE
	if r.shared, err = unix.Mmap(r.fd, 0, int(size), protection, flags); err != nil {
		return nil, err
	}
	r.requests, err = unix.Mmap(r.fd, 0x10000000, int(at(0))*64, protection, flags)
	return r, err
}

func (r *countedRing) word(offset uint32) *uint32 {
	return (*uint32)(unsafe.Pointer(&r.shared[offset]))
}

func (r *countedRing) tally(op int) *tally {
	if r.tallies[op] == nil {
		r.tallies[op] = &tally{}
	}
	return r.tallies[op]
}

// put queues a request and gives its user data: a number of its own and the operation.
func (r *countedRing) put(q request) uint64 {
	r.number++
	q.userData = r.number<<8 | uint64(q.opcode)
	tail := r.word(r.sqTail)
	slot := (*tail) & *r.word(r.sqMask)
	*(*request)(unsafe.Pointer(&r.requests[slot*64])) = q
	*r.word(r.array + slot*4) = slot
	atomic.AddUint32(tail, 1)
	r.queued++
	r.tally(int(q.opcode)).Submitted++
	return q.userData
}

// enter submits what is queued and waits until that many completions are there.
func (r *countedRing) enter(completions uint32) {
	const getEvents = 1
	for {
		n, _, errno := unix.Syscall6(unix.SYS_IO_URING_ENTER, uintptr(r.fd), uintptr(r.queued),
			uintptr(completions), getEvents, 0, 0)
		if errno == unix.EINTR {
			continue
		}
		if errno != 0 {
			fail("io_uring_enter: %v", errno)
		}
		if r.queued -= uint32(n); r.queued == 0 {
			return
		}
	}
}

// submit does not wait.
func (r *countedRing) submit() { r.enter(0) }

// reap takes exactly as many completions, waiting for them.
func (r *countedRing) reap(count int) {
	for count > 0 {
		head, tail := r.word(r.cqHead), atomic.LoadUint32(r.word(r.cqTail))
		if *head == tail {
			r.enter(1)
			continue
		}
		c := r.shared[r.completions+(*head&*r.word(r.cqMask))*16:]
		t := r.tally(int(c[0]))
		t.Reaped++
		switch result := int32(binary.NativeEndian.Uint32(c[8:])); {
		case result == -int32(unix.ECANCELED):
			t.Cancelled++
		case result < 0:
			t.Failed++
		}
		if binary.NativeEndian.Uint32(c[12:])&completionMore != 0 {
			t.More++
		}
		atomic.AddUint32(head, 1)
		count--
	}
}

// empty fails if a completion is left.
func (r *countedRing) empty() {
	r.submit()
	if head, tail := *r.word(r.cqHead), atomic.LoadUint32(r.word(r.cqTail)); head != tail {
		fail("%d completions too many", tail-head)
	}
}

func (r *countedRing) tell() {
	text, err := json.Marshal(r.tallies)
	check(err)
	say(string(text))
}

func pipeEnds() (from, to int) {
	var ends [2]int
	check(unix.Pipe2(ends[:], 0))
	return ends[0], ends[1]
}

var space [64]byte // what requests read into: must not move, as the kernel writes to it later

func readOf(fd int) request {
	return request{opcode: opRead, fd: int32(fd), address: uint64(uintptr(unsafe.Pointer(&space))),
		length: 1, offset: ^uint64(0)}
}

var interval = unix.NsecToTimespec(int64(injected))

func timeout(op uint8) request {
	return request{opcode: op, length: 1, address: uint64(uintptr(unsafe.Pointer(&interval)))}
}

// openRing is a ring with one read from before the window under way; what it reads is written to `to`.
func openRing() (r *countedRing, to int) {
	// The kernel leaves work to the thread that has submitted it.
	runtime.LockOSThread()
	r, err := newCountedRing()
	if err != nil {
		say("refused " + err.Error())
		select {}
	}
	from, to := pipeEnds()
	r.put(readOf(from))
	r.submit()
	return r, to
}

// uringFull leaves 80 completions in a queue for 128 while 13 goroutines wait, and takes them when a line
// comes.
func uringFull() {
	r, early := openRing()
	release, begun := make(chan struct{}), make(chan struct{})
	for range 13 {
		go waitForRelease(begun, release)
	}
	for range 13 {
		<-begun
	}
	start()
	r.nops(40, 0)
	r.submit()
	r.nops(40, 0)
	r.submit()
	say("full")
	hear()
	r.reap(80)
	must(unix.Write(early, []byte{1}))
	r.reap(1)
}

//go:noinline
func waitForRelease(begun chan<- struct{}, release <-chan struct{}) {
	begun <- struct{}{}
	<-release
}

// uringRested does each kind of request and leaves none.
func uringRested() {
	r, early := openRing()
	start()

	r.nops(23, 0)
	r.reap(23)
	must(unix.Write(early, space[:1]))
	r.reap(1)

	zero, null := open(), open()
	for range 13 {
		r.put(readOf(zero))
	}
	for range 5 {
		r.put(request{opcode: opWrite, flags: flagAsync, fd: int32(null), length: 1,
			address: uint64(uintptr(unsafe.Pointer(&space)))})
	}
	r.submit()
	r.reap(13 + 5)

	from, to := pipeEnds()
	for range 3 {
		r.put(readOf(from))
		r.submit()
		time.Sleep(injected) // the least that the read takes
		must(unix.Write(to, space[:1]))
		r.reap(1)
	}
	for range 2 {
		r.put(timeout(opTimeout))
	}
	r.submit()
	r.reap(2)

	r.polls()
	r.accepts(11)
	r.links(from)

	r.put(request{opcode: 0, flags: 0xff}) // flags that there are not
	r.submit()
	r.reap(1)
	r.nops(2, flagQuiet)

	// The completion queue has room for 128.
	r.nops(sqEntries, 0)
	r.nops(sqEntries, 0)
	r.nops(11, 0)
	r.reap(139)
	r.empty()
	r.tell()
}

func (r *countedRing) nops(count int, flags uint8) {
	for range count {
		r.put(request{opcode: opNop, flags: flags})
	}
	r.submit()
}

// polls: 3 for one event, 1 for 7 events, that are taken one by one.
func (r *countedRing) polls() {
	from, to := pipeEnds()
	for range 3 {
		r.put(request{opcode: opPoll, fd: int32(from), operation: unix.POLLIN})
	}
	r.submit()
	must(unix.Write(to, space[:1]))
	r.reap(3)
	must(unix.Read(from, space[:1]))

	event := must(unix.Eventfd(0, 0))
	many := r.put(request{opcode: opPoll, fd: int32(event), operation: unix.POLLIN, length: pollMulti})
	r.submit()
	one := make([]byte, 8)
	one[0] = 1
	for range 7 {
		must(unix.Write(event, one))
		r.reap(1)
		must(unix.Read(event, one))
	}
	r.put(request{opcode: opPollRemove, address: many})
	r.submit()
	r.reap(2)
}

// accepts: one request takes so many connections, until it is cancelled.
func (r *countedRing) accepts(connections int) {
	many := r.acceptMany(connections)
	r.reap(connections)
	r.put(request{opcode: opCancel, address: many})
	r.submit()
	r.reap(2)
}

func (r *countedRing) acceptMany(connections int) (userData uint64) {
	listener, address := listenHere()
	userData = r.put(request{opcode: opAccept, fd: int32(listener), ioprio: acceptMulti})
	r.submit()
	for range connections {
		client := must(unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0))
		check(unix.Connect(client, address))
	}
	return userData
}

// links: 2 reads whose timeout ends them, 3 failing reads that cancel what hangs on them.
func (r *countedRing) links(from int) {
	for range 2 {
		read := readOf(from)
		read.flags = flagLink
		r.put(read)
		r.put(timeout(opLinkTimeout))
	}
	r.submit()
	r.reap(4)
	for range 3 {
		bad := readOf(-1)
		bad.flags = flagLink
		r.put(bad)
		r.put(request{opcode: opNop})
	}
	r.submit()
	r.reap(6)
}

// uringBusy leaves 5 reads and a multishot accept under way, and 17 + 3 completions untaken.
func uringBusy() {
	r, _ := openRing()
	start()
	from, _ := pipeEnds()
	for range 5 {
		r.put(readOf(from))
	}
	r.nops(17, 0)
	r.acceptMany(3)
	r.enter(20)
	r.tell()
}

// uringChurn: 3 threads with a ring each do 5,003 requests, handed to worker threads of the kernel.
// Neighbours share their user data and end in any order.
func uringChurn() {
	var rings []*countedRing
	for range 3 {
		r, err := newCountedRing()
		if err != nil {
			say("refused " + err.Error())
			select {}
		}
		rings = append(rings, r)
	}
	start()
	var threads sync.WaitGroup
	for _, r := range rings {
		threads.Go(func() {
			runtime.LockOSThread()
			for left := 5003; left > 0; {
				batch := min(left, 31)
				for i := range batch {
					if i%2 == 0 {
						r.number--
					}
					r.put(request{opcode: opNop, flags: flagAsync})
				}
				r.submit()
				r.reap(batch)
				left -= batch
			}
			r.empty()
		})
	}
	threads.Wait()
	rings[0].tell()
}

// Workload does an exactly known amount of work, so that what netprobe counts can be compared
// with what was done. Usage: workload calls|churn|flood|ring|pingpong|spin|
// leaks|leakrings|misuse|ringfiles|
// lives|rebirths|forgets|remembers|
// connections|crowd|losses|pieces|
// timedcalls|slowcalls|directreads|handoffs|
// uringrested|uringbusy|uringchurn|uringfull|
// wakes|handshakes|streams|burn|copies|clocks|mixture
//
// It says `ready` on its standard output, works when it is given a line, says `done`, and rests
// until it is killed. It speaks by raw system calls, because every read and write counts.
package main

import (
	"fmt"
	"os"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

func main() {
	works := map[string]func(){
		"calls": calls, "churn": churn, "flood": flood, "ring": ring, "pingpong": pingpong,
		"spin": spin, "requests": requests, "leaks": leak, "leakrings": leakRings, "misuse": misuse,
		"ringfiles": ringFiles, "lives": lives, "rebirths": rebirths, "forgets": forgets,
		"remembers": remembers, "hops": hops, "echoes": echoes, "hog": hog,
		"connections": connections, "crowd": crowd, "losses": losses, "pieces": pieces,
		"timedcalls": timedCalls, "slowcalls": slowCalls, "directreads": directReads, "handoffs": handoffs,
		"uringrested": uringRested, "uringbusy": uringBusy, "uringchurn": uringChurn, "uringfull": uringFull,
		"wakes": wakes, "handshakes": handshakes, "streams": streams, "burn": burn, "copies": copies, "clocks": clocks,
		"mixture": mixture,
	}
	work, ok := works[os.Args[1]]
	if !ok {
		fail("unknown work %q", os.Args[1])
	}
	work()
	say("done")
	for {
		// Ends by a signal only. Not a read: those are counted.
		unix.Poll(nil, -1)
	}
}

// say takes exactly one write.
func say(word string) { must(unix.Write(1, []byte(word+"\n"))) }

// start says that preparations are over and waits for a line. The read begins before the window.
func start() {
	say("ready")
	hear()
}

// hear waits for a line from the test, in one read.
func hear() {
	if n, err := unix.Read(0, make([]byte, 64)); n <= 0 {
		fail("nobody there any more: %v", err)
	}
}

// calls: 23 reads, 31 writes (and one to say done), and openings of every kind.
func calls() {
	preexisting := []int{open(), open()}
	source := open()
	start()

	zero, null := open(), open()
	buffer := make([]byte, 8)
	for range 13 {
		must(unix.Read(zero, buffer))
	}
	for range 7 {
		must(unix.Pread(zero, buffer, 0))
	}
	for range 3 {
		must(unix.Readv(zero, [][]byte{buffer}))
	}
	for range 31 {
		must(unix.Write(null, buffer))
	}
	closeAll(zero, null)
	closeAll(preexisting...)
	unix.Close(1 << 20) // EBADF: closes nothing

	// 17 files of which 5 are forgotten.
	var files []int
	for range 17 {
		files = append(files, open())
	}
	closeAll(files[:12]...)

	// Copies: 3 of a file opened in the window, 1 of one opened before (kind unknown), and a
	// dup3 that silently closes a socket.
	must(unix.Dup(files[12]))
	must(unix.FcntlInt(uintptr(files[12]), unix.F_DUPFD_CLOEXEC, 0))
	must(unix.Dup(source))
	socket := must(unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0))
	check(unix.Dup3(files[12], socket, 0))

	// 2 pipes and a socket pair; the second pipe goes by close_range.
	var pipes [2][2]int
	check(unix.Pipe2(pipes[0][:], 0))
	check(unix.Pipe2(pipes[1][:], 0))
	first, last := pipes[1][0], pipes[1][1]
	if last != first+1 {
		fail("pipe %v is not a range", pipes[1])
	}
	check(unix.CloseRange(uint(first), uint(last), 0))
	check(unix.CloseRange(uint(pipes[0][0]), uint(pipes[0][1]), unix.CLOSE_RANGE_CLOEXEC))
	_, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	check(err)

	closeAll(must(unix.EpollCreate1(0)))
	must(unix.Eventfd(0, 0))
	must(unix.MemfdCreate("workload", 0))
	acceptOne()
}

// acceptOne leaves one accepted connection open and closes its other end and the listener.
func acceptOne() {
	listener := must(unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0))
	check(unix.Bind(listener, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}))
	check(unix.Listen(listener, 1))
	address, err := unix.Getsockname(listener)
	check(err)
	client := must(unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0))
	check(unix.Connect(client, address))
	_, _, err = unix.Accept4(listener, 0)
	check(err)
	closeAll(client, listener)
}

// churn: 4 threads open and close 2,003 files each. The numbers that one thread frees are given
// to the next at once, so the order of events matters.
func churn() {
	start()
	var threads sync.WaitGroup
	for range 4 {
		threads.Go(func() {
			for range 2003 {
				closeAll(open())
			}
		})
	}
	threads.Wait()
}

// flood: 1,031 descriptors, more than the test gives netprobe room for.
func flood() {
	const wanted = 1031
	limit := unix.Rlimit{}
	check(unix.Getrlimit(unix.RLIMIT_NOFILE, &limit))
	limit.Cur = limit.Max
	check(unix.Setrlimit(unix.RLIMIT_NOFILE, &limit))
	start()
	for range wanted {
		must(unix.Eventfd(0, 0))
	}
}

// ring: 13 waits of an io_uring for a millisecond, 11 that only look, 5 with a timeout of zero,
// 3 that only submit.
func ring() {
	var params [120]byte
	fd, _, errno := unix.Syscall(unix.SYS_IO_URING_SETUP, 8, uintptr(unsafe.Pointer(&params)), 0)
	if errno != 0 {
		say("refused " + errno.Error())
		return
	}
	const getEvents, extArg = 1, 8
	enter := func(minComplete, flags uintptr, nanoseconds int64) {
		timeout := unix.Timespec{Nsec: nanoseconds}
		arg := struct {
			sigmask     uint64
			sigmaskSize uint32
			pad         uint32
			timeout     *unix.Timespec
		}{timeout: &timeout}
		unix.Syscall6(unix.SYS_IO_URING_ENTER, fd, 0, minComplete, flags,
			uintptr(unsafe.Pointer(&arg)), unsafe.Sizeof(arg))
	}
	start()
	for range 13 {
		enter(1, getEvents|extArg, 1e6)
	}
	for range 11 {
		enter(0, getEvents, 0)
	}
	for range 5 {
		enter(1, getEvents|extArg, 0)
	}
	for range 3 {
		enter(0, 0, 0)
	}
}

func open() int { return must(unix.Open("/dev/zero", unix.O_RDWR, 0)) }

func closeAll(fds ...int) {
	for _, fd := range fds {
		check(unix.Close(fd))
	}
}

func must(n int, err error) int {
	check(err)
	return n
}

func check(err error) {
	if err != nil {
		fail("%v", err)
	}
}

func fail(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "workload: "+format+"\n", args...)
	os.Exit(1)
}

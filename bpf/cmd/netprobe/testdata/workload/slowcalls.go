package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// timedCalls: a prime number of each call that is timed, in a folder of its own (the second
// argument). Its threads make no other calls of these kinds but futex and nanosleep.
func timedCalls() {
	debug.SetGCPercent(-1)
	folder := os.Args[2]
	path := filepath.Join(folder, "timed")
	file := must(unix.Open(path, unix.O_RDWR|unix.O_CREAT, 0o600))
	folderFD := must(unix.Open(folder, unix.O_RDONLY|unix.O_DIRECTORY, 0))
	zero, null := open(), open()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_DGRAM, 0)
	check(err)
	listener, address := listenLocal()
	buffer := make([]byte, 8)
	var stat unix.Stat_t
	must(unix.Pwrite(file, make([]byte, 4096), 0))
	start()

	times(13, func() { must(unix.Read(zero, buffer)) })
	times(7, func() { must(unix.Pread(file, buffer, 0)) })
	times(3, func() { must(unix.Readv(zero, [][]byte{buffer})) })
	times(5, func() { must(unix.Preadv(file, [][]byte{buffer}, 0)) })
	times(31, func() { must(unix.Write(null, buffer)) })
	times(11, func() { must(unix.Pwrite(file, buffer, 0)) })
	times(17, func() { must(unix.Writev(null, [][]byte{buffer})) })
	times(19, func() { must(unix.Pwritev(file, [][]byte{buffer}, 0)) })
	times(23, func() {
		check(unix.Send(pair[0], buffer, 0))
		_, _, err := unix.Recvfrom(pair[1], buffer, 0)
		check(err)
	})
	times(29, func() {
		must(unix.SendmsgN(pair[0], buffer, nil, nil, 0))
		_, _, _, _, err := unix.Recvmsg(pair[1], buffer, nil, 0)
		check(err)
	})
	times(37, func() { check(unix.Fstat(file, &stat)) })
	times(41, func() { check(unix.Ftruncate(file, 4096)) })
	times(43, func() { check(unix.Fallocate(file, 0, 0, 4096)) })
	times(2, func() { check(unix.Fsync(file)) })
	times(3, func() { check(unix.Fdatasync(file)) })
	times(5, func() { check(unix.SyncFileRange(file, 0, 4096, unix.SYNC_FILE_RANGE_WRITE)) })
	times(47, func() { must(unix.Getdents(folderFD, make([]byte, 4096))) })
	times(53, func() { check(unix.Renameat(folderFD, "timed", folderFD, "timed")) })
	times(59, func() {
		closeAll(must(unix.Openat(folderFD, "gone", unix.O_CREAT|unix.O_RDWR, 0o600)))
		check(unix.Unlinkat(folderFD, "gone", 0))
	})
	times(61, func() {
		client := must(unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0))
		check(unix.Connect(client, address))
		server, _, err := unix.Accept4(listener, 0)
		check(err)
		closeAll(client, server)
	})
	word := new(uint32)
	times(67, func() { futex(word, 1) }) // FUTEX_WAKE: nobody is there
}

func times(n int, call func()) {
	for range n {
		call()
	}
}

func futex(word *uint32, operation uintptr) {
	unix.Syscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(word)), operation, 1, 0, 0, 0)
}

func listenLocal() (listener int, address unix.Sockaddr) {
	listener = must(unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0))
	check(unix.Bind(listener, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}))
	check(unix.Listen(listener, 8))
	address, err := unix.Getsockname(listener)
	check(err)
	return listener, address
}

// injectedDelay is how long the other side keeps each slow call waiting at least.
const injectedDelay = 25_000_000

// slowCalls: 5 reads of a pipe, 3 of a FIFO, 2 of a socket and 2 accepts, on blocking descriptors,
// that the other side keeps waiting; and 7 reads of the pipe that find something at once. The
// second argument is a folder for the FIFO.
func slowCalls() {
	runtime.LockOSThread()
	thread := unix.Gettid()
	var pipe [2]int
	check(unix.Pipe2(pipe[:], 0))
	path := filepath.Join(os.Args[2], "fifo")
	check(unix.Mkfifo(path, 0o600))
	fifo := must(unix.Open(path, unix.O_RDWR, 0))
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	check(err)
	listener, address := listenLocal()
	start()

	times(5, func() {
		later(thread, unix.SYS_READ, pipe[0], func() { must(unix.Write(pipe[1], []byte{1})) })
		readPipe(pipe[0])
	})
	times(7, func() {
		must(unix.Write(pipe[1], []byte{1}))
		readPipe(pipe[0])
	})
	times(3, func() {
		later(thread, unix.SYS_READ, fifo, func() { must(unix.Write(fifo, []byte{1})) })
		readFIFO(fifo)
	})
	times(2, func() {
		later(thread, unix.SYS_RECVFROM, pair[1], func() { check(unix.Send(pair[0], []byte{1}, 0)) })
		receive(pair[1])
	})
	times(2, func() {
		later(thread, unix.SYS_ACCEPT4, listener, func() {
			check(unix.Connect(must(unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)), address))
		})
		_, _, err := unix.Accept4(listener, 0)
		check(err)
	})
}

//go:noinline
func readPipe(fd int) { must(unix.Read(fd, make([]byte, 1))) }

//go:noinline
func readFIFO(fd int) { must(unix.Read(fd, make([]byte, 1))) }

//go:noinline
func receive(fd int) {
	_, _, err := unix.Recvfrom(fd, make([]byte, 1), 0)
	check(err)
}

// later lets the delay go by from when a thread is in the call on that descriptor, and ends it.
func later(thread int, call uintptr, fd int, end func()) {
	in := fmt.Sprintf("%d %#x ", call, fd)
	path := "/proc/self/task/" + strconv.Itoa(thread) + "/syscall"
	go func() {
		for {
			data, err := os.ReadFile(path)
			check(err)
			if strings.HasPrefix(string(data), in) {
				break
			}
			runtime.Gosched()
		}
		delay := unix.NsecToTimespec(injectedDelay)
		check(unix.Nanosleep(&delay, nil))
		end()
	}()
}

// directReads: 101 reads of a page each past the page cache, of the file that the second argument
// names, and 3 times a page written and brought to the disk by fsync.
func directReads() {
	const page = 4096
	path := os.Args[2]
	// A page that the kernel can write to directly: memory of its own mapping is aligned.
	buffer, err := unix.Mmap(-1, 0, page, unix.PROT_READ|unix.PROT_WRITE,
		unix.MAP_ANON|unix.MAP_PRIVATE)
	check(err)
	buffer[0] = 1
	cached := must(unix.Open(path, unix.O_RDWR, 0))
	direct, err := unix.Open(path, unix.O_RDONLY|unix.O_DIRECT, 0)
	if err != nil {
		say("refused O_DIRECT: " + err.Error())
		return
	}
	start()
	for i := range 101 {
		readDirect(direct, buffer, int64(i*page))
	}
	for i := range 3 {
		must(unix.Pwrite(cached, buffer, int64(i*page)))
		syncFile(cached)
	}
}

//go:noinline
func readDirect(fd int, buffer []byte, at int64) { must(unix.Pread(fd, buffer, at)) }

//go:noinline
func syncFile(fd int) { check(unix.Fsync(fd)) }

// handoffs: 47 reads of a pipe that only another goroutine can end, with one P: it runs because the
// P is taken away from the thread in the read. One that never rests keeps the P busy meanwhile, so
// each read has to wait for it afterwards.
func handoffs() {
	debug.SetGCPercent(-1)
	runtime.GOMAXPROCS(1)
	var pipe [2]int
	check(unix.Pipe2(pipe[:], 0))
	turn, written := make(chan struct{}, 1), make(chan struct{})
	start()
	go func() {
		for {
		}
	}()
	go func() {
		for range turn {
			must(unix.Write(pipe[1], []byte{1}))
			written <- struct{}{}
		}
	}()
	times(47, func() {
		turn <- struct{}{}
		readPipe(pipe[0])
		<-written // or a thread on its way out of the write could take the P away
	})
	say("done")
	select {} // takes no P into a call, as the end of main would
}

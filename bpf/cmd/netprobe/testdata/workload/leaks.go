package main

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// Each function below opens one descriptor (pipes: two) in a place of its own; //go:noinline keeps
// it on the stack. What leaks and what does not calls the same functions' twins, so that only the
// function tells them apart.

//go:noinline
func leakSocket() []int { return newSocket() }

//go:noinline
func leakAccept() []int { return acceptFrom(leakyListener) }

//go:noinline
func leakFile() []int { return []int{open()} }

//go:noinline
func leakPipe() []int { return newPipe() }

//go:noinline
func leakEpoll() []int { return []int{must(unix.EpollCreate1(0))} }

//go:noinline
func leakEventfd() []int { return []int{must(unix.Eventfd(0, 0))} }

//go:noinline
func leakCopy() []int { return []int{must(unix.Dup(copied))} }

//go:noinline
func balancedSocket() []int { return newSocket() }

//go:noinline
func balancedAccept() []int { return acceptFrom(leakyListener) }

//go:noinline
func balancedFile() []int { return []int{open()} }

//go:noinline
func balancedPipe() []int { return newPipe() }

//go:noinline
func balancedEpoll() []int { return []int{must(unix.EpollCreate1(0))} }

//go:noinline
func balancedEventfd() []int { return []int{must(unix.Eventfd(0, 0))} }

//go:noinline
func balancedCopy() []int { return []int{must(unix.Dup(copied))} }

// The places that leak, and how often each is called; the test has the same numbers.
var leaks = []struct {
	times           int
	leaky, balanced func() []int
}{
	{3, leakSocket, balancedSocket},
	{5, leakAccept, balancedAccept},
	{7, leakFile, balancedFile},
	{11, leakPipe, balancedPipe},
	{13, leakEpoll, balancedEpoll},
	{17, leakEventfd, balancedEventfd},
	{19, leakCopy, balancedCopy},
}

// leakyListener and copied are open before the window.
var leakyListener, copied int

// leak opens descriptors of every kind and forgets them, while the twins close theirs. It forgets
// 29 files at the first line that it hears, which comes when netprobe is attached and its window
// has not been opened: they do not count.
func leak() {
	leakyListener, copied = listen(), must(unix.MemfdCreate("copied", 0))
	start()
	for range 29 {
		leakFile()
	}
	start()
	for _, l := range leaks {
		for range l.times {
			l.leaky()
			closeAll(l.balanced()...)
		}
	}
}

// leakRings does the same with io_urings, which not every machine allows: 1 before the window, and
// in it 2 forgotten and 2 closed.
func leakRings() {
	fd, err := newRing()
	if err != nil {
		say("refused " + err.Error())
		return
	}
	closeAll(fd)
	start()
	leakRing()
	start()
	for range 2 {
		leakRing()
		closeAll(balancedRing())
	}
}

//go:noinline
func leakRing() int { return must(newRing()) }

//go:noinline
func balancedRing() int { return must(newRing()) }

// misuse: 5 numbers closed twice here and 3 there, 2 closings of what was never open, 2 numbers
// closed twice of which the first close is of a descriptor older than the window, and
// registrations with epoll: 7 that outlive their close, and 4 that do not.
func misuse() {
	epoll := must(unix.EpollCreate1(0))
	older := []int{open(), open()}
	start()
	for _, fd := range older {
		closeTwiceOlder(fd)
	}
	for range 5 {
		closeTwice(open())
	}
	for range 3 {
		closeTwiceElsewhere(open())
	}
	for n := range 2 {
		unix.Close(1<<20 + n)
	}
	for range 7 {
		fd := must(unix.Eventfd(1, 0))
		register(epoll, fd)
		kept := must(unix.Dup(fd))
		closeRegistered(fd)
		if ready := poll(epoll); ready == 0 {
			fail("the registration did not outlive its close")
		}
		closeAll(kept) // ends the file, and with it the registration
	}
	for range 2 { // taken out before
		fd := must(unix.Eventfd(1, 0))
		register(epoll, fd)
		kept := must(unix.Dup(fd))
		check(unix.EpollCtl(epoll, unix.EPOLL_CTL_DEL, fd, nil))
		closeAll(fd, kept)
	}
	for range 2 { // ends with its file
		fd := must(unix.Eventfd(1, 0))
		register(epoll, fd)
		closeAll(fd)
	}
	if ready := poll(epoll); ready != 0 {
		fail("%d registrations are left", ready)
	}
}

//go:noinline
func closeTwice(fd int) { closeAll(fd); unix.Close(fd) }

//go:noinline
func closeTwiceElsewhere(fd int) { closeAll(fd); unix.Close(fd) }

//go:noinline
func closeTwiceOlder(fd int) { closeAll(fd); unix.Close(fd) }

//go:noinline
func closeRegistered(fd int) { closeAll(fd) }

func register(epoll, fd int) {
	check(unix.EpollCtl(epoll, unix.EPOLL_CTL_ADD, fd,
		&unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)}))
}

func poll(epoll int) int { return must(unix.EpollWait(epoll, make([]unix.EpollEvent, 8), 0)) }

func newSocket() []int { return []int{must(unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0))} }

func newPipe() []int {
	var ends [2]int
	check(unix.Pipe2(ends[:], 0))
	return ends[:]
}

func listen() int {
	listener := must(unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0))
	check(unix.Bind(listener, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}))
	check(unix.Listen(listener, 1))
	return listener
}

// acceptFrom accepts a connection whose other end it closes.
func acceptFrom(listener int) []int {
	address, err := unix.Getsockname(listener)
	check(err)
	client := must(unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0))
	check(unix.Connect(client, address))
	accepted, _, err := unix.Accept4(listener, 0)
	check(err)
	closeAll(client)
	return []int{accepted}
}

func newRing() (int, error) {
	var params [120]byte
	fd, _, errno := unix.Syscall(unix.SYS_IO_URING_SETUP, 8, uintptr(unsafe.Pointer(&params)), 0)
	if errno != 0 {
		return 0, errno
	}
	return int(fd), nil
}

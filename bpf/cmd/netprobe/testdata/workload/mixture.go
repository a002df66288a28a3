package main

import (
	"net"
	"time"

	"golang.org/x/sys/unix"
)

// mixture does a little of everything that a summary tells of: it serves on the address that it says
// first; when it is given a line it forgets 3 files and 5 goroutines, reads twice from a pipe that
// stays empty for 20 ms, and spends 300 ms of CPU time in one function.
func mixture() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	go func() {
		for {
			conn, err := listener.Accept()
			check(err)
			go answer(conn, 0)
		}
	}()
	say(listener.Addr().String())
	hear()
	for range 3 {
		forgetFile()
	}
	forgetGoroutines(5)
	for range 2 {
		readSlowly()
	}
	for began := cpuTime(); cpuTime()-began < 300e6; {
		burned += burnHere(burned)
	}
}

//go:noinline
func forgetFile() { open() }

//go:noinline
func forgetGoroutines(count int) {
	never := make(chan int)
	for range count {
		go func() { <-never }()
	}
}

//go:noinline
func readSlowly() {
	var pipe [2]int
	check(unix.Pipe2(pipe[:], 0))
	go func() {
		time.Sleep(20 * time.Millisecond)
		must(unix.Write(pipe[1], []byte{1}))
	}()
	must(unix.Read(pipe[0], make([]byte, 1)))
	closeAll(pipe[:]...)
}

package main

import (
	"net"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/trace"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// hops: 211 goroutines are born, and 307 times a word goes to another goroutine and back. A word
// handed over without a buffer wakes exactly one side: whichever came first waits.
func hops() {
	debug.SetGCPercent(-1)
	there, back := make(chan int), make(chan int)
	go func() {
		for word := range there {
			back <- word
		}
	}()
	start()
	var born sync.WaitGroup
	for range 211 {
		born.Go(func() {})
	}
	born.Wait()
	for word := range 307 {
		there <- word
		<-back
	}
}

// echoes: a Go server that echoes single bytes on any number of connections until it hears a
// line. Its second argument says what stands in the way of the goroutines:
//
//	spinner   one P, and a goroutine that never gives it up
//	busy      each byte takes 5 ms of computing, on a thread of its own
//	trace     each byte takes 100 us of computing; the third argument is the file for an execution trace
func echoes() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	work := func() {}
	switch os.Args[2] {
	case "spinner":
		runtime.GOMAXPROCS(1)
		go func() {
			for {
			}
		}()
	case "busy":
		work = func() { compute(5 * time.Millisecond) }
	case "trace":
		file, err := os.Create(os.Args[3])
		check(err)
		check(trace.Start(file))
		work = func() {
			for began := time.Now(); time.Since(began) < 100*time.Microsecond; {
			}
		}
		defer file.Close()
		defer trace.Stop()
	}
	go func() {
		for {
			conn, err := listener.Accept()
			check(err)
			go serveEchoes(conn, work)
		}
	}()
	say(listener.Addr().String())
	hear()
}

func serveEchoes(conn net.Conn, work func()) {
	buffer := make([]byte, 1)
	for {
		if _, err := conn.Read(buffer); err != nil {
			return
		}
		work()
		if _, err := conn.Write(buffer); err != nil {
			return
		}
	}
}

// compute uses so much CPU time of the running thread.
func compute(work time.Duration) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	used := func() int64 {
		var t unix.Timespec
		check(unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t))
		return t.Nano()
	}
	for end := used() + work.Nanoseconds(); used() < end; {
	}
}

// hog uses all of a CPU.
func hog() {
	say("ready")
	for {
	}
}

// Parkgoroutines parks one goroutine, or a few, for each reason that a program can bring about, in a
// function that is named after what it waits for, and writes a goroutine profile and a dump:
//
//	parkgoroutines DIR
package main

import (
	"fmt"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/pprof"
	"strings"
	"sync"
	"syscall"
	"time"
)

func main() {
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// kept holds the other ends, which the collector would close.
var kept []any

func run(dir string) error {
	signal.Notify(make(chan os.Signal, 1), os.Interrupt)
	quiet, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	var conns [3]net.Conn
	for i := range conns {
		if conns[i], err = connection(); err != nil {
			return err
		}
	}
	pipe, writer, err := os.Pipe()
	if err != nil {
		return err
	}
	kept = append(kept, writer)
	var blocking [2]int
	if err := syscall.Pipe(blocking[:]); err != nil {
		return err
	}
	waits := parked(conns, quiet, pipe, blocking[0])
	for _, wait := range waits {
		go wait()
	}
	return whenParked(dir, len(waits))
}

// connection returns one whose other end neither reads nor writes.
func connection() (net.Conn, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	defer listener.Close()
	client, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		return nil, err
	}
	server, err := listener.Accept()
	kept = append(kept, client, server)
	return client, err
}

func parked(conns [3]net.Conn, quiet net.Listener, pipe *os.File, blocking int) []func() {
	var locked sync.Mutex
	locked.Lock()
	var readLocked, writeLocked sync.RWMutex
	readLocked.RLock()
	writeLocked.Lock()
	var group sync.WaitGroup
	group.Add(1)
	cond := sync.NewCond(&sync.Mutex{})
	never := make(chan int)
	var none chan int
	return []func(){
		func() { wantIoNetRead(conns[0]) },
		func() { wantIoNetWrite(conns[1]) },
		func() { wantIoNetAccept(quiet) },
		func() { wantIoPipe(pipe) },
		func() { wantChanRecv(never) },
		func() { wantChanSend(make(chan int)) },
		func() { wantChanSelect(never) },
		func() { wantChanForeverRecv(none) },
		func() { wantChanForeverSend(none) },
		func() { wantChanForeverSelect() },
		func() { wantSyncMutex(&locked) },
		func() { wantSyncRlock(&writeLocked) },
		func() { wantSyncWlock(&readLocked) },
		func() { wantSyncWg(&group) },
		func() { wantSyncCond(cond) },
		func() { wantTimeSleep() },
		func() { wantSyncFdmutexHolder(conns[2]) },
		func() { wantSysRead(blocking) },
	}
}

//go:noinline
func wantIoNetRead(c net.Conn) { c.Read(make([]byte, 1)) }

//go:noinline
func wantIoNetWrite(c net.Conn) {
	for b := make([]byte, 1<<20); ; {
		if _, err := c.Write(b); err != nil {
			return
		}
	}
}

//go:noinline
func wantIoNetAccept(l net.Listener) { l.Accept() }

//go:noinline
func wantIoPipe(f *os.File) { f.Read(make([]byte, 1)) }

//go:noinline
func wantChanRecv(c chan int) { <-c }

//go:noinline
func wantChanSend(c chan int) { c <- 1 }

//go:noinline
func wantChanSelect(c chan int) {
	select {
	case <-c:
	case <-time.After(time.Hour):
	}
}

//go:noinline
func wantChanForeverRecv(c chan int) { <-c }

//go:noinline
func wantChanForeverSend(c chan int) { c <- 1 }

//go:noinline
func wantChanForeverSelect() { select {} }

//go:noinline
func wantSyncMutex(mu *sync.Mutex) { mu.Lock() }

//go:noinline
func wantSyncRlock(mu *sync.RWMutex) { mu.RLock() }

//go:noinline
func wantSyncWlock(mu *sync.RWMutex) { mu.Lock() }

//go:noinline
func wantSyncWg(wg *sync.WaitGroup) { wg.Wait() }

//go:noinline
func wantSyncCond(c *sync.Cond) { c.L.Lock(); c.Wait() }

//go:noinline
func wantTimeSleep() { time.Sleep(time.Hour) }

// wantSyncFdmutexHolder reads, and another goroutine that wants to read too waits for its turn.
//
//go:noinline
func wantSyncFdmutexHolder(c net.Conn) {
	go wantSyncFdmutex(c)
	c.Read(make([]byte, 1))
}

// wantSysRead is in the kernel, which the netpoller knows nothing of.
//
//go:noinline
func wantSysRead(fd int) { syscall.Read(fd, make([]byte, 1)) }

//go:noinline
func wantSyncFdmutex(c net.Conn) { c.Read(make([]byte, 1)) }

// whenParked writes what there is to see once every function named want… is blocked in a dump.
func whenParked(dir string, count int) error {
	deadline := time.Now().Add(10 * time.Second)
	for {
		var dump strings.Builder
		if err := pprof.Lookup("goroutine").WriteTo(&dump, 2); err != nil {
			return err
		}
		blocked := 0
		for _, goroutine := range strings.Split(dump.String(), "\n\n") {
			header, _, _ := strings.Cut(goroutine, "\n")
			if strings.Contains(goroutine, "main.want") && !strings.Contains(header, "[run") {
				blocked++
			}
		}
		if blocked == count+1 { // And the second one that wants to read.
			return write(dir, dump.String())
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%d of %d goroutines are parked:\n%s", blocked, count+1, &dump)
		}
		time.Sleep(time.Millisecond)
	}
}

func write(dir, dump string) error {
	if err := os.WriteFile(filepath.Join(dir, "goroutine.txt"), []byte(dump), 0o600); err != nil {
		return err
	}
	file, err := os.Create(filepath.Join(dir, "goroutine.pb.gz"))
	if err != nil {
		return err
	}
	if err := pprof.Lookup("goroutine").WriteTo(file, 0); err != nil {
		return err
	}
	return file.Close()
}

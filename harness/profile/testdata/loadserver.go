// Loadserver serves its own clients over TCP for a while, with a lock, a channel and a file between
// them and idle connections beside, and writes a CPU profile of the first half and an execution trace
// of the second:
//
//	loadserver DIR MILLISECONDS
package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime/pprof"
	"runtime/trace"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

const (
	clients = 8
	idle    = 16
	slow    = 48 // Asked for twice in a second: most of them wait when the trace begins.
)

func main() {
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(dir, milliseconds string) error {
	ms, err := strconv.Atoi(milliseconds)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	s := &server{log: make(chan int)}
	go s.accept(listener)
	go s.count()
	stop := make(chan struct{})
	var all sync.WaitGroup
	var paced []net.Conn
	for i := 0; i < clients+slow+idle; i++ {
		conn, err := net.Dial("tcp", listener.Addr().String())
		if err != nil {
			return err
		}
		defer conn.Close()
		switch {
		case i < clients:
			all.Add(1)
			go func() { defer all.Done(); ask(conn, stop) }()
		case i < clients+slow:
			paced = append(paced, conn)
			go io.Copy(io.Discard, conn)
		}
	}
	go pace(paced, stop)
	window := time.Duration(ms) * time.Millisecond / 2
	err = record(filepath.Join(dir, "cpu.pb.gz"), window, pprof.StartCPUProfile, pprof.StopCPUProfile)
	if err == nil {
		err = record(filepath.Join(dir, "trace.out"), window, trace.Start, trace.Stop)
	}
	close(stop)
	all.Wait()
	return err
}

type server struct {
	mu     sync.Mutex
	served map[int]int
	log    chan int
	total  atomic.Int64
}

func (s *server) accept(l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		go s.serve(conn)
	}
}

func (s *server) serve(conn net.Conn) {
	defer conn.Close()
	b := make([]byte, 64)
	for n := 0; ; n++ {
		if _, err := conn.Read(b); err != nil {
			return
		}
		s.mu.Lock()
		if s.served == nil {
			s.served = map[int]int{}
		}
		s.served[n%100]++
		s.mu.Unlock()
		s.log <- n
		if _, err := conn.Write(b); err != nil {
			return
		}
	}
}

func (s *server) count() {
	for n := range s.log {
		s.total.Add(int64(n))
	}
}

func ask(conn net.Conn, stop <-chan struct{}) {
	b := make([]byte, 64)
	for {
		select {
		case <-stop:
			return
		default:
		}
		if _, err := conn.Write(b); err != nil {
			return
		}
		if _, err := conn.Read(b); err != nil {
			return
		}
	}
}

// pace asks on each connection now and then.
func pace(conns []net.Conn, stop <-chan struct{}) {
	ticker := time.NewTicker(500 * time.Millisecond)
	defer ticker.Stop()
	b := make([]byte, 64)
	for {
		select {
		case <-stop:
			return
		case <-ticker.C:
		}
		for _, conn := range conns {
			if _, err := conn.Write(b); err != nil {
				return
			}
		}
	}
}

func record[W any](path string, window time.Duration, start func(W) error, end func()) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	if err := start(any(file).(W)); err != nil {
		return err
	}
	time.Sleep(window)
	end()
	return file.Close()
}

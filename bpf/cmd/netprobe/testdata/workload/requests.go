package main

import (
	"net"
	"os"
	"runtime"
	"time"
)

// requests: a Go server that answers each byte with one, on any number of connections. With a
// second argument `slow` it waits 5 ms before the answer; with `busy` a goroutine spins on the
// only P.
func requests() {
	var pause time.Duration
	if len(os.Args) > 2 && os.Args[2] == "slow" {
		pause = 5 * time.Millisecond
	}
	if len(os.Args) > 2 && os.Args[2] == "busy" {
		runtime.GOMAXPROCS(1)
		go func() {
			for {
			}
		}()
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	say(listener.Addr().String())
	for {
		conn, err := listener.Accept()
		check(err)
		go answer(conn, pause)
	}
}

func answer(conn net.Conn, pause time.Duration) {
	defer conn.Close()
	buffer := make([]byte, 1)
	for {
		if _, err := conn.Read(buffer); err != nil {
			return
		}
		time.Sleep(pause)
		if _, err := conn.Write(buffer); err != nil {
			return
		}
	}
}

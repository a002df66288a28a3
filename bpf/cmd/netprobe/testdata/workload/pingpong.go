package main

import (
	"bytes"
	"io"
	"net"
	"runtime"
)

// pingpong: a Go server that echoes bytes on one connection. Before each byte it makes sure that
// its reader sleeps in the netpoller, and says `parked`; so each byte is exactly one goroutine
// made ready by the network.
func pingpong() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	say(listener.Addr().String())
	conn, err := listener.Accept()
	check(err)

	echoed := make(chan error)
	go echo(conn, echoed)
	for {
		awaitParked()
		say("parked")
		if <-echoed == io.EOF {
			return
		}
	}
}

func echo(conn net.Conn, echoed chan<- error) {
	buffer := make([]byte, 1)
	for {
		_, err := conn.Read(buffer)
		if err == nil {
			_, err = conn.Write(buffer)
		}
		echoed <- err
		if err != nil {
			return
		}
	}
}

// awaitParked returns when the runtime itself says that the reader waits for the network. The
// dump is taken with the world stopped, so a goroutine that it shows waiting waits completely.
func awaitParked() {
	dump := make([]byte, 1<<16)
	for {
		n := runtime.Stack(dump, true)
		for goroutine := range bytes.SplitSeq(dump[:n], []byte("\n\n")) {
			if bytes.Contains(goroutine, []byte("main.echo(")) &&
				bytes.Contains(goroutine, []byte("[IO wait")) {
				return
			}
		}
		runtime.Gosched()
	}
}

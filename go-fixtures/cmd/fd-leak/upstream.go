package main

import (
	"io"
	"net"

	"pollgate/go-fixtures/internal/peer"
)

// runUpstream is the upstream process: an echo server that prints its address and lives until
// stdin ends.
func runUpstream(stdin io.Reader, stdout io.Writer) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	return peer.Run(stdin, stdout, []net.Addr{listener.Addr()}, func() error { return serveEcho(listener) })
}

// serveEcho sends back what each connection brings, until accepting fails.
func serveEcho(listener net.Listener) error {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return err
		}
		go func() {
			defer conn.Close()
			// A plain buffer: io.Copy between TCP connections would splice through pipes.
			var buffer [64]byte
			for {
				n, err := conn.Read(buffer[:])
				if err != nil {
					return
				}
				if _, err := conn.Write(buffer[:n]); err != nil {
					return
				}
			}
		}()
	}
}

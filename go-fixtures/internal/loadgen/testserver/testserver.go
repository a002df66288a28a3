// Package testserver runs small TCP servers inside the generator's tests, good
// and bad ones.
package testserver

import (
	"io"
	"net"
	"net/netip"
	"sync"
	"testing"

	"pollgate/go-fixtures/internal/blockproto"
)

// Serve accepts connections on a free loopback port until the test ends, and
// hands each to handle on a goroutine of its own. The connection is closed when
// handle returns, or when the test ends.
func Serve(t testing.TB, handle func(net.Conn)) netip.AddrPort {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ServeOn(t, listener, handle)
	return Address(listener)
}

// Address of a TCP listener.
func Address(listener net.Listener) netip.AddrPort {
	return listener.Addr().(*net.TCPAddr).AddrPort()
}

// ServeOn is Serve on a listener that the caller may close earlier.
func ServeOn(t testing.TB, listener net.Listener, handle func(net.Conn)) {
	var handlers sync.WaitGroup
	var mutex sync.Mutex
	open := map[net.Conn]bool{}
	handlers.Go(func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			mutex.Lock()
			open[connection] = true
			mutex.Unlock()
			handlers.Go(func() {
				handle(connection)
				mutex.Lock()
				delete(open, connection)
				mutex.Unlock()
				connection.Close()
			})
		}
	})
	t.Cleanup(func() {
		listener.Close()
		// A connection may still be on its way from Accept to the map; those in
		// the map are enough, because a closed listener's clients are gone by now.
		mutex.Lock()
		for connection := range open {
			connection.Close()
		}
		mutex.Unlock()
		handlers.Wait()
	})
}

// Blocks answers the block protocol correctly, without allocating per request.
func Blocks(connection net.Conn) {
	BlocksVia(connection, func(_ uint64, page []byte) []byte { return page })
}

// BlocksVia answers the block protocol with what change makes of each page.
func BlocksVia(connection net.Conn, change func(number uint64, page []byte) []byte) {
	var request [blockproto.RequestSize]byte
	page := make([]byte, blockproto.PageSize)
	for {
		if _, err := io.ReadFull(connection, request[:]); err != nil {
			return
		}
		number := blockproto.PageNumber(request[:])
		blockproto.FillPage(page, number)
		if _, err := connection.Write(change(number, page)); err != nil {
			return
		}
	}
}

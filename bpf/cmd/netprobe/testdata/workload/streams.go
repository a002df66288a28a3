package main

import (
	"io"
	"net"
	"net/http"
	"runtime"
	"sync"
)

// streams: as server and as client, 41 HTTP/2 streams on 3 connections that end (11, 13 and 17), 5 more on
// one that stays, and 2 that the server refuses a client that has not been told how many it takes: on that
// connection one is served.
func streams() {
	var ended sync.WaitGroup
	release := make(chan struct{})
	entered := make(chan struct{}, 64)
	server := &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/held" {
				entered <- struct{}{}
				<-release
			}
		}),
		HTTP2:     &http.HTTP2Config{MaxConcurrentStreams: 1},
		Protocols: unencrypted(),
		ConnState: func(_ net.Conn, state http.ConnState) {
			switch state {
			case http.StateNew:
				ended.Add(1)
			case http.StateClosed:
				ended.Done()
			}
		},
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	go server.Serve(listener)
	start()

	resting := runtime.NumGoroutine()
	url := "http://" + listener.Addr().String() + "/"
	for _, n := range []int{11, 13, 17} {
		get(url, n).CloseIdleConnections()
	}
	refuse(listener.Addr().String(), entered, release)
	ended.Wait()
	// The clients' side of a connection ends after the server has seen its end, or before.
	awaitGoroutines(resting)
	get(url, 5)
}

func unencrypted() *http.Protocols {
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	return &protocols
}

// get sends n requests one after the other, on one connection.
func get(url string, n int) *http.Client {
	client := &http.Client{Transport: &http.Transport{Protocols: unencrypted()}}
	for range n {
		response, err := client.Get(url)
		check(err)
		_, err = io.Copy(io.Discard, response.Body)
		check(err)
		response.Body.Close()
	}
	return client
}

// refuse opens three streams where one is allowed. As long as the client has not acknowledged the server's
// settings, it may not know: the server refuses the streams and goes on.
func refuse(address string, entered <-chan struct{}, release chan<- struct{}) {
	connection, err := net.Dial("tcp", address)
	check(err)
	settings := []byte{0, 0, 0, 4, 0, 0, 0, 0, 0}
	_, err = connection.Write(append([]byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), settings...))
	check(err)
	for _, stream := range []byte{1, 3, 5} {
		// RFC 7541: GET, http, and /held as a literal value of :path.
		block := append([]byte{0x82, 0x86, 0x04, 5}, "/held"...)
		const headers, endOfStreamAndHeaders = 1, 5
		frame := append([]byte{0, 0, byte(len(block)), headers, endOfStreamAndHeaders, 0, 0, 0, stream}, block...)
		_, err = connection.Write(frame)
		check(err)
	}
	<-entered
	for refused := 0; refused < 2; {
		frame := make([]byte, 9)
		_, err := io.ReadFull(connection, frame)
		check(err)
		_, err = io.CopyN(io.Discard, connection, int64(frame[0])<<16|int64(frame[1])<<8|int64(frame[2]))
		check(err)
		const reset = 3
		if frame[3] == reset {
			refused++
		}
	}
	release <- struct{}{}
	connection.Close()
}

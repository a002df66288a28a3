// Hello-http serves "hello, world" over HTTP/1.1 with keep-alive.
//
// On trial: package net/http as it comes, on top of the runtime's netpoller. The handler does next
// to nothing, so what is measured is accepting, parsing, goroutine wake-ups and two system calls
// per request.
//
// The --knob flags make it worse by a known amount, for trials of the gate.
package main

import (
	"io"
	"net/http"

	"pollgate/go-fixtures/internal/fixture"
	"pollgate/go-fixtures/internal/knob"
)

func main() {
	f := fixture.New("hello-http")
	knobs := knob.New(f.Flags)
	f.Parse()
	knobs.Turn()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		knobs.Request()
		hello(w)
	})
	f.Serve(f.HTTP(mux))
}

// hello leaves Content-Length to net/http, which sets it for replies this short.
func hello(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/plain")
	// A failed write means that the client has gone; its connection ends by itself.
	_, _ = io.WriteString(w, "hello, world\n")
}

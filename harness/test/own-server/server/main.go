// Command server stands for a user's own service: it knows nothing of pollgate.
package main

import (
	"flag"
	"log"
	"net/http"
)

func main() {
	address := flag.String("addr", "127.0.0.1:8080", "address to listen on")
	flag.Parse()
	http.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNoContent)
	})
	http.HandleFunc("GET /orders", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Write([]byte(`{"orders":[]}` + "\n"))
	})
	log.Fatal(http.ListenAndServe(*address, nil))
}

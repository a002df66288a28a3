// Command overlay writes a `go build -overlay` file that puts a network poller
// over io_uring into package runtime of the installed, stock Go.
//
// Usage:
//
//	overlay -out DIR
//
// It prints one line of JSON: the path of the overlay, the Go version it is
// for, and a hash of what it contains. A program is then built with
//
//	go build -overlay DIR/overlay.json -tags goexperiment.io_uring
//
// Exit codes: 0 done, 1 the installed Go does not fit or DIR cannot be
// written, 2 usage.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
)

func main() {
	out := flag.String("out", "", "`directory` for overlay.json and the files it names")
	flag.Parse()
	if *out == "" || flag.NArg() != 0 {
		fmt.Fprintln(os.Stderr, "overlay: usage: overlay -out DIR")
		os.Exit(2)
	}
	if err := run(*out); err != nil {
		fmt.Fprintln(os.Stderr, "overlay:", err)
		os.Exit(1)
	}
}

func run(dir string) error {
	tc, err := installedGo()
	if err != nil {
		return err
	}
	o, err := generate(tc, netpoller())
	if err != nil {
		return err
	}
	res, err := o.write(dir)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(res)
}

// installedGo asks the go command on the PATH, which is the one that will
// build with the overlay.
func installedGo() (toolchain, error) {
	cmd := exec.Command("go", "env", "-json", "GOROOT", "GOVERSION", "GOOS", "GOARCH")
	cmd.Stderr = os.Stderr
	raw, err := cmd.Output()
	if err != nil {
		return toolchain{}, fmt.Errorf("go env: %w: put the go command on the PATH", err)
	}
	var tc toolchain
	if err := json.Unmarshal(raw, &tc); err != nil {
		return toolchain{}, fmt.Errorf("go env: %w", err)
	}
	return tc, nil
}

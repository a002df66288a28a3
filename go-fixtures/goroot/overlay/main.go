// Command overlay writes a `go build -overlay` file that puts a network poller
// over io_uring into package runtime of the installed, stock Go.
//
// Usage:
//
//	overlay -out DIR [-poller SOURCE]
//	overlay -toolchain DIR
//
// The first takes a moment. It prints one line of JSON: the path of the
// overlay, the Go version it is for, and a hash of what it contains. A program
// is then built with
//
//	go build -overlay DIR/overlay.json -tags goexperiment.io_uring
//
// With -poller it takes the netpoller from the Go files of another folder: a
// trial of another design. A file edits.json there lists further edits of
// GOROOT/src as [{"file":…,"old":…,"new":…}].
//
// The second takes a minute or two and makes a GOROOT of its own, in which the
// netpoller is an experiment like others: 80 MB beside links to the installed
// Go. A program is then built with
//
//	GOEXPERIMENT=io_uring DIR/bin/go build
//
// Exit codes: 0 done, 1 the installed Go does not fit or DIR cannot be
// written, 2 usage, 130 interrupted.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
)

func main() {
	out := flag.String("out", "", "`directory` for overlay.json and the files it names")
	goroot := flag.String("toolchain", "", "`directory` for a GOROOT that knows the experiment")
	source := flag.String("poller", "", "`directory` of the netpoller's source, in place of the built-in one")
	flag.Parse()
	if (*out == "") == (*goroot == "") || *source != "" && *out == "" || flag.NArg() != 0 {
		fmt.Fprintln(os.Stderr, "overlay: usage: overlay -out DIR [-poller SOURCE] | overlay -toolchain DIR")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, *out, *goroot, *source)
	interrupted := ctx.Err() != nil
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "overlay:", err)
		if interrupted {
			os.Exit(130)
		}
		os.Exit(1)
	}
}

// run makes the overlay in out, or the toolchain at goroot; one of them is "".
// The netpoller is that in the folder source, or the built-in one if that is "".
func run(ctx context.Context, out, goroot, source string) error {
	tc, err := installedGo()
	if err != nil {
		return err
	}
	poller, further := netpoller(), []edit(nil)
	if source != "" {
		if poller, further, err = trial(source); err != nil {
			return err
		}
	}
	o, err := generate(tc, poller, further...)
	if err != nil {
		return err
	}
	var made any
	if goroot == "" {
		made, err = o.write(out)
	} else if o, err = o.withExperiment(); err == nil {
		made, err = o.makeToolchain(ctx, goroot)
	}
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(made)
}

// trial reads a netpoller, and the edits that it needs beside the usual ones.
func trial(folder string) (poller map[string]string, further []edit, err error) {
	if poller, err = sources(os.DirFS(folder), "."); err != nil {
		return nil, nil, err
	}
	if len(poller) == 0 {
		return nil, nil, fmt.Errorf("%s holds no Go file: -poller wants the folder of a netpoller", folder)
	}
	list, err := os.ReadFile(filepath.Join(folder, "edits.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return poller, nil, nil
	}
	var read []struct{ File, Old, New string }
	if err == nil {
		err = json.Unmarshal(list, &read)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("edits.json: %w", err)
	}
	for _, e := range read {
		further = append(further, edit{e.File, e.Old, e.New})
	}
	return poller, further, nil
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

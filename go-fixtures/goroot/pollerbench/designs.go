package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// design is one way to build the servers.
type design struct {
	name, about string
	folder      string // of the netpoller's source, from go-fixtures; "": stock Go
	changes     []change
}

// change replaces a text, which must occur exactly once, in one of the files.
type change struct{ file, old, new string }

const (
	shipped = "goroot/overlay/_runtime"
	others  = "goroot/pollerbench/_designs/"
	ring    = "netpoll_iouring_ring.go"
	thread  = "netpoll_iouring_thread.go"

	sharedFlags = "p.flags = iouringSetupCQSize | iouringSetupClamp\n"
)

// designs begins with the one that all others are compared with.
var designs = []design{
	{name: "epoll", about: "stock Go"},
	{name: "shared", about: "one ring for all threads, multishot polls armed by whichever thread registers", folder: others + "shared"},
	{name: "shared-coop", about: "the same with IORING_SETUP_COOP_TASKRUN", folder: others + "shared",
		changes: []change{{ring, sharedFlags, "p.flags = iouringSetupCQSize | iouringSetupClamp | 1<<8\n"}}},
	{name: "epoll-in-ring", about: "epoll keeps the readiness, a ring waits for it by IORING_OP_EPOLL_WAIT: not a poller over io_uring", folder: others + "epollwait"},
	{name: "thread", about: "a thread owns a ring with DEFER_TASKRUN; it has SCHED_BATCH", folder: others + "thread"},
	{name: "thread-normal", about: "the same with SCHED_OTHER", folder: others + "thread",
		changes: []change{{thread, "iouringSchedBatch           = 3\n", "iouringSchedBatch           = 0\n"}}},
	{name: "arm", about: "one ring for all threads; a poll is armed once, when a goroutine waits, by the thread that polls next (shipped)", folder: shipped},
	{name: "arm-interrupt", about: "the same without IORING_SETUP_COOP_TASKRUN, as on several CPUs", folder: shipped,
		changes: []change{{ring, "if numCPUStartup == 1 {", "if false {"}}},
}

// buildAll builds both servers of every design into a folder of its name.
func buildAll(ctx context.Context, folder string, all []design) error {
	for _, d := range all {
		flags := []string{}
		if d.folder != "" {
			overlay, err := d.overlay(ctx, filepath.Join(folder, d.name+".overlay"))
			if err != nil {
				return fmt.Errorf("%s: %w", d.name, err)
			}
			flags = []string{"-overlay", overlay, "-tags", "goexperiment.io_uring"}
		}
		out := filepath.Join(folder, d.name)
		if err := os.Mkdir(out, 0o755); err != nil {
			return err
		}
		arguments := append([]string{"build", "-trimpath", "-o", out + "/"}, flags...)
		cmd := exec.CommandContext(ctx, "go", append(arguments, "./cmd/block-4k", "./cmd/hello-http")...)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off", "GOTOOLCHAIN=local")
		if text, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%v: %w\n%s", cmd, err, text)
		}
		fmt.Fprintln(os.Stderr, "pollerbench: built", d.name)
	}
	return nil
}

// overlay makes the overlay of a design and returns the path of its list.
func (d design) overlay(ctx context.Context, folder string) (string, error) {
	source := filepath.Join(folder, "source")
	if err := os.CopyFS(source, os.DirFS(d.folder)); err != nil {
		return "", err
	}
	for _, c := range d.changes {
		path := filepath.Join(source, c.file)
		text, err := os.ReadFile(path)
		if err != nil {
			return "", err
		}
		if n := strings.Count(string(text), c.old); n != 1 {
			return "", fmt.Errorf("%s holds %q %d times, expected once: mend designs.go", c.file, c.old, n)
		}
		if err := os.WriteFile(path, []byte(strings.Replace(string(text), c.old, c.new, 1)), 0o644); err != nil {
			return "", err
		}
	}
	cmd := exec.CommandContext(ctx, "go", "run", "./goroot/overlay", "-poller", source, "-out", folder)
	cmd.Stderr = os.Stderr
	line, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%v: %w", cmd, err)
	}
	var made struct {
		Overlay string `json:"overlay"`
	}
	if err := json.Unmarshal(line, &made); err != nil {
		return "", fmt.Errorf("%v: %w", cmd, err)
	}
	return made.Overlay, nil
}

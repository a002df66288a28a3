// Command errnos registers files of many kinds with the netpoller, in the very
// way package internal/poll does, and prints as one line of JSON the errno that
// each registration got (0: none).
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"syscall"
	_ "unsafe" // for go:linkname
)

// errnoEntry is one registration.
type errnoEntry struct {
	File  string `json:"file"`
	Errno int    `json:"errno"`
}

//go:linkname pollServerInit internal/poll.runtime_pollServerInit
func pollServerInit()

//go:linkname pollOpen internal/poll.runtime_pollOpen
func pollOpen(fd uintptr) (uintptr, int)

//go:linkname pollUnblock internal/poll.runtime_pollUnblock
func pollUnblock(ctx uintptr)

//go:linkname pollClose internal/poll.runtime_pollClose
func pollClose(ctx uintptr)

func main() {
	pollServerInit()
	entries, err := run()
	if err != nil {
		fmt.Fprintln(os.Stderr, "errnos:", err)
		os.Exit(1)
	}
	json.NewEncoder(os.Stdout).Encode(entries)
}

func run() ([]errnoEntry, error) {
	var entries []errnoEntry
	dir, err := os.MkdirTemp("", "pollgate-errnos-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	regular, fifo := dir+"/regular", dir+"/fifo"
	if err := os.WriteFile(regular, []byte("x"), 0o644); err != nil {
		return nil, err
	}
	if err := syscall.Mkfifo(fifo, 0o644); err != nil {
		return nil, err
	}
	// What stands below /proc is regular to stat; some of it can be polled.
	for _, path := range []string{
		regular, dir, fifo, os.DevNull, "/dev/zero", "/dev/urandom", "/proc",
		"/proc/self/status", "/proc/self/mounts", "/proc/swaps", "/proc/sys/kernel/hostname",
	} {
		fd, err := syscall.Open(path, syscall.O_RDONLY|syscall.O_NONBLOCK|syscall.O_CLOEXEC, 0)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		name := map[string]string{regular: "a regular file", dir: "a directory", fifo: "a FIFO"}[path]
		if name == "" {
			name = path
		}
		entries = append(entries, errnoEntry{name, errnoOf(fd)})
		syscall.Close(fd)
	}
	for _, call := range []struct {
		name   string
		number uintptr
		args   [3]uintptr
	}{
		{"an event descriptor", syscall.SYS_EVENTFD2, [3]uintptr{}},
		{"a timer descriptor", syscall.SYS_TIMERFD_CREATE, [3]uintptr{1}},
		{"an epoll instance", syscall.SYS_EPOLL_CREATE1, [3]uintptr{}},
		{"an inotify instance", syscall.SYS_INOTIFY_INIT1, [3]uintptr{}},
		{"a TCP socket", syscall.SYS_SOCKET, [3]uintptr{syscall.AF_INET, syscall.SOCK_STREAM}},
		{"a UDP socket", syscall.SYS_SOCKET, [3]uintptr{syscall.AF_INET, syscall.SOCK_DGRAM}},
		{"a Unix socket", syscall.SYS_SOCKET, [3]uintptr{syscall.AF_UNIX, syscall.SOCK_SEQPACKET}},
	} {
		fd, _, errno := syscall.Syscall(call.number, call.args[0], call.args[1], call.args[2])
		if errno != 0 {
			return nil, fmt.Errorf("%s: %w", call.name, errno)
		}
		entries = append(entries, errnoEntry{call.name, errnoOf(int(fd))})
		syscall.Close(int(fd))
	}
	again, err := registerTwice()
	return append(entries, again...), err
}

// registerTwice registers a socket, then the same again, a duplicate of it, and
// numbers that mean nothing.
func registerTwice() ([]errnoEntry, error) {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		return nil, err
	}
	ctx, errno := pollOpen(uintptr(fd))
	if errno != 0 {
		return nil, fmt.Errorf("a socket: %w", syscall.Errno(errno))
	}
	entries := []errnoEntry{{"a descriptor that is registered", errnoOf(fd)}}
	dup, err := syscall.Dup(fd)
	if err != nil {
		return nil, err
	}
	entries = append(entries, errnoEntry{"a duplicate of one that is registered", errnoOf(dup)})
	syscall.Close(dup)
	closePoll(ctx)
	entries = append(entries, errnoEntry{"a descriptor that was registered", errnoOf(fd)})
	syscall.Close(fd)
	return append(entries,
		errnoEntry{"a descriptor that was closed", errnoOf(fd)},
		errnoEntry{"a number far from any", errnoOf(1 << 20)},
	), nil
}

// errnoOf registers fd and, where that succeeds, takes it back.
func errnoOf(fd int) int {
	ctx, errno := pollOpen(uintptr(fd))
	if errno == 0 {
		closePoll(ctx)
	}
	return errno
}

func closePoll(ctx uintptr) {
	pollUnblock(ctx)
	pollClose(ctx)
}

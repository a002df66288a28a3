//go:build linux && (amd64 || arm64)

package main

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// Package os decides by the errno of a registration whether a file has
// deadlines and may be read without a thread of its own, so each kind of file
// must get the errno that epoll gives.
func TestRegistrationsGetTheErrnosOfEpoll(t *testing.T) {
	needRing(t)
	uring := errnos(t, build(t, "errnos", netpoller(), linknames))
	stock := filepath.Join(t.TempDir(), "errnos")
	goBuild(t, stock, "errnos", linknames)
	epoll := errnos(t, stock)
	if len(epoll) < 20 || len(uring) != len(epoll) {
		t.Fatalf("%d registrations with epoll, %d with io_uring", len(epoll), len(uring))
	}
	for file, errno := range epoll {
		if uring[file] != errno {
			t.Errorf("%s: got errno %d (%v), epoll gives %d (%v)", file, int(uring[file]), uring[file], int(errno), errno)
		}
	}
	// That the program asks what it means to ask.
	for file, errno := range map[string]syscall.Errno{
		"a regular file":                  syscall.EPERM,
		"/proc/self/mounts":               0,
		"a descriptor that is registered": syscall.EEXIST,
		"a descriptor that was closed":    syscall.EBADF,
	} {
		if got, asked := epoll[file]; !asked || got != errno {
			t.Errorf("epoll, %s: got %d (asked: %t), want %d", file, int(got), asked, int(errno))
		}
	}
}

// linknames lets a program call what the runtime has for internal/poll alone.
const linknames = "-ldflags=-checklinkname=0"

func errnos(t *testing.T, binary string) map[string]syscall.Errno {
	t.Helper()
	var entries []struct {
		File  string
		Errno syscall.Errno
	}
	if err := json.Unmarshal(output(t, exec.Command(binary)), &entries); err != nil {
		t.Fatal(err)
	}
	byFile := make(map[string]syscall.Errno, len(entries))
	for _, e := range entries {
		byFile[e.File] = e.Errno
	}
	return byFile
}

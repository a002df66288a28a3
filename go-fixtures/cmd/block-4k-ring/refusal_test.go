package main

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"pollgate/go-fixtures/internal/blocktest"
	"pollgate/go-fixtures/internal/fixture"
	"pollgate/go-fixtures/internal/fixturetest"
)

// forbidden names an errno: the test binary then forbids itself io_uring_setup with it and becomes
// the server.
const forbidden = "BLOCK_4K_RING_TEST_FORBIDDEN"

func TestMain(m *testing.M) {
	if name := os.Getenv(forbidden); name != "" {
		fmt.Fprintln(os.Stderr, becomeServer(map[string]unix.Errno{"EPERM": unix.EPERM, "ENOSYS": unix.ENOSYS, "EINVAL": unix.EINVAL}[name]))
		os.Exit(99)
	}
	fixturetest.Main(m, &serverBinary)
}

// becomeServer runs os.Args[1:] under a seccomp filter, as a container runtime does.
func becomeServer(errno unix.Errno) error {
	runtime.LockOSThread()
	program := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: 0}, // The number of the call.
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.SYS_IO_URING_SETUP, Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | uint32(errno)},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
	}
	filter := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	if err := unix.Prctl(unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER, uintptr(unsafe.Pointer(&filter)), 0, 0); err != nil {
		return err
	}
	return syscall.Exec(os.Args[1], os.Args[1:], nil)
}

func TestRefusedRingNamesReasonAndRemedy(t *testing.T) {
	file := blocktest.DataFile(t, 1)
	for errno, want := range map[string]string{
		"EPERM":  "docker run --security-opt seccomp=unconfined",
		"ENOSYS": "docker run --security-opt seccomp=unconfined",
		"EINVAL": "expected 6.1 or later",
	} {
		t.Setenv(forbidden, errno)
		code, stdout, stderr := fixturetest.Run(t, os.Args[0], serverBinary, "--data", file)
		if code != fixture.ExitIOUringRefused || stdout != "" || !strings.Contains(stderr, errno) || !strings.Contains(stderr, want) {
			t.Errorf("%s: exit %d, stdout %q, stderr %q; want exit 71, …%s…", errno, code, stdout, stderr, want)
		}
	}
}

//go:build linux && (amd64 || arm64)

package main

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"syscall"
	"testing"
	"unsafe"
)

// sysIOUringSetup is the number of io_uring_setup on every architecture.
const sysIOUringSetup = 425

// refuseEnv, when set to an errno, turns the test binary into a launcher: it
// makes io_uring_setup fail with that errno, as a container's seccomp profile
// does, and then becomes the program named by its arguments.
const refuseEnv = "POLLGATE_TEST_REFUSE_IO_URING"

func TestMain(m *testing.M) {
	if errno := os.Getenv(refuseEnv); errno != "" {
		fmt.Fprintln(os.Stderr, "launcher:", launchRefused(errno, os.Args[1:]))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// launchRefused returns only if it fails.
func launchRefused(errno string, args []string) error {
	n, err := strconv.ParseUint(errno, 10, 16)
	if err != nil {
		return err
	}
	if err := denySyscall(sysIOUringSetup, syscall.Errno(n)); err != nil {
		return err
	}
	os.Unsetenv(refuseEnv)
	return syscall.Exec(args[0], args, os.Environ())
}

// denySyscall installs a seccomp filter on the calling thread, which has to be
// the one that goes on to exec.
func denySyscall(number uint32, errno syscall.Errno) error {
	const (
		prSetSeccomp     = 22
		prSetNoNewPrivs  = 38
		seccompFilter    = 2
		seccompRetErrno  = 0x00050000
		seccompRetAllow  = 0x7fff0000
		offsetOfNumber   = 0 // in struct seccomp_data
		loadWord         = syscall.BPF_LD | syscall.BPF_W | syscall.BPF_ABS
		jumpIfEqual      = syscall.BPF_JMP | syscall.BPF_JEQ | syscall.BPF_K
		returnConstant   = syscall.BPF_RET | syscall.BPF_K
		skipOnInequality = 1
	)
	program := []syscall.SockFilter{
		{Code: loadWord, K: offsetOfNumber},
		{Code: jumpIfEqual, Jf: skipOnInequality, K: number},
		{Code: returnConstant, K: seccompRetErrno | uint32(errno)},
		{Code: returnConstant, K: seccompRetAllow},
	}
	runtime.LockOSThread()
	if _, _, e := syscall.RawSyscall6(syscall.SYS_PRCTL, prSetNoNewPrivs, 1, 0, 0, 0, 0); e != 0 {
		return fmt.Errorf("no_new_privs: %w", e)
	}
	filter := syscall.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	if _, _, e := syscall.RawSyscall(syscall.SYS_PRCTL, prSetSeccomp, seccompFilter, uintptr(unsafe.Pointer(&filter))); e != 0 {
		return fmt.Errorf("seccomp: %w", e)
	}
	return nil
}

// needRing skips the test if, and only if, the kernel really refuses a ring.
func needRing(t *testing.T) {
	t.Helper()
	var params [120]byte // struct io_uring_params
	fd, _, errno := syscall.Syscall(sysIOUringSetup, 1, uintptr(unsafe.Pointer(&params)), 0)
	if errno != 0 {
		t.Skipf("missing capability: io_uring_setup is refused with errno %d (%v): sysctl kernel.io_uring_disabled or a seccomp profile", int(errno), errno)
	}
	syscall.Close(int(fd))
}

// Ringcheck asks the kernel for the ring that the io_uring netpoller needs, and prints what came of
// it as one line of JSON. A refusal is an answer: the exit code is 0 whenever the line was printed.
//
//	{"ok":false,"errno":"EPERM","disabledSysctl":2,"seccomp":0,"features":0}
//
// The errno does not show whether a sysctl or a seccomp profile refused; the other figures do.
package main

import (
	"encoding/json"
	"log"
	"os"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The set-up that goroot/overlay/_runtime/netpoll_iouring.go asks for, and the features it relies
// on: SINGLE_MMAP, NODROP, EXT_ARG and CQE_SKIP (Linux 5.17). On one CPU it asks for COOP_TASKRUN too,
// and does without where the kernel does not know it.
const (
	setupFlags     = 1<<3 | 1<<4 // CQSIZE | CLAMP
	sqEntries      = 256
	cqEntries      = 65536
	neededFeatures = 1<<0 | 1<<1 | 1<<8 | 1<<11
)

// params is struct io_uring_params of include/uapi/linux/io_uring.h.
type params struct {
	sqEntries, cqEntries, flags, sqThreadCPU, sqThreadIdle, features uint32

	_ [24]uint32 // Not read here: offsets into the rings.
}

// answer is what ringcheck prints. OK means that the ring was made and has all needed features.
type answer struct {
	OK bool `json:"ok"`
	// Errno is the name of io_uring_setup's errno, empty if the call succeeded.
	Errno string `json:"errno"`
	// DisabledSysctl is kernel.io_uring_disabled (0, 1 or 2), -1 where the kernel has no such sysctl.
	DisabledSysctl int `json:"disabledSysctl"`
	// Seccomp is the mode of /proc/self/status: 0 off, 1 strict, 2 filter; -1 without seccomp.
	Seccomp int `json:"seccomp"`
	// Features is the mask that the kernel returned, 0 if the call failed.
	Features uint32 `json:"features"`
}

func main() {
	if err := json.NewEncoder(os.Stdout).Encode(check()); err != nil {
		log.Fatalln("ringcheck: write the answer:", err)
	}
}

func check() answer {
	status, _ := os.ReadFile("/proc/self/status")
	_, seccomp, _ := strings.Cut(string(status), "\nSeccomp:")
	seccomp, _, _ = strings.Cut(seccomp, "\n")
	disabled, _ := os.ReadFile("/proc/sys/kernel/io_uring_disabled")
	a := answer{DisabledSysctl: number(string(disabled)), Seccomp: number(seccomp)}
	p := params{flags: setupFlags, cqEntries: cqEntries}
	fd, _, errno := unix.Syscall(unix.SYS_IO_URING_SETUP, sqEntries, uintptr(unsafe.Pointer(&p)), 0)
	if errno != 0 {
		a.Errno = unix.ErrnoName(errno)
		return a
	}
	unix.Close(int(fd))
	a.Features = p.features
	a.OK = p.features&neededFeatures == neededFeatures
	return a
}

// number reads a decimal figure, -1 if there is none.
func number(text string) int {
	if n, err := strconv.Atoi(strings.TrimSpace(text)); err == nil {
		return n
	}
	return -1
}

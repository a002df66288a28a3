package uring

import (
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// Refusal says why the kernel did not make the ring, and what mends it.
type Refusal struct {
	Errno unix.Errno
	// Reason is what was found, and Remedy what to do about it.
	Reason, Remedy string
}

func (r *Refusal) Error() string {
	return fmt.Sprintf("io_uring_setup: %v (%s): %s\n%s", r.Errno, unix.ErrnoName(r.Errno), r.Reason, r.Remedy)
}

func (r *Refusal) Unwrap() error { return r.Errno }

// KernelNeeded is the first release that has all that a Ring uses: IORING_SETUP_DEFER_TASKRUN is
// the youngest of it.
const KernelNeeded = "6.1"

// disabledSysctl says who may use io_uring (Linux 6.6).
const disabledSysctl = "/proc/sys/kernel/io_uring_disabled"

func refusal(errno unix.Errno) *Refusal {
	r := &Refusal{Errno: errno}
	disabled, _ := os.ReadFile(disabledSysctl)
	status, _ := os.ReadFile("/proc/self/status")
	switch setting := strings.TrimSpace(string(disabled)); {
	case errno == unix.EPERM && (setting == "1" || setting == "2"):
		r.Reason = "saw kernel.io_uring_disabled = " + setting + ", expected 0"
		r.Remedy = "allow it: sudo sysctl -w kernel.io_uring_disabled=0"
	case errno == unix.EPERM || errno == unix.EACCES || errno == unix.ENOSYS && strings.Contains(string(status), "\nSeccomp:\t2"):
		r.Reason = "a seccomp filter or a security module forbids it, as container runtimes' default profiles do"
		r.Remedy = "run it outside the container, or: docker run --security-opt seccomp=unconfined …"
	case errno == unix.ENOSYS:
		r.Reason = "this kernel was built without io_uring (CONFIG_IO_URING)"
		r.Remedy = "boot a kernel " + KernelNeeded + " or later that has it; see: uname -r"
	case errno == unix.EINVAL:
		r.Reason = "saw Linux " + release() + ", expected " + KernelNeeded +
			" or later, which has IORING_SETUP_SINGLE_ISSUER and IORING_SETUP_DEFER_TASKRUN"
		r.Remedy = "boot a later kernel; see: uname -r"
	case errno == unix.ENOMEM:
		r.Reason = "the memory that a user may lock is used up"
		r.Remedy = "raise it: ulimit -l unlimited"
	default:
		r.Reason, r.Remedy = "an unexpected refusal", "see io_uring_setup(2)"
	}
	return r
}

func release() string {
	var name unix.Utsname
	if unix.Uname(&name) != nil {
		return "of unknown release"
	}
	return unix.ByteSliceToString(name.Release[:])
}

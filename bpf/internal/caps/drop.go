package caps

import (
	"fmt"
	"os"
	"strconv"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"pollgate/bpf/internal/kernel"
)

// Drop gives up every privilege that is not needed behind the attaching. Under sudo the process
// becomes the user who called it, so its files are that user's, made with that user's rights.
// Otherwise it keeps its user, and of the capabilities only CAP_DAC_OVERRIDE, without which root
// in a container cannot write into another user's folder.
//
// Before Linux 5.19 reading a map needs CAP_BPF where unprivileged BPF is disabled, so there
// nothing is dropped.
func Drop() error {
	if !kernel.AtLeast(5, 19) {
		return nil
	}
	if uid, gid, ok := invoker(); ok {
		if err := become(uid, gid); err != nil {
			return fmt.Errorf("become the user who called sudo: %w", err)
		}
		return nil
	}
	held, err := Effective()
	if err != nil {
		return err
	}
	return keepOnly(held & (1 << unix.CAP_DAC_OVERRIDE))
}

// DropToAttach gives up what is not needed to attach uprobes again inside the window, which takes the
// same rights as before it. Under sudo the process stays root with these.
func DropToAttach(perfUprobes bool) error {
	held, err := Effective()
	if err != nil {
		return err
	}
	keep := Set(1<<unix.CAP_DAC_OVERRIDE | 1<<unix.CAP_BPF | 1<<unix.CAP_PERFMON | 1<<unix.CAP_SYS_PTRACE)
	if perfUprobes {
		keep |= 1 << unix.CAP_SYS_ADMIN
	}
	return keepOnly(held & keep)
}

// invoker is who called sudo. Sudo itself sets the variables, whatever the caller's were.
func invoker() (uid, gid int, ok bool) {
	if os.Geteuid() != 0 {
		return 0, 0, false
	}
	uid, uidErr := strconv.Atoi(os.Getenv("SUDO_UID"))
	gid, gidErr := strconv.Atoi(os.Getenv("SUDO_GID"))
	return uid, gid, uidErr == nil && gidErr == nil && uid > 0
}

func become(uid, gid int) error {
	if err := syscall.Setgroups([]int{gid}); err != nil {
		return fmt.Errorf("setgroups: %w", err)
	}
	if err := syscall.Setresgid(gid, gid, gid); err != nil {
		return fmt.Errorf("setresgid: %w", err)
	}
	if err := syscall.Setresuid(uid, uid, uid); err != nil {
		return fmt.Errorf("setresuid: %w", err)
	}
	return nil
}

// keepOnly reduces the effective and permitted capabilities of all threads.
func keepOnly(keep Set) error {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	data := [2]unix.CapUserData{
		{Effective: uint32(keep), Permitted: uint32(keep)},
		{Effective: uint32(keep >> 32), Permitted: uint32(keep >> 32)},
	}
	// Capabilities belong to threads, and the runtime has several.
	_, _, errno := syscall.AllThreadsSyscall(unix.SYS_CAPSET,
		uintptr(unsafe.Pointer(&header)), uintptr(unsafe.Pointer(&data)), 0)
	if errno != 0 {
		return fmt.Errorf("drop capabilities: %w", errno)
	}
	return nil
}

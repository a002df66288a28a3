// Package target describes the processes under observation.
package target

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"pollgate/bpf/internal/gosym"
)

// Max is how many processes one run can observe (MAX_TARGETS in include/target.bpf.h).
const Max = 8

// Target is one process under observation.
type Target struct {
	Name string
	PID  int
	// Slot is its place in the list of targets, [0, Max).
	Slot int
	// Binary is its executable.
	Binary *gosym.Binary
	// HasRing tells that the process holds an io_uring instance.
	HasRing bool

	pidfd int
	// bias is LoadBias, noted while the process was there; 0 where it could not be read.
	bias uint64
}

// ErrPermission tells that the process belongs to somebody else and the observer may not look.
var ErrPermission = errors.New("not permitted")

var namePattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]*$`)

// Spec is a target as the user names it.
type Spec struct {
	Name string
	PID  int
}

// ParseSpec reads NAME=PID.
func ParseSpec(text string) (Spec, error) {
	name, number, found := strings.Cut(text, "=")
	pid, err := strconv.Atoi(number)
	if !found || err != nil || pid <= 0 || !namePattern.MatchString(name) {
		return Spec{}, fmt.Errorf("target %q: expected NAME=PID, "+
			"a name of letters, digits, '.', '_', '-' and a positive number", text)
	}
	return Spec{Name: name, PID: pid}, nil
}

// Open looks at each process and opens its executable. It fails as a whole: a run that silently
// observes fewer processes than asked for would be compared with one that observes all.
func Open(specs []Spec) ([]*Target, error) {
	var targets []*Target
	for slot, spec := range specs {
		t, err := open(spec, slot)
		if err != nil {
			Close(targets)
			return nil, fmt.Errorf("target %s (pid %d): %w", spec.Name, spec.PID, err)
		}
		targets = append(targets, t)
	}
	return targets, nil
}

// Close releases what Open took.
func Close(targets []*Target) {
	for _, t := range targets {
		t.Binary.Close()
		unix.Close(t.pidfd)
	}
}

func open(spec Spec, slot int) (*Target, error) {
	pidfd, err := unix.PidfdOpen(spec.PID, 0)
	if errors.Is(err, unix.ESRCH) {
		return nil, errors.New("no such process")
	}
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOENT) { // the kernel's answer changed
		return nil, errors.New("is a thread, not a process: name the process id")
	}
	if err != nil {
		return nil, fmt.Errorf("pidfd_open: %w", err)
	}
	// The path through /proc reaches the file that runs even if it has been deleted, replaced,
	// or lies in another mount namespace.
	path := fmt.Sprintf("/proc/%d/exe", spec.PID)
	binary, err := gosym.Open(path)
	if err != nil {
		unix.Close(pidfd)
		if errors.Is(err, os.ErrPermission) {
			return nil, fmt.Errorf("read %s: %w", path, ErrPermission)
		}
		return nil, err
	}
	t := &Target{Name: spec.Name, PID: spec.PID, Slot: slot, Binary: binary,
		HasRing: holdsRing(spec.PID), pidfd: pidfd}
	t.bias, _ = t.LoadBias()
	return t, nil
}

// Exited tells whether the process has ended, whoever has its number now.
func (t *Target) Exited() bool {
	fds := []unix.PollFd{{Fd: int32(t.pidfd), Events: unix.POLLIN}}
	n, err := unix.Poll(fds, 0)
	return err == nil && n == 1
}

func holdsRing(pid int) bool {
	dir := fmt.Sprintf("/proc/%d/fd", pid)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return false
	}
	for _, entry := range entries {
		link, err := os.Readlink(filepath.Join(dir, entry.Name()))
		if err == nil && link == "anon_inode:[io_uring]" {
			return true
		}
	}
	return false
}

// Namespace identifies the PID namespace that numbers are to be understood in. Both fields are
// zero for the machine's first one, where the kernel's own numbers are what /proc shows.
type Namespace struct {
	Dev uint64
	Ino uint64
}

// initialNamespace is the inode of the machine's first PID namespace (PROC_PID_INIT_INO).
const initialNamespace = 0xEFFFFFFC

// CommonNamespace is the PID namespace of the observer. From inside a namespace only processes of
// that same namespace can be told apart, so targets elsewhere are refused.
func CommonNamespace(targets []*Target) (Namespace, error) {
	own, err := namespaceOf("self")
	if err != nil {
		return Namespace{}, err
	}
	if own.Ino == initialNamespace {
		return Namespace{}, nil
	}
	for _, t := range targets {
		its, err := namespaceOf(strconv.Itoa(t.PID))
		if err != nil {
			return Namespace{}, err
		}
		if its != own {
			return Namespace{}, fmt.Errorf("target %s (pid %d) lives in another PID namespace "+
				"than netprobe: run netprobe beside it, or with --pid=host", t.Name, t.PID)
		}
	}
	return own, nil
}

func namespaceOf(process string) (Namespace, error) {
	info, err := os.Stat("/proc/" + process + "/ns/pid")
	if err != nil {
		return Namespace{}, fmt.Errorf("find PID namespace: %w", err)
	}
	stat := info.Sys().(*syscall.Stat_t)
	return Namespace{Dev: stat.Dev, Ino: stat.Ino}, nil
}

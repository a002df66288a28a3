// Package caps knows which Linux capabilities netprobe needs, says which are missing, and gives
// them up once everything is attached.
package caps

import (
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// Set has a bit for each effective capability of the process.
type Set uint64

// Has tells whether the set has a capability (unix.CAP_…).
func (s Set) Has(capability int) bool { return s&(1<<capability) != 0 }

// Effective is the set of the calling thread.
func Effective() (Set, error) {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&header, &data[0]); err != nil {
		return 0, fmt.Errorf("read own capabilities: %w", err)
	}
	return Set(data[0].Effective) | Set(data[1].Effective)<<32, nil
}

// required is what loading and attaching needs, and what for. CAP_SYS_ADMIN includes both.
var required = []struct {
	bit       int
	name, why string
}{
	{unix.CAP_BPF, "CAP_BPF", "to load BPF programs and make their maps"},
	{unix.CAP_PERFMON, "CAP_PERFMON", "to trace system calls and Go functions"},
}

// MissingError names capabilities that the process lacks.
type MissingError struct {
	// Missing has one entry for each capability: its name and what it is needed for.
	Missing []string
	// Names are the bare names, for the remedy.
	Names []string
}

func (e *MissingError) Error() string {
	return fmt.Sprintf("missing privilege: %s; run as root (sudo -n netprobe …) or once: %s",
		strings.Join(e.Missing, ", "), Remedy())
}

// Remedy is the one command that lets netprobe run without root from then on.
func Remedy() string {
	path, err := os.Executable()
	if err != nil {
		path = "netprobe"
	}
	return "sudo setcap cap_bpf,cap_perfmon,cap_sys_ptrace+ep " + shellQuote(path)
}

// shellQuote makes one word of text in a POSIX shell.
func shellQuote(text string) string {
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}

// Check returns a *MissingError if the set cannot load and attach BPF programs.
func (s Set) Check() error {
	if s.Has(unix.CAP_SYS_ADMIN) {
		return nil
	}
	var missing MissingError
	for _, c := range required {
		if !s.Has(c.bit) {
			missing.Missing = append(missing.Missing, c.name+" "+c.why)
			missing.Names = append(missing.Names, c.name)
		}
	}
	if len(missing.Missing) > 0 {
		return &missing
	}
	return nil
}

// MissingPtrace is the error for a process that may not be looked at.
func MissingPtrace() error {
	return &MissingError{
		Missing: []string{"CAP_SYS_PTRACE to look at a process of another user"},
		Names:   []string{"CAP_SYS_PTRACE"},
	}
}

package pagefile

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// Misplaced says that a data file for --cache=direct lies where no disk is read.
type Misplaced struct{ Path, Seen string }

func (m *Misplaced) Error() string {
	return fmt.Sprintf("saw %s on %s, --cache=direct expects a file system on a disk (findmnt -T FILE shows it)", m.Path, m.Seen)
}

// onDisk refuses a file whose reads with O_DIRECT would reach no disk.
func onDisk(file *os.File) error {
	var status unix.Statfs_t
	if err := unix.Fstatfs(int(file.Fd()), &status); err != nil {
		return fmt.Errorf("statfs %s: %w", file.Name(), err)
	}
	seen := ""
	switch status.Type {
	case unix.TMPFS_MAGIC:
		seen = "tmpfs, which is memory"
	case unix.RAMFS_MAGIC:
		seen = "ramfs, which is memory"
	case unix.OVERLAYFS_SUPER_MAGIC:
		// Its layers need not be visible in here: a container sees the paths of its host.
		seen = "overlayfs, whose layers may lie on tmpfs: use a mounted volume"
	default:
		seen = notADisk(file)
	}
	if seen != "" {
		return &Misplaced{file.Name(), seen}
	}
	return nil
}

// notADisk says what a file's device is if it is no disk, else nothing.
func notADisk(file *os.File) string {
	var status unix.Stat_t
	if err := unix.Fstat(int(file.Fd()), &status); err != nil {
		return "a device that cannot be asked for: " + err.Error()
	}
	number := fmt.Sprintf("%d:%d", unix.Major(status.Dev), unix.Minor(status.Dev))
	device, err := filepath.EvalSymlinks("/sys/dev/block/" + number)
	if err != nil {
		// Btrfs gives its files a device of their own, of no disk; the mount names it.
		if device = mountSource(file); !strings.HasPrefix(device, "/dev/") {
			return "device " + number + ", which is no block device"
		}
	}
	name := filepath.Base(device)
	for prefix, what := range map[string]string{
		"ram": "a RAM disk", "zram": "compressed memory", "loop": "a loop device, which may read from the page cache",
	} {
		if rest, ok := strings.CutPrefix(name, prefix); ok && strings.Trim(rest, "0123456789") == "" {
			return "/dev/" + name + ", " + what
		}
	}
	return ""
}

// mountSource returns what is mounted where the file lies, empty if it cannot be told.
func mountSource(file *os.File) string {
	info, _ := os.ReadFile(fmt.Sprintf("/proc/self/fdinfo/%d", file.Fd()))
	_, id, _ := strings.Cut(string(info), "mnt_id:")
	id, _, _ = strings.Cut(strings.TrimSpace(id), "\n")
	mounts, _ := os.ReadFile("/proc/self/mountinfo")
	for line := range strings.Lines(string(mounts)) {
		before, after, _ := strings.Cut(line, " - ")
		if fields := strings.Fields(after); strings.HasPrefix(before, id+" ") && len(fields) > 1 {
			return fields[1]
		}
	}
	return ""
}

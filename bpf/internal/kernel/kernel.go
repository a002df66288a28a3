// Package kernel says which Linux runs here.
package kernel

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Release is the kernel's release string as of uname -r, "unknown" if it cannot be had.
func Release() string {
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		return "unknown"
	}
	return unix.ByteSliceToString(name.Release[:])
}

// AtLeast tells whether the kernel is of that version or newer.
func AtLeast(major, minor int) bool {
	var haveMajor, haveMinor int
	if _, err := fmt.Sscanf(Release(), "%d.%d", &haveMajor, &haveMinor); err != nil {
		return false
	}
	return haveMajor > major || haveMajor == major && haveMinor >= minor
}

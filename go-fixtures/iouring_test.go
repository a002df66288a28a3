package fixtures_test

import (
	"encoding/json"
	"path/filepath"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"pollgate/go-fixtures/internal/fixturetest"
)

// ioUringBuildFlags generates the overlay with the io_uring netpoller and returns the flags of
// `go build` that use it. It skips the test where the kernel refuses rings, and only there.
func ioUringBuildFlags(t *testing.T) []string {
	t.Helper()
	if err := ioUringSetup(); err != nil {
		t.Skipf("missing capability: io_uring_setup: %v", err)
	}
	out := t.TempDir()
	printed := fixturetest.Go(t, "run", "./goroot/overlay", "-out", out)
	var result struct {
		Overlay string `json:"overlay"`
	}
	if err := json.Unmarshal([]byte(printed), &result); err != nil {
		t.Fatalf("goroot/overlay printed %q: %v", printed, err)
	}
	if !filepath.IsAbs(result.Overlay) {
		t.Fatalf("goroot/overlay names the overlay %q, want an absolute path", result.Overlay)
	}
	return []string{"-overlay", result.Overlay, "-tags", "goexperiment.io_uring"}
}

// ioUringSetup asks the kernel for a ring and gives it back.
func ioUringSetup() error {
	var parameters [120]byte // struct io_uring_params, all zero: no options.
	fd, _, errno := unix.Syscall(unix.SYS_IO_URING_SETUP, 4, uintptr(unsafe.Pointer(&parameters)), 0)
	if errno != 0 {
		return errno
	}
	return unix.Close(int(fd))
}

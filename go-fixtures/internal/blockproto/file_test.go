package blockproto

import (
	"errors"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

func TestGeneratedFileHoldsEveryPageAndNothingElseIsLeft(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "pages.bin")
	// 257 pages: one more than the write buffer holds.
	if err := GenerateFile(path, 257); err != nil {
		t.Fatal(err)
	}
	file, pages, err := OpenFile(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if pages != 257 {
		t.Errorf("OpenFile counts %d pages, want 257", pages)
	}
	var page [PageSize]byte
	for n := range pages {
		if _, err := file.ReadAt(page[:], int64(n)*PageSize); err != nil {
			t.Fatal(err)
		}
		if err := Verify(page[:], n); err != nil {
			t.Fatal(err)
		}
	}
	if info, err := file.Stat(); err != nil || info.Mode().Perm() != 0o644 {
		t.Errorf("mode is %v (%v), want -rw-r--r--", info.Mode(), err)
	}
	expectOnly(t, folder, "pages.bin")
}

// The file-size limit is the full disk that a test can make anywhere: the kernel first writes less
// than asked and then refuses.
func TestGenerateFileThatFindsNoRoomKeepsTheOldFile(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "pages.bin")
	if err := GenerateFile(path, 3); err != nil {
		t.Fatal(err)
	}
	limitFileSize(t, 100*PageSize+17)
	err := GenerateFile(path, 1000)
	if err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "room") {
		t.Fatalf("got %v, want an error that names %s and the room on the disk", err, path)
	}
	expectOnly(t, folder, "pages.bin")
	file, pages, err := OpenFile(path)
	if err != nil || pages != 3 {
		t.Fatalf("the earlier file has %d pages now (%v), want 3", pages, err)
	}
	file.Close()
}

func TestWritePagesReportsAFullDevice(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skipf("/dev/full: %v", err)
	}
	if info, err := full.Stat(); err != nil || info.Mode()&os.ModeCharDevice == 0 {
		t.Skip("/dev/full is not the device of that name")
	}
	defer full.Close()
	if err := writePages(full, 1); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("got %v, want ENOSPC", err)
	}
}

func TestGenerateFileRefusesImpossiblePageCounts(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pages.bin")
	for _, pages := range []uint64{0, maxPages + 1} {
		if err := GenerateFile(path, pages); err == nil || !strings.Contains(err.Error(), "want 1 to") {
			t.Errorf("%d pages: got %v, want an error that names the range", pages, err)
		}
	}
	if err := GenerateFile(filepath.Join(path, "below", "nothing"), 1); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing folder: got %v, want %v", err, os.ErrNotExist)
	}
}

func TestOpenFileRefusesWhatIsNoDataFile(t *testing.T) {
	folder := t.TempDir()
	write := func(name string, content []byte) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	twoPages := append(reference(0), reference(1)...)
	for _, test := range []struct{ name, path, want string }{
		{"missing", filepath.Join(folder, "none"), "no such file"},
		{"empty", write("empty", nil), "regular file of 0 bytes"},
		{"cut short", write("cut", twoPages[:PageSize+100]), "regular file of 4196 bytes"},
		{"directory", folder, "is a directory"},
		{"device", "/dev/null", "is a special file"},
		{"another content", write("zeros", make([]byte, 3*PageSize)), "does not hold the block-4k pattern"},
		{"first page missing", write("late", twoPages[PageSize:]), "begins with page number 1"},
	} {
		_, _, err := OpenFile(test.path)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want …%s…", test.name, err, test.want)
		}
	}
}

// limitFileSize makes every write of this process beyond size bytes of a file fail with EFBIG,
// until the test ends.
func limitFileSize(t *testing.T, size uint64) {
	t.Helper()
	signal.Ignore(syscall.SIGXFSZ) // The kernel's default for it is to kill.
	var old syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &old); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: size, Max: old.Max}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &old); err != nil {
			t.Fatal(err)
		}
		signal.Reset(syscall.SIGXFSZ)
	})
}

func expectOnly(t *testing.T, folder, name string) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 1 || entries[0].Name() != name {
		t.Errorf("folder holds %v, want only %s", entries, name)
	}
}

// A file system of 1 MiB is asked for 2 MiB.
func TestFullDiskLeavesNoFile(t *testing.T) {
	folder := t.TempDir()
	if err := unix.Mount("tmpfs", folder, "tmpfs", 0, "size=1m"); err != nil {
		t.Skipf("missing capability: to mount a tmpfs: %v", err)
	}
	defer unix.Unmount(folder, 0)
	path := filepath.Join(folder, "pages.bin")
	if err := GenerateFile(path, 10); err != nil {
		t.Fatal(err)
	}
	if err := GenerateFile(path, 512); !errors.Is(err, unix.ENOSPC) || !strings.Contains(err.Error(), "does the disk have room") {
		t.Errorf("got %v, want ENOSPC", err)
	}
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 1 || entries[0].Name() != "pages.bin" {
		t.Errorf("the folder holds %v, want the earlier file alone", entries)
	}
	file, pages, err := OpenFile(path)
	if err != nil || pages != 10 {
		t.Fatalf("the earlier file: %d pages, %v; want 10", pages, err)
	}
	file.Close()
}

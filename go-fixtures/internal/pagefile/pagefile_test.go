package pagefile

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"pollgate/go-fixtures/internal/blockproto"
)

const pages = 300

func generate(t *testing.T, folder string) string {
	t.Helper()
	path := filepath.Join(folder, "pages.bin")
	if err := blockproto.GenerateFile(path, pages); err != nil {
		t.Fatal(err)
	}
	return path
}

// inMemory returns a folder of its own on tmpfs.
func inMemory(t *testing.T) string {
	t.Helper()
	var status unix.Statfs_t
	if err := unix.Statfs("/dev/shm", &status); err != nil || status.Type != unix.TMPFS_MAGIC {
		t.Skip("missing capability: a tmpfs at /dev/shm")
	}
	folder, err := os.MkdirTemp("/dev/shm", "pagefile-")
	if err != nil {
		t.Skipf("missing capability: to write to /dev/shm: %v", err)
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	return folder
}

func TestHotFileIsResidentAfterItWasThrownOut(t *testing.T) {
	path := generate(t, t.TempDir())
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if err := unix.Fadvise(int(file.Fd()), 0, 0, unix.FADV_DONTNEED); err != nil {
		t.Fatal(err)
	}
	missing, err := notResident(file, pages)
	if err != nil {
		t.Fatal(err)
	}
	if missing == 0 {
		t.Skip("missing capability: a file system that throws pages out of the page cache")
	}
	hot, err := Open(path, Hot, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer hot.Close()
	if missing, err := notResident(file, pages); err != nil || missing != 0 || hot.Pages != pages {
		t.Errorf("%d of %d pages are missing, %v; want none of %d", missing, hot.Pages, err, pages)
	}
}

func TestDirectReadsEveryPage(t *testing.T) {
	path := generate(t, t.TempDir())
	file, err := Open(path, Direct, 0)
	var misplaced *Misplaced
	if errors.As(err, &misplaced) {
		t.Skipf("missing capability: a folder for temporary files on a disk: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	flags, err := unix.FcntlInt(file.Fd(), unix.F_GETFL, 0)
	if err != nil || flags&unix.O_DIRECT == 0 {
		t.Errorf("flags are %#x, %v; want O_DIRECT among them", flags, err)
	}
	for n := range uint64(pages) {
		page := Page()
		if _, err := file.ReadAt(page, int64(n)*blockproto.PageSize); err != nil {
			t.Fatal(err)
		}
		if err := blockproto.Verify(page, n); err != nil {
			t.Fatal(err)
		}
	}
}

func TestDirectRefusesWhatIsNoDisk(t *testing.T) {
	path := generate(t, inMemory(t))
	_, err := Open(path, Direct, 0)
	var misplaced *Misplaced
	if !errors.As(err, &misplaced) || !strings.Contains(err.Error(), "tmpfs, which is memory") {
		t.Errorf("got %v, want a refusal of tmpfs", err)
	}
	if file, err := Open(path, Hot, 0); err != nil {
		t.Errorf("hot, which tmpfs always is: %v", err)
	} else {
		file.Close()
	}
}

func TestDirectRefusesAnOverlay(t *testing.T) {
	lower := inMemory(t)
	for _, name := range []string{"lower", "upper", "work", "all"} {
		if err := os.Mkdir(filepath.Join(lower, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	merged := filepath.Join(lower, "all")
	options := strings.ReplaceAll("lowerdir=$/lower,upperdir=$/upper,workdir=$/work", "$", lower)
	if err := unix.Mount("overlay", merged, "overlay", 0, options); err != nil {
		t.Skipf("missing capability: to mount an overlay: %v", err)
	}
	t.Cleanup(func() { unix.Unmount(merged, 0) })
	if _, err := Open(generate(t, merged), Direct, 0); err == nil || !strings.Contains(err.Error(), "overlayfs") {
		t.Errorf("got %v, want a refusal of overlayfs", err)
	}
}

func TestDirectRefusesASmallFile(t *testing.T) {
	_, err := Open(generate(t, t.TempDir()), Direct, MinDirectBytes)
	var misplaced *Misplaced
	if errors.As(err, &misplaced) {
		t.Skipf("missing capability: a folder for temporary files on a disk: %v", err)
	}
	if err == nil || !strings.Contains(err.Error(), "saw a file of 1228800 bytes") {
		t.Errorf("got %v, want a refusal with the size", err)
	}
}

func TestPagesAreAligned(t *testing.T) {
	for range 1000 {
		if page := Page(); uintptr(unsafe.Pointer(&page[0]))%blockproto.PageSize != 0 || len(page) != blockproto.PageSize {
			t.Fatalf("a page of %d bytes at %p", len(page), &page[0])
		}
	}
}

package blockproto

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// maxPages keeps every offset in the data file within an int64.
const maxPages = math.MaxInt64 / PageSize

// GenerateFile writes pages 0 to pages-1 to path. The file appears whole or not at all: it is
// written beside path under a temporary name, flushed to the disk, measured, and then renamed, so a
// full disk or a kill in the middle leaves an earlier file as it was.
func GenerateFile(path string, pages uint64) (err error) {
	if pages == 0 || pages > maxPages {
		return fmt.Errorf("cannot make a data file of %d pages: want 1 to %d", pages, int64(maxPages))
	}
	folder := filepath.Dir(path)
	temporary, err := os.CreateTemp(folder, "."+filepath.Base(path)+".*.partial")
	if err != nil {
		return fmt.Errorf("make the data file %s: %w", path, err)
	}
	defer func() {
		if err != nil {
			temporary.Close() // A second Close is harmless.
			os.Remove(temporary.Name())
			err = fmt.Errorf("make the data file %s (%d bytes; does the disk have room?): %w",
				path, pages*PageSize, err)
		}
	}()
	if err := reserve(temporary, int64(pages*PageSize)); err != nil {
		return err
	}
	if err := writePages(temporary, pages); err != nil {
		return err
	}
	if err := checkSize(temporary, pages); err != nil {
		return err
	}
	// CreateTemp makes the file readable for its owner only, but set-up may run as another user
	// than the server.
	if err := temporary.Chmod(0o644); err != nil {
		return err
	}
	if err := temporary.Sync(); err != nil {
		return err
	}
	if err := temporary.Close(); err != nil {
		return err
	}
	if err := os.Rename(temporary.Name(), path); err != nil {
		return err
	}
	return syncFolder(folder)
}

// OpenFile opens a data file made by GenerateFile and returns it with its number of pages. It looks
// at the size and at the first and last page, which finds a file of another kind and one cut short;
// a wrong page in between is found by whoever verifies the replies.
func OpenFile(path string) (file *os.File, pages uint64, err error) {
	file, err = os.Open(path)
	if err != nil {
		return nil, 0, err
	}
	defer func() {
		if err != nil {
			file.Close()
		}
	}()
	info, err := file.Stat()
	if err != nil {
		return nil, 0, err
	}
	if !info.Mode().IsRegular() || info.Size() == 0 || info.Size()%PageSize != 0 {
		return nil, 0, fmt.Errorf("%s is a %s of %d bytes, want a regular file of one or more whole pages of %d bytes",
			path, kindOf(info.Mode()), info.Size(), PageSize)
	}
	pages = uint64(info.Size() / PageSize)
	var page [PageSize]byte
	for _, n := range []uint64{0, pages - 1} {
		if _, err := file.ReadAt(page[:], int64(n)*PageSize); err != nil {
			return nil, 0, fmt.Errorf("read page %d: %w", n, err)
		}
		if err := Verify(page[:], n); err != nil {
			return nil, 0, fmt.Errorf("%s does not hold the block-4k pattern: %w", path, err)
		}
	}
	return file, pages, nil
}

// reserve takes the room on the disk before the first byte is written, so that a full disk is found
// at once, and the file lies in few pieces. The size of the file stays what is written.
func reserve(file *os.File, bytes int64) error {
	err := unix.Fallocate(int(file.Fd()), unix.FALLOC_FL_KEEP_SIZE, 0, bytes)
	if errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.EINTR) {
		return nil // Then the writing finds it out.
	}
	return os.NewSyscallError("fallocate", err)
}

// writePages writes pages 0 to pages-1 to w.
func writePages(w io.Writer, pages uint64) error {
	// Writes of a megabyte: at one write per page the system calls would be most of the time.
	buffered := bufio.NewWriterSize(w, 256*PageSize)
	var page [PageSize]byte
	for n := range pages {
		FillPage(page[:], n)
		if _, err := buffered.Write(page[:]); err != nil {
			return err
		}
	}
	return buffered.Flush()
}

// checkSize finds a short write that was not reported as an error.
func checkSize(file *os.File, pages uint64) error {
	info, err := file.Stat()
	if err != nil {
		return err
	}
	if want := int64(pages * PageSize); info.Size() != want {
		return fmt.Errorf("wrote %d of %d bytes: %w", info.Size(), want, io.ErrShortWrite)
	}
	return nil
}

// syncFolder makes a rename in folder survive a crash of the machine.
func syncFolder(folder string) error {
	directory, err := os.Open(folder)
	if err != nil {
		return err
	}
	defer directory.Close()
	return directory.Sync()
}

// kindOf says what is at a path, for error messages.
func kindOf(mode os.FileMode) string {
	switch {
	case mode.IsRegular():
		return "regular file"
	case mode.IsDir():
		return "directory"
	default:
		return "special file"
	}
}

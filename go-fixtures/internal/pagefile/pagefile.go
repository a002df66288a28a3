// Package pagefile opens the data file of a block-4k server, and proves where its pages will be read
// from: the page cache or the disk. A figure taken from the wrong one looks just as good.
package pagefile

import (
	"fmt"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"

	"pollgate/go-fixtures/internal/blockproto"
)

// Cache says where pages are read from.
type Cache string

const (
	// Hot: from the page cache, which holds all of the file.
	Hot Cache = "hot"
	// Direct: from the disk, past the page cache.
	Direct Cache = "direct"
)

// MinDirectBytes is how large a file must be for --cache=direct: the caches of disks and of
// hypervisors must not hold much of it.
const MinDirectBytes = 2 << 30

// File is an open data file. With Direct, reads must be of whole pages into memory aligned to pages.
type File struct {
	*os.File
	Pages uint64
}

// Open opens the data file at path for reads of the given kind. A file for Direct has at least
// minDirectBytes. The error says what was seen and what was expected.
func Open(path string, cache Cache, minDirectBytes uint64) (*File, error) {
	file, pages, err := blockproto.OpenFile(path)
	if err != nil {
		return nil, err
	}
	if cache == Hot {
		err = makeResident(file, pages)
	} else {
		buffered := file
		defer buffered.Close()
		if err = onDisk(buffered); err == nil {
			err = largeEnough(pages, minDirectBytes)
		}
		if err == nil {
			file, err = openDirect(path)
		}
	}
	if err != nil {
		return nil, err
	}
	return &File{file, pages}, nil
}

// Page returns memory for one page that the Go heap holds, aligned as Direct needs it.
func Page() []byte {
	const size = blockproto.PageSize
	page := make([]byte, size)
	// The allocator aligns this size by itself, but promises nothing.
	if address := uintptr(unsafe.Pointer(&page[0])); address%size != 0 {
		page = make([]byte, 2*size)
		skip := (size - int(uintptr(unsafe.Pointer(&page[0]))%size)) % size
		page = page[skip : skip+size : skip+size]
	}
	return page
}

// largeEnough refuses a file that the caches of a disk may hold.
func largeEnough(pages, minDirectBytes uint64) error {
	if bytes := pages * blockproto.PageSize; bytes < minDirectBytes {
		return fmt.Errorf("saw a file of %d bytes, --cache=direct expects %d or more, "+
			"which the caches of disks and hypervisors hardly hold", bytes, minDirectBytes)
	}
	return nil
}

// openDirect opens path with O_DIRECT and tries it: some file systems take the flag and refuse the
// reads.
func openDirect(path string) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_RDONLY|unix.O_DIRECT, 0)
	if err != nil {
		return nil, fmt.Errorf("%w (the file system knows no O_DIRECT)", err)
	}
	page := Page()
	if _, err := file.ReadAt(page, 0); err != nil {
		file.Close()
		return nil, fmt.Errorf("an aligned read of %d bytes with O_DIRECT: %w", len(page), err)
	}
	if err := blockproto.Verify(page, 0); err != nil {
		file.Close()
		return nil, fmt.Errorf("read with O_DIRECT: %w", err)
	}
	return file, nil
}

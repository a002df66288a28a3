package pagefile

import (
	"errors"
	"fmt"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"

	"pollgate/go-fixtures/internal/blockproto"
)

// makeResident reads the whole file into the page cache and proves with mincore(2) that it is there.
func makeResident(file *os.File, pages uint64) error {
	// To a process that neither owns the file nor may write it, mincore calls every page resident
	// (Linux 5.2): its word would prove nothing.
	if err := unix.Faccessat(unix.AT_FDCWD, file.Name(), unix.W_OK, unix.AT_EACCESS); err != nil {
		var status unix.Stat_t
		if err := unix.Fstat(int(file.Fd()), &status); err != nil {
			return err
		}
		if int(status.Uid) != os.Geteuid() {
			return fmt.Errorf("%s belongs to user %d and cannot be written by user %d: mincore(2) tells only an owner or "+
				"writer whether it is in the page cache: run the server as its owner, or give it away: chown %d %s",
				file.Name(), status.Uid, os.Geteuid(), os.Geteuid(), file.Name())
		}
	}
	missing, err := uint64(0), error(nil)
	// More than once: what was read first may have been thrown out when memory was short for a moment.
	for range 3 {
		if err := readThrough(file); err != nil {
			return err
		}
		if missing, err = notResident(file, pages); err != nil || missing == 0 {
			return err
		}
	}
	return fmt.Errorf("saw %d of %d pages of %s outside the page cache after reading all of it, --cache=hot expects none: "+
		"free %d MiB of memory (free -m), or serve a smaller file, or use --cache=direct",
		missing, pages, file.Name(), pages*blockproto.PageSize>>20+1)
}

// readThrough reads all of the file.
func readThrough(file *os.File) error {
	buffer := make([]byte, 1<<20)
	for offset := int64(0); ; {
		n, err := unix.Pread(int(file.Fd()), buffer, offset)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return fmt.Errorf("read %s into the page cache: %w", file.Name(), err)
		}
		if n == 0 {
			return nil
		}
		offset += int64(n)
	}
}

// notResident counts the pages of the file that are not in the page cache.
func notResident(file *os.File, pages uint64) (uint64, error) {
	mapping, err := unix.Mmap(int(file.Fd()), 0, int(pages*blockproto.PageSize), unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return 0, fmt.Errorf("map %s: %w", file.Name(), err)
	}
	defer unix.Munmap(mapping)
	// mincore counts in pages of the system, which may be larger than ours.
	size := unix.Getpagesize()
	vector := make([]byte, (len(mapping)+size-1)/size)
	if _, _, errno := unix.Syscall(unix.SYS_MINCORE, uintptr(unsafe.Pointer(&mapping[0])),
		uintptr(len(mapping)), uintptr(unsafe.Pointer(&vector[0]))); errno != 0 {
		return 0, fmt.Errorf("mincore of %s: %w", file.Name(), errno)
	}
	missing := uint64(0)
	for _, state := range vector {
		if state&1 == 0 {
			missing++
		}
	}
	return missing * uint64(size/blockproto.PageSize), nil
}

package fault

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// slow-storage: each request writes pages all over a file of 64 MiB and calls fsync before it answers. It
// is slow without root and without a trick: what is dirty lies scattered, and the disk has to do as many
// writes. How many make 10 ms is tried at the start, for disks differ. The twin writes the same and leaves
// the fsync to a goroutine that calls it once a second.
// (Without a disk there is nothing to show: a file in memory is refused. To make any disk slow, with root: io.max
// of cgroup v2, `echo "MAJOR:MINOR wiops=1000" > io.max`.)
//
// Kernel: fsync of 5 ms and more on every request, in a thread that sleeps uninterruptibly;
// write_bytes in /proc/PID/io grows by megabytes per request; the runtime starts threads in their place.
// Runtime: goroutine profile, requests in [syscall] below os.(*File).Sync; execution trace: blocked in
// syscall. Block and CPU profile: nothing.
// At this load: p50 above 10 ms, the twin's a few ms.
var slowStorage = Fault{
	Name: "slow-storage", Expect: "slow-storage",
	RatePerSec: 20, Connections: 4, VisibleAfterSeconds: 5, Needs: []Need{Disk},
	LookAt: "time in fsync (5 ms and more per request); goroutines in syscall below os.(*File).Sync; write_bytes of /proc/PID/io",
	begin:  beginSlowStorage,
}

const (
	storageFile  = 64 << 20
	storagePage  = 4 << 10
	storagePages = storageFile / storagePage
	// slowSync is twice what the diagnosis calls slow: a disk is not always as slow as when it is tried.
	slowSync = 10 * time.Millisecond
)

func beginSlowStorage(s *setting) (*part, error) {
	file, err := createUnlinked(s.Dir, storageFile)
	if err != nil {
		return nil, fmt.Errorf("%w: choose another directory with --dir", err)
	}
	pages, err := pagesForSlowSync(file)
	if err != nil {
		return nil, err
	}
	if s.correct {
		go syncEvery(time.Second, file)
	}
	return &part{request: func(context.Context) error {
		if err := scatter(file, pages); err != nil || s.correct {
			return err
		}
		return file.Sync() // The mistake: every request waits for the disk.
	}}, nil
}

// scatter writes so many pages, evenly over the file.
func scatter(file *os.File, pages int) error {
	var page [storagePage]byte
	for i := range pages {
		if _, err := file.WriteAt(page[:], int64(i*(storagePages/pages))*storagePage); err != nil {
			return err
		}
	}
	return nil
}

// pagesForSlowSync doubles the number of pages until the quickest of several fsyncs takes slowSync; a disk
// for which no number does is left with the most, which its fault may not show on.
func pagesForSlowSync(file *os.File) (int, error) {
	const least, most, tries = 512, storagePages / 2, 5
	for pages := least; ; pages *= 2 {
		quickest := time.Hour
		for range tries {
			if err := scatter(file, pages); err != nil {
				return 0, err
			}
			began := time.Now()
			if err := file.Sync(); err != nil {
				return 0, err
			}
			quickest = min(quickest, time.Since(began))
		}
		if quickest >= slowSync || pages >= most {
			return pages, nil
		}
	}
}

func syncEvery(interval time.Duration, file *os.File) {
	for range time.Tick(interval) {
		_ = file.Sync() // A failed one comes again; nobody waits for it.
	}
}

// createUnlinked makes a file without a name, so that nothing is left behind however the process ends,
// with its blocks apart on the disk.
func createUnlinked(dir string, size int64) (*os.File, error) {
	file, err := os.CreateTemp(dir, "faulty-")
	if err != nil {
		return nil, err
	}
	if err := os.Remove(file.Name()); err != nil {
		return nil, err
	}
	var statfs unix.Statfs_t
	if err := unix.Fstatfs(int(file.Fd()), &statfs); err != nil {
		return nil, err
	}
	if statfs.Type == unix.TMPFS_MAGIC || statfs.Type == unix.RAMFS_MAGIC {
		return nil, errors.New(filepath.Dir(file.Name()) + " is in memory, want a disk")
	}
	if err := unix.Fallocate(int(file.Fd()), 0, 0, size); err != nil {
		return nil, fmt.Errorf("fallocate %d bytes in %s: %w", size, filepath.Dir(file.Name()), err)
	}
	return file, nil
}

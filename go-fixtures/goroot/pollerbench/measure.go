package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// usage is what a process has used up since its start.
type usage struct {
	cpuNs    int64
	switches int64 // context switches, voluntary and not, of the threads that live
}

// usageOf reads a process's CPU clock (clock_getcpuclockid(3)) and its threads'
// status.
func usageOf(pid int) (usage, error) {
	var ts unix.Timespec
	const processClock = 2 // CPUCLOCK_SCHED
	if err := unix.ClockGettime(int32(^pid<<3|processClock), &ts); err != nil {
		return usage{}, fmt.Errorf("CPU clock of process %d: %w", pid, err)
	}
	u := usage{cpuNs: ts.Nano()}
	threads, err := threadsOf(pid)
	if err != nil {
		return usage{}, err
	}
	for _, tid := range threads {
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/status", pid, tid))
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ESRCH) {
			continue // has ended
		}
		if err != nil {
			return usage{}, err
		}
		for line := range bytes.Lines(status) {
			name, value, _ := strings.Cut(string(line), ":")
			if strings.HasSuffix(name, "_ctxt_switches") {
				n, err := strconv.ParseInt(strings.TrimSpace(value), 10, 64)
				if err != nil {
					return usage{}, err
				}
				u.switches += n
			}
		}
	}
	return u, nil
}

func threadsOf(pid int) ([]int, error) {
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	if err != nil {
		return nil, err
	}
	var tids []int
	for _, e := range entries {
		tid, err := strconv.Atoi(e.Name())
		if err != nil {
			return nil, err
		}
		tids = append(tids, tid)
	}
	return tids, nil
}

// taskWorkEvents are the tracepoints of a ring's deferred work: in whichever
// thread submitted the request, and in the owner of a ring with DEFER_TASKRUN.
var taskWorkEvents = []string{"io_uring_task_work_run", "io_uring_local_work_run"}

// countTaskWork counts how often the process runs deferred work of its rings
// until the function it returns is called.
func countTaskWork(pid int) (stop func() (int64, error), err error) {
	threads, err := threadsOf(pid)
	if err != nil {
		return nil, err
	}
	var counters []int
	stop = func() (total int64, err error) {
		for _, fd := range counters {
			var n int64
			if _, e := unix.Read(fd, (*[8]byte)(unsafe.Pointer(&n))[:]); e != nil {
				err = fmt.Errorf("read a perf counter: %w", e)
			}
			unix.Close(fd)
			total += n
		}
		return total, err
	}
	for _, event := range taskWorkEvents {
		id, err := tracepointID(event)
		if err != nil {
			return nil, err
		}
		for _, tid := range threads {
			attr := unix.PerfEventAttr{
				Type:   unix.PERF_TYPE_TRACEPOINT,
				Size:   uint32(unsafe.Sizeof(unix.PerfEventAttr{})),
				Config: id,
				Bits:   unix.PerfBitInherit,
			}
			fd, err := unix.PerfEventOpen(&attr, tid, -1, -1, unix.PERF_FLAG_FD_CLOEXEC)
			if errors.Is(err, unix.ESRCH) {
				continue // has ended
			}
			if err != nil {
				stop()
				return nil, fmt.Errorf("perf_event_open: %w", err)
			}
			counters = append(counters, fd)
		}
	}
	return stop, nil
}

func tracepointID(event string) (uint64, error) {
	text, err := os.ReadFile(filepath.Join("/sys/kernel/tracing/events/io_uring", event, "id"))
	if err != nil {
		return 0, fmt.Errorf("%w: as root, mount -t tracefs none /sys/kernel/tracing", err)
	}
	return strconv.ParseUint(strings.TrimSpace(string(text)), 10, 64)
}

// epollPwait2 is epoll_wait with a time in nanoseconds.
func epollPwait2(epoll int, events []unix.EpollEvent, timeout *unix.Timespec) (int, error) {
	n, _, errno := unix.Syscall6(unix.SYS_EPOLL_PWAIT2, uintptr(epoll), uintptr(unsafe.Pointer(&events[0])), uintptr(len(events)),
		uintptr(unsafe.Pointer(timeout)), 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}

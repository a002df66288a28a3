package engine

import (
	"fmt"
	"math"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

// poller is an edge-triggered epoll instance: each connection is registered
// once, for everything, and never again.
type poller struct {
	epoll  int
	waker  int // an eventfd
	events [256]unix.EpollEvent
	// nanoseconds says that epoll_pwait2 (Linux 5.11) exists.
	nanoseconds bool
	timeout     unix.Timespec // a field, so that it does not escape at each wait

	closing sync.Mutex // between wake, which any goroutine may call, and close
	closed  bool
}

// event is what happened on one connection.
type event struct {
	index      int32 // of the connection; < 0 is the waker
	generation int32
	readable   bool
	writable   bool
	hangup     bool // a read will tell more after the data
}

func newPoller() (*poller, error) {
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("epoll_create1: %w", err)
	}
	waker, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		unix.Close(epoll)
		return nil, fmt.Errorf("eventfd: %w", err)
	}
	p := &poller{epoll: epoll, waker: waker, nanoseconds: true}
	registration := unix.EpollEvent{Events: unix.EPOLLIN, Fd: -1}
	if err := unix.EpollCtl(epoll, unix.EPOLL_CTL_ADD, waker, &registration); err != nil {
		p.close()
		return nil, fmt.Errorf("epoll_ctl: %w", err)
	}
	return p, nil
}

func (p *poller) close() {
	p.closing.Lock()
	defer p.closing.Unlock()
	p.closed = true
	unix.Close(p.epoll)
	unix.Close(p.waker)
}

// wake ends a wait, now or the next one. The count is never read, so that every
// later wait ends at once too.
func (p *poller) wake() {
	p.closing.Lock()
	defer p.closing.Unlock()
	if p.closed {
		return // the number may belong to another file by now
	}
	one := [8]byte{1}
	_, _ = unix.Write(p.waker, one[:]) // fails only when the counter is full, that is, already set
}

func (p *poller) add(c *conn) error {
	registration := unix.EpollEvent{
		Events: unix.EPOLLIN | unix.EPOLLOUT | unix.EPOLLRDHUP | unix.EPOLLET,
		Fd:     c.index,
		Pad:    c.generation,
	}
	return unix.EpollCtl(p.epoll, unix.EPOLL_CTL_ADD, int(c.fd), &registration)
}

// wait waits up to ns (≤ 0: only looks) and returns how many events there are.
func (p *poller) wait(ns int64) (int, error) {
	n, errno := p.rawWait(ns)
	switch errno {
	case 0:
		return n, nil
	case unix.EINTR:
		return 0, nil
	}
	return 0, fmt.Errorf("epoll_wait: %w", errno)
}

func (p *poller) rawWait(ns int64) (int, unix.Errno) {
	if ns <= 0 {
		return p.waitMilliseconds(0)
	}
	if p.nanoseconds {
		p.timeout = unix.NsecToTimespec(ns)
		n, _, errno := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT2, uintptr(p.epoll),
			uintptr(unsafe.Pointer(&p.events)), uintptr(len(p.events)),
			uintptr(unsafe.Pointer(&p.timeout)), 0, 0)
		// Older kernels do not know the call; older seccomp filters refuse what
		// they do not know.
		if errno != unix.ENOSYS && errno != unix.EPERM {
			return int(n), errno
		}
		p.nanoseconds = false
	}
	// Rounded down: the rest is polled, which costs CPU time but no accuracy.
	return p.waitMilliseconds(min(ns/1_000_000, math.MaxInt32))
}

func (p *poller) waitMilliseconds(ms int64) (int, unix.Errno) {
	n, _, errno := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(p.epoll),
		uintptr(unsafe.Pointer(&p.events)), uintptr(len(p.events)), uintptr(ms), 0, 0)
	return int(n), errno
}

// event returns the i-th event of the last wait.
func (p *poller) event(i int) event {
	raw := &p.events[i]
	hangup := raw.Events&(unix.EPOLLRDHUP|unix.EPOLLHUP|unix.EPOLLERR) != 0
	return event{
		index:      raw.Fd,
		generation: raw.Pad,
		readable:   hangup || raw.Events&unix.EPOLLIN != 0,
		writable:   raw.Events&unix.EPOLLOUT != 0,
		hangup:     hangup,
	}
}

package main

import (
	"errors"
	"fmt"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"pollgate/go-fixtures/internal/fixture"
	"pollgate/go-fixtures/internal/pagefile"
	"pollgate/go-fixtures/internal/shards"
)

// eventBatch is how many events are taken at once: as many as Go's own netpoller takes.
const eventBatch = 128

// loop is the server of one thread.
type loop struct {
	fixture *fixture.Fixture
	file    *pagefile.File

	epoll    int
	listener int
	wake     int
	// conns are the connections by descriptor.
	conns []*conn
	// page is what the reply at work is in; a connection whose client does not take it keeps it,
	// and the thread gets another.
	page      []byte
	freePages [][]byte
	open      atomic.Int64
	draining  bool
	refusals  shards.Refusals
}

// Open makes the epoll.
func (l *loop) Open(listener, wake int) (err error) {
	l.listener, l.wake, l.page = listener, wake, pagefile.Page()
	if l.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return fmt.Errorf("epoll_create1: %w", err)
	}
	return errors.Join(l.watch(unix.EPOLL_CTL_ADD, listener, unix.EPOLLIN), l.watch(unix.EPOLL_CTL_ADD, wake, unix.EPOLLIN))
}

// Connections returns how many are open.
func (l *loop) Connections() int { return int(l.open.Load()) }

// Run serves until the drain is over.
func (l *loop) Run() error {
	events := make([]unix.EpollEvent, eventBatch)
	for !l.draining || l.open.Load() > 0 {
		n, err := unix.EpollWait(l.epoll, events, -1)
		if err != nil && !errors.Is(err, unix.EINTR) {
			return fmt.Errorf("epoll_wait: %w", err)
		}
		for i := range max(n, 0) {
			switch fd := int(events[i].Fd); fd {
			case l.listener:
				err = l.accept()
			case l.wake:
				err = l.drain()
			default:
				// A connection, or the listener, can have been closed by the drain in the same batch.
				if fd < len(l.conns) && l.conns[fd] != nil {
					err = l.serve(l.conns[fd])
				}
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// watch adds fd to the epoll or changes what is waited for; as long as it is there, it is told again.
func (l *loop) watch(operation, fd int, events uint32) error {
	if err := unix.EpollCtl(l.epoll, operation, fd, &unix.EpollEvent{Events: events, Fd: int32(fd)}); err != nil {
		return fmt.Errorf("epoll_ctl: %w", err)
	}
	return nil
}

// accept takes all connections that have come.
func (l *loop) accept() error {
	for !l.draining {
		fd, err := accept4(l.listener)
		switch err {
		case 0:
		case unix.EAGAIN:
			return nil
		case unix.ECONNABORTED, unix.EINTR:
			continue
		default:
			// A server that refuses connections is a failed measurement: the loud end is the better one.
			return fmt.Errorf("accept: %w (too many open files: raise ulimit -n)", err)
		}
		for fd >= len(l.conns) {
			l.conns = append(l.conns, nil)
		}
		l.conns[fd] = &conn{fd: fd}
		l.open.Add(1)
		if err := l.watch(unix.EPOLL_CTL_ADD, fd, unix.EPOLLIN); err != nil {
			return err
		}
	}
	return nil
}

// drain closes the listener and all idle connections, after a last look at each.
func (l *loop) drain() error {
	l.draining = true
	if err := errors.Join(unix.EpollCtl(l.epoll, unix.EPOLL_CTL_DEL, l.wake, nil), unix.Close(l.listener)); err != nil {
		return fmt.Errorf("begin the drain: %w", err)
	}
	l.listener = -1
	for _, conn := range l.conns {
		if conn == nil {
			continue
		}
		if err := l.serve(conn); err != nil {
			return err
		}
	}
	return nil
}

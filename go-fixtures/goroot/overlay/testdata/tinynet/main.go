// Command tinynet uses the netpoller a little and prints, as one line of JSON,
// which kinds of poll descriptors the process then holds.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"pollgate/go-fixtures/goroot/pollerstats"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "tinynet:", err)
		os.Exit(1)
	}
}

func run() error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer l.Close()
	go echo(l)
	if err := converse(l.Addr().String()); err != nil {
		return err
	}
	if err := unpollable(os.DevNull, "/proc/self/exe", "/"); err != nil {
		return err
	}
	if err := closedBehind(); err != nil {
		return err
	}
	if err := waitWithoutProgress(); err != nil {
		return err
	}
	kinds, err := pollDescriptors()
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(kinds)
}

func echo(l net.Listener) {
	c, err := l.Accept()
	if err != nil {
		return
	}
	io.Copy(c, c)
	c.Close()
}

// converse needs readiness (echo), a deadline, and the end of a connection.
func converse(address string) error {
	c, err := net.Dial("tcp", address)
	if err != nil {
		return err
	}
	buf := make([]byte, 4)
	for range 100 {
		if _, err := c.Write([]byte("ping")); err != nil {
			return err
		}
		if _, err := io.ReadFull(c, buf); err != nil {
			return err
		}
	}
	c.SetReadDeadline(time.Now().Add(time.Millisecond))
	if _, err := c.Read(buf); !errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Errorf("read with nothing to come: got error %v, want a timeout", err)
	}
	return c.Close()
}

// unpollable checks that files without a poll method are refused by the
// netpoller, which shows as the lack of deadlines.
func unpollable(names ...string) error {
	for _, name := range names {
		f, err := os.Open(name)
		if err != nil {
			return err
		}
		err = f.SetDeadline(time.Now())
		f.Close()
		if !errors.Is(err, os.ErrNoDeadline) {
			return fmt.Errorf("deadline on %s: got error %v, want %v", name, err, os.ErrNoDeadline)
		}
	}
	return nil
}

// waitWithoutProgress waits to read what is there and does not read it. A poller
// must not let that become a busy loop, as a plain level-triggered one would;
// and it must still tell when more comes.
func waitWithoutProgress() error {
	reader, writer, err := os.Pipe()
	if err != nil {
		return err
	}
	defer reader.Close()
	defer writer.Close()
	raw, err := reader.SyscallConn()
	if err != nil {
		return err
	}
	const enough = 500
	calls := 0
	more := func(uintptr) bool {
		calls++
		return calls >= enough
	}
	if _, err := writer.Write([]byte("first")); err != nil {
		return err
	}
	reader.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
	if err := raw.Read(more); !errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Errorf("wait beside unread data: got error %v after %d rounds, want a timeout: it is a busy loop", err, calls)
	}
	reader.SetReadDeadline(time.Now().Add(time.Minute))
	var written atomic.Bool
	waiting := make(chan struct{})
	told := make(chan error, 1)
	go func() {
		first := true
		told <- raw.Read(func(uintptr) bool {
			if first {
				first = false
				close(waiting)
				return false
			}
			return written.Load()
		})
	}()
	<-waiting
	written.Store(true)
	if _, err := writer.Write([]byte("more")); err != nil {
		return err
	}
	if err := <-told; err != nil {
		return fmt.Errorf("wait for more beside unread data: %w: its event was lost", err)
	}
	return nil
}

// forgotten keeps a listener from its finalizer, which would close the
// descriptor of another.
var forgotten net.Listener

// closedBehind closes a listener's descriptor with a bare system call. The
// next one gets the same number, and must be registered like any other.
func closedBehind() error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	forgotten = l
	fd, err := descriptor(l)
	if err != nil {
		return err
	}
	if err := syscall.Close(fd); err != nil {
		return err
	}
	next, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer next.Close()
	if again, err := descriptor(next); err != nil || again != fd {
		return fmt.Errorf("the next listener has descriptor %d (%v), want %d: the check is void", again, err, fd)
	}
	go echo(next)
	if err := converse(next.Addr().String()); err != nil {
		return err
	}
	if c, ok := pollerstats.Read(); ok && c.ReplacedStale != 1 {
		return fmt.Errorf("poller replaced %d stale registrations, want 1", c.ReplacedStale)
	}
	return nil
}

func descriptor(l net.Listener) (fd int, err error) {
	raw, err := l.(*net.TCPListener).SyscallConn()
	if err != nil {
		return -1, err
	}
	err = raw.Control(func(n uintptr) { fd = int(n) })
	return fd, err
}

// pollDescriptors lists the targets of /proc/self/fd that are poll instances.
func pollDescriptors() ([]string, error) {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return nil, err
	}
	var kinds []string
	for _, e := range entries {
		target, err := os.Readlink("/proc/self/fd/" + e.Name())
		if err == nil && (strings.Contains(target, "io_uring") || strings.Contains(target, "eventpoll")) {
			kinds = append(kinds, target)
		}
	}
	return kinds, nil
}

// Command halves does what makes the kernel report less, or more, than a waiting
// goroutine asked for: connections that are half closed while a writer waits, and
// errors on a datagram socket that lives on. It exits 1 with what went wrong.
package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"time"
)

// limit ends what would hang; nothing takes a hundredth of it.
const limit = 20 * time.Second

// volume is more than the buffers of both ends hold.
const volume = 64 << 20

func main() {
	for name, check := range map[string]func() error{
		"the peer has closed its half before the writer waits": func() error { return halfClose(true) },
		"the peer closes its half while the writer waits":      func() error { return halfClose(false) },
		"a datagram socket after ECONNREFUSED":                 refusedDatagram,
	} {
		if err := check(); err != nil {
			fmt.Fprintf(os.Stderr, "halves: %s: %v\n", name, err)
			os.Exit(1)
		}
	}
}

// halfClose has a server write to a client that sends no more and reads late.
func halfClose(before bool) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer listener.Close()
	written := make(chan error, 1)
	waits := make(chan struct{})
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			written <- err
			return
		}
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(limit))
		if before {
			if _, err := io.Copy(io.Discard, conn); err != nil {
				written <- err
				return
			}
		}
		// The first piece is taken at once; all of it is more than fits.
		if _, err := conn.Write(make([]byte, 1)); err != nil {
			written <- err
			return
		}
		close(waits)
		_, err = conn.Write(make([]byte, volume-1))
		written <- err
	}()
	conn, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		return err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(limit))
	if before {
		if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
			return err
		}
	}
	select {
	case <-waits:
	case err := <-written:
		return err
	}
	if err := untilUnread(conn.(*net.TCPConn)); err != nil {
		return err
	}
	if !before {
		if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
			return err
		}
	}
	if n, err := io.Copy(io.Discard, io.LimitReader(conn, volume)); err != nil || n != volume {
		return fmt.Errorf("%d of %d bytes came: %v", n, volume, err)
	}
	return <-written
}

// untilUnread returns when the receive buffer has ceased to grow: the writer waits.
func untilUnread(conn *net.TCPConn) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	for last, same := -1, 0; same < 10; time.Sleep(5 * time.Millisecond) {
		n := 0
		buffer := make([]byte, 16<<20)
		if err := raw.Control(func(fd uintptr) {
			n, _, err = syscall.Recvfrom(int(fd), buffer, syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		}); err != nil {
			return err
		}
		if n > 0 && n == last {
			same++
		} else {
			last, same = n, 0
		}
	}
	return nil
}

// refusedDatagram reads from a socket whose peer was not there at first.
func refusedDatagram() error {
	peer, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	address := peer.LocalAddr().String()
	peer.Close()
	conn, err := net.Dial("udp", address)
	if err != nil {
		return err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(limit))
	read := make(chan error, 1)
	buffer := make([]byte, 16)
	go func() {
		_, err := conn.Read(buffer)
		read <- err
	}()
	// The answer to it, which says that nobody listens, wakes the reader.
	if _, err := conn.Write([]byte("anybody?")); err != nil && !errors.Is(err, syscall.ECONNREFUSED) {
		return err
	}
	if err := <-read; !errors.Is(err, syscall.ECONNREFUSED) {
		return fmt.Errorf("the first read: got %v, want ECONNREFUSED", err)
	}
	if peer, err = net.ListenPacket("udp", address); err != nil {
		return err
	}
	defer peer.Close()
	if _, err := peer.WriteTo([]byte("now"), conn.LocalAddr()); err != nil {
		return err
	}
	n, err := conn.Read(buffer)
	if err != nil || string(buffer[:n]) != "now" {
		return fmt.Errorf("a later read: got %q, %v", buffer[:n], err)
	}
	return nil
}

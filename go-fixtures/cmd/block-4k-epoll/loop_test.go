package main

import (
	"net"
	"testing"

	"golang.org/x/sys/unix"
)

// One epoll_wait may tell of the drain and, behind it, of a connection that has just come: the listener
// is none of the loop's any more then.
func TestAConnectionThatComesWithTheDrain(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	file, err := listener.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	wake, err := unix.Eventfd(1, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	l := &loop{}
	if err := l.Open(int(file.Fd()), wake); err != nil {
		t.Fatal(err)
	}
	client, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if err := l.Run(); err != nil {
		t.Errorf("the drain failed: %v", err)
	}
}

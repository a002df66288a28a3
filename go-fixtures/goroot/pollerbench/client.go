package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// patience is how long a reply may take. It is far beyond any queue here.
const patience = 5 * time.Second

// dialogue is one request and what its reply looks like.
type dialogue struct {
	request    []byte
	replyBytes int // total length of a reply; every reply of one server has it
}

// client keeps connections to one server and drives them from one thread with
// bare epoll, so that it needs less CPU time per request than any server here.
type client struct {
	dialogue
	address *unix.SockaddrInet4
	epoll   int
	idle    []*connection // first in, first out
	all     []*connection
	events  []unix.EpollEvent
	buffer  []byte
	churn   bool // a new connection for each request
}

type connection struct {
	fd       int
	position int // in client.all, and the data of its epoll registration
	received int // bytes of the reply that is on its way
}

func newClient(address string, d dialogue, connections int) (*client, error) {
	tcp, err := net.ResolveTCPAddr("tcp4", address)
	if err != nil {
		return nil, err
	}
	c := &client{
		dialogue: d,
		address:  &unix.SockaddrInet4{Port: tcp.Port, Addr: [4]byte(tcp.IP.To4())},
		events:   make([]unix.EpollEvent, 256),
		buffer:   make([]byte, 64<<10),
	}
	if c.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return nil, fmt.Errorf("epoll_create1: %w", err)
	}
	for range connections {
		conn := &connection{position: len(c.all)}
		if err := c.connect(conn); err != nil {
			c.close()
			return nil, err
		}
		c.all = append(c.all, conn)
		c.idle = append(c.idle, conn)
	}
	return c, nil
}

func (c *client) connect(conn *connection) (err error) {
	conn.received = 0
	if conn.fd, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0); err != nil {
		return fmt.Errorf("socket: %w", err)
	}
	// Reset at close: thousands of ports in TIME_WAIT would be the end of a
	// churn.
	_ = unix.SetsockoptLinger(conn.fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
	_ = unix.SetsockoptInt(conn.fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	if err := unix.Connect(conn.fd, c.address); err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	if err := unix.SetNonblock(conn.fd, true); err != nil {
		return err
	}
	event := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(conn.position)}
	if err := unix.EpollCtl(c.epoll, unix.EPOLL_CTL_ADD, conn.fd, &event); err != nil {
		return fmt.Errorf("epoll_ctl: %w", err)
	}
	return nil
}

func (c *client) close() {
	for _, conn := range c.all {
		unix.Close(conn.fd)
	}
	unix.Close(c.epoll)
}

// closedLoop keeps outstanding requests under way for the time given and
// returns how many replies came. It ends with none under way.
func (c *client) closedLoop(outstanding int, length time.Duration) (replies int, err error) {
	for range min(outstanding, len(c.idle)) {
		if err := c.send(); err != nil {
			return replies, err
		}
	}
	end := time.Now().Add(length)
	for over := false; len(c.idle) < len(c.all); over = over || time.Now().After(end) {
		n, err := c.receive(patience)
		if err != nil {
			return replies, err
		}
		replies += n
		for ; n > 0 && !over; n-- {
			if err := c.send(); err != nil {
				return replies, err
			}
		}
	}
	return replies, nil
}

// openLoop sends rate requests per second, evenly, for the time given and
// returns how many replies came. A request that finds no idle connection is an
// error: the rate is then not one below saturation.
func (c *client) openLoop(rate int, length time.Duration) (replies int, err error) {
	begin := time.Now()
	gap := time.Second / time.Duration(rate)
	total := int(length / gap)
	for sent := 0; sent < total || len(c.idle) < len(c.all); {
		due := time.Duration(sent) * gap
		wait := patience
		if sent < total {
			if wait = due - time.Since(begin); wait <= 0 {
				if len(c.idle) > 0 {
					if err := c.send(); err != nil {
						return replies, err
					}
					sent++
					continue
				}
				wait = patience
			}
		}
		n, err := c.receive(wait)
		if err != nil {
			return replies, err
		}
		replies += n
	}
	return replies, nil
}

func (c *client) send() error {
	conn := c.idle[0]
	c.idle = c.idle[1:]
	if n, err := unix.Write(conn.fd, c.request); err != nil || n != len(c.request) {
		return fmt.Errorf("sent %d of %d bytes: %w", n, len(c.request), err)
	}
	return nil
}

// receive waits at most so long for something to come and returns how many
// replies are complete with it.
func (c *client) receive(wait time.Duration) (replies int, err error) {
	timeout := unix.NsecToTimespec(int64(wait))
	n, err := epollPwait2(c.epoll, c.events, &timeout)
	if err != nil && !errors.Is(err, unix.EINTR) {
		return 0, fmt.Errorf("epoll_pwait2: %w", err)
	}
	if n == 0 && err == nil && wait == patience {
		return 0, fmt.Errorf("nothing came in %v: the server has lost an event", patience)
	}
	for i := range n {
		conn := c.all[c.events[i].Fd]
		got, err := unix.Read(conn.fd, c.buffer)
		if err != nil {
			return replies, fmt.Errorf("read a reply: %w", err)
		}
		if got == 0 {
			return replies, errors.New("the server has closed a connection")
		}
		conn.received += got
		if conn.received < c.replyBytes {
			continue
		}
		conn.received = 0
		replies++
		if c.churn {
			unix.Close(conn.fd)
			if err := c.connect(conn); err != nil {
				return replies, err
			}
		}
		c.idle = append(c.idle, conn)
	}
	return replies, nil
}

// learnHTTP makes the dialogue of a GET, with the length of the reply that the
// server now gives to it.
func learnHTTP(address string) (dialogue, error) {
	request := []byte("GET / HTTP/1.1\r\nHost: " + address + "\r\n\r\n")
	conn, err := net.DialTimeout("tcp", address, 5*time.Second)
	if err != nil {
		return dialogue{}, err
	}
	defer conn.Close()
	if _, err := conn.Write(request); err != nil {
		return dialogue{}, err
	}
	var reply []byte
	buffer := make([]byte, 4096)
	for {
		n, err := conn.Read(buffer)
		if err != nil {
			return dialogue{}, fmt.Errorf("reply %q: %w", reply, err)
		}
		reply = append(reply, buffer[:n]...)
		head, body, complete := bytes.Cut(reply, []byte("\r\n\r\n"))
		if !complete {
			continue
		}
		_, rest, found := bytes.Cut(head, []byte("Content-Length: "))
		digits, _, _ := bytes.Cut(rest, []byte("\r\n"))
		length, err := strconv.Atoi(string(digits))
		if !found || err != nil {
			return dialogue{}, fmt.Errorf("reply %q: no Content-Length", reply)
		}
		if len(body) < length {
			continue
		}
		if len(body) > length {
			return dialogue{}, io.ErrUnexpectedEOF
		}
		return dialogue{request: request, replyBytes: len(reply)}, nil
	}
}

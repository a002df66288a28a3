package main

import (
	"bytes"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// bothEnds is both ends of a connection.
type bothEnds struct{ server, client int }

// moved is the payload that TCP_INFO tells of both ends together.
type moved struct{ serverReceived, serverSent, clientReceived, clientSent uint64 }

// connections: 7 that the client closes first (3 requests each), 5 that the server closes first and
// 3 that the client resets (1 each), 11 refused, 13 that wait in a new listener's queue until a line
// comes (none), 2 that stay open (5 each). A request is 11 bytes, its reply 13.
func connections() {
	listener, address := listenHere()
	nobody, closed := listenHere()
	closeAll(nobody)
	start()

	var sum moved
	for range 7 {
		p := connectPair(listener, address)
		p.ask(3)
		sum.add(p)
		closeAll(p.client)
		endSecond(p.server)
	}
	for range 5 {
		p := connectPair(listener, address)
		p.ask(1)
		sum.add(p)
		closeAll(p.server)
		endSecond(p.client)
	}
	for range 3 {
		p := connectPair(listener, address)
		p.ask(1)
		sum.add(p)
		check(unix.SetsockoptLinger(p.client, unix.SOL_SOCKET, unix.SO_LINGER,
			&unix.Linger{Onoff: 1}))
		closeAll(p.client)
		if _, err := unix.Read(p.server, make([]byte, 1)); err != unix.ECONNRESET {
			fail("read of a reset connection: %v", err)
		}
		closeAll(p.server)
	}
	for range 11 {
		client := must(unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0))
		if err := unix.Connect(client, closed); err != unix.ECONNREFUSED {
			fail("connect to a closed port: %v", err)
		}
		closeAll(client)
	}
	waitInQueue(&sum)
	for range 2 {
		connectPair(listener, address).ask(5)
	}
	awaitStates(address, 4)
	say(fmt.Sprint(sum.serverReceived, sum.serverSent, sum.clientReceived, sum.clientSent))
}

// waitInQueue has 13 connections wait until the test lets the server take them.
func waitInQueue(sum *moved) {
	const waiting = 13
	listener, address := listenHere()
	var clients, servers []int
	for range waiting {
		client := must(unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0))
		check(unix.Connect(client, address))
		clients = append(clients, client)
	}
	say("waiting")
	hear()
	for range waiting {
		servers = append(servers, takeFrom(listener))
	}
	for i := range waiting {
		sum.add(bothEnds{servers[i], clients[i]})
		closeAll(clients[i])
	}
	for _, server := range servers {
		endSecond(server)
	}
	awaitStates(address, 0)
}

// losses: one connection from before netprobe comes, one from between that and the window, and one from
// inside it. Of each the client's words are lost on the way until they have been sent again twice. It says
// how often TCP_INFO has that of the three, in that order.
func losses() {
	listener, address := listenHere()
	pairs := []bothEnds{connectPair(listener, address)}
	start()
	pairs = append(pairs, connectPair(listener, address))
	say("connected")
	hear()
	pairs = append(pairs, connectPair(listener, address))
	for _, p := range pairs {
		loseTwice(p)
	}
	for _, p := range pairs {
		info, err := unix.GetsockoptTCPInfo(p.client, unix.IPPROTO_TCP, unix.TCP_INFO)
		check(err)
		say(fmt.Sprint(info.Total_retrans))
	}
}

// loseTwice has the kernel drop what arrives at the server, until the client has sent it again twice.
func loseTwice(p bothEnds) {
	drop := unix.SockFprog{Len: 1, Filter: &unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K}}
	check(unix.SetsockoptSockFprog(p.server, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &drop))
	must(unix.Write(p.client, []byte("lost")))
	for {
		info, err := unix.GetsockoptTCPInfo(p.client, unix.IPPROTO_TCP, unix.TCP_INFO)
		check(err)
		if info.Total_retrans >= 2 {
			break
		}
		unix.Poll(nil, 1)
	}
	check(unix.SetsockoptInt(p.server, unix.SOL_SOCKET, unix.SO_DETACH_FILTER, 0))
	if n := must(unix.Read(p.server, make([]byte, 8))); n != 4 {
		fail("%d bytes arrived, want 4", n)
	}
}

// pieces: 7 times two small writes of which the second has to wait until the first is acknowledged, which
// the other end is in no hurry to do; and 5 times the same with Nagle's algorithm off.
func pieces() {
	listener, address := listenHere()
	held, free := connectPair(listener, address), connectPair(listener, address)
	check(unix.SetsockoptInt(free.client, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1))
	start()
	for range 7 {
		held.askInPieces()
	}
	for range 5 {
		free.askInPieces()
	}
}

func (p bothEnds) askInPieces() {
	check(unix.SetsockoptInt(p.server, unix.IPPROTO_TCP, unix.TCP_QUICKACK, 0))
	must(unix.Write(p.client, []byte("head")))
	must(unix.Write(p.client, []byte("body")))
	for arrived := 0; arrived < 8; {
		arrived += must(unix.Read(p.server, make([]byte, 8)))
	}
}

// crowd: 521 connections, with both ends more than the test gives netprobe room for.
func crowd() {
	limit := unix.Rlimit{}
	check(unix.Getrlimit(unix.RLIMIT_NOFILE, &limit))
	limit.Cur = limit.Max
	check(unix.Setrlimit(unix.RLIMIT_NOFILE, &limit))
	listener, address := listenHere()
	start()
	for range 521 {
		connectPair(listener, address)
	}
}

func listenHere() (int, unix.Sockaddr) {
	listener := must(unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0))
	check(unix.Bind(listener, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}))
	check(unix.Listen(listener, 31))
	address, err := unix.Getsockname(listener)
	check(err)
	return listener, address
}

func connectPair(listener int, address unix.Sockaddr) bothEnds {
	client := must(unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0))
	check(unix.Connect(client, address))
	return bothEnds{takeFrom(listener), client}
}

func takeFrom(listener int) int {
	fd, _, err := unix.Accept4(listener, 0)
	return must(fd, err)
}

func (p bothEnds) ask(times int) {
	for range times {
		must(unix.Write(p.client, make([]byte, 11)))
		must(unix.Read(p.server, make([]byte, 32)))
		must(unix.Write(p.server, make([]byte, 13)))
		must(unix.Read(p.client, make([]byte, 32)))
	}
}

// endSecond closes the second end, when the first one's FIN has come.
func endSecond(fd int) {
	if n := must(unix.Read(fd, make([]byte, 1))); n != 0 {
		fail("%d bytes more than were sent", n)
	}
	closeAll(fd)
}

func (m *moved) add(p bothEnds) {
	of := func(fd int) (received, sent uint64) {
		info, err := unix.GetsockoptTCPInfo(fd, unix.IPPROTO_TCP, unix.TCP_INFO)
		check(err)
		return info.Bytes_received, info.Bytes_sent - info.Bytes_retrans
	}
	received, sent := of(p.server)
	m.serverReceived += received
	m.serverSent += sent
	received, sent = of(p.client)
	m.clientReceived += received
	m.clientSent += sent
}

// awaitStates waits until all but so many ends of connections to a port are gone or in TIME_WAIT.
func awaitStates(address unix.Sockaddr, open int) {
	port := fmt.Appendf(nil, ":%04X", address.(*unix.SockaddrInet4).Port)
	for {
		table, err := os.ReadFile("/proc/self/net/tcp")
		check(err)
		left := 0
		for _, line := range bytes.Split(table, []byte("\n")) {
			fields := bytes.Fields(line)
			if len(fields) < 4 || !bytes.HasSuffix(fields[1], port) && !bytes.HasSuffix(fields[2], port) {
				continue
			}
			if state := string(fields[3]); state != "06" && state != "0A" {
				left++
			}
		}
		if left == open {
			return
		}
	}
}

package main

import (
	"testing"

	"golang.org/x/sys/unix"
)

var connectionEvidence = map[string]func(t *testing.T, name string){
	"connection-leak": func(t *testing.T, name string) {
		const requests = 23
		fault, twin := faultAndTwin(t, name, func(s *server) [2]int {
			s.drive(t, 1, requests)
			s.collect(t)
			return [2]int{
				s.socketsTo(t, s.peerPort(t), established),
				s.goroutines(t, "net/http.(*persistConn).readLoop"),
			}
		})
		expect(t, "established sockets, goroutines that read", fault, twin, [2]int{requests, requests}, [2]int{1, 1})
	},
	"file-leak": func(t *testing.T, name string) {
		const requests = 23
		fault, twin := faultAndTwin(t, name, func(s *server) int {
			s.drive(t, 1, requests)
			return s.openFiles(t)
		})
		expect(t, "open files", fault, twin, requests, 0)
	},
	"dup-leak": func(t *testing.T, name string) {
		// The last connection has no use left, and is closed.
		const connections, usesEach = 23, 16
		fault, twin := faultAndTwin(t, name, func(s *server) [3]int {
			s.drive(t, 1, 1) // Opens what stays.
			before := s.registrations(t)
			s.drive(t, 1, connections*usesEach-1)
			return [3]int{
				s.registrations(t) - before,
				s.socketsTo(t, s.peerPort(t), established),
				s.goroutines(t, "peers.ReadAnswer"),
			}
		})
		expect(t, "goroutines that wait for an answer", fault[2], twin[2], 0, 0)
		// The clients' own connections come and go; a leak has all of them.
		expectBounds(t, "further epoll registrations", fault[0], twin[0], connections-3, 2)
		expect(t, "established sockets", fault[1], twin[1], connections, 0)
	},
	"idle-connections": func(t *testing.T, name string) {
		const connections = 101
		s := start(t, name, false, "--idle-connections", "101")
		defer s.stop(t)
		s.drive(t, 1, 3)
		if n := s.socketsTo(t, s.peerPort(t), established); n != connections {
			t.Errorf("%d established sockets, want %d", n, connections)
		}
		if n := s.registrations(t); n < connections {
			t.Errorf("epoll watches %d descriptors, want %d and more", n, connections)
		}
		s.expectGoroutines(t, "fault.waitForMessage", connections)
		twin := start(t, name, true, "--idle-connections", "101")
		defer twin.stop(t)
		twin.drive(t, 1, 3)
		if n := twin.registrations(t); n > connections/2 {
			t.Errorf("the twin's epoll watches %d descriptors", n)
		}
	},
	"connection-reuse-http1": expectConnects(1),
	"keep-alive-off":         expectConnects(1),
	"pool-too-small": func(t *testing.T, name string) {
		const requests, clients = 211, 16
		fault, twin := faultAndTwin(t, name, func(s *server) [2]int {
			s.drive(t, clients, requests)
			return [2]int{int(s.peerSeen(t).Connections), s.socketsTo(t, s.peerPort(t), timeWait)}
		})
		// A client may find no idle connection and, before its own is there, get another's: so a few more.
		expectBounds(t, "connections", fault[0], twin[0], requests/3, 2*clients)
		expectBounds(t, "sockets in TIME_WAIT", fault[1], twin[1], requests/4, 0)
	},
	"http2-streams-refused": func(t *testing.T, name string) {
		const requests, clients = 53, 8
		fault, twin := faultAndTwin(t, name, func(s *server) int {
			s.drive(t, 1, 1) // The twin's one connection.
			s.drive(t, clients, requests-1)
			return s.socketsTo(t, s.peerPort(t), established)
		})
		expectBounds(t, "established sockets", fault, twin, clients/2, 1)
	},
	"retransmits": func(t *testing.T, name string) {
		const requests = 211
		fault, twin := faultAndTwin(t, name, func(s *server) (retransmitted int) {
			s.drive(t, 16, requests)
			s.eachSocketTo(t, s.peerPort(t), func(fd int) {
				info, err := unix.GetsockoptTCPInfo(fd, unix.IPPROTO_TCP, unix.TCP_INFO)
				if err != nil {
					t.Fatal(err)
				}
				retransmitted += int(info.Total_retrans)
			})
			return retransmitted
		})
		// 13 are lost on average, none with a probability of 1e-6; a machine that stops for a while
		// makes the twin retransmit one for nothing.
		expectBounds(t, "segments retransmitted", fault, twin, 1, fault/2)
	},
}

// expectConnects is for faults that connect so many times per request, where the twin connects once.
func expectConnects(perRequest int64) func(t *testing.T, name string) {
	return func(t *testing.T, name string) {
		const requests = 23
		fault, twin := faultAndTwin(t, name, func(s *server) int64 {
			s.drive(t, 1, requests)
			return s.peerSeen(t).Connections
		})
		expect(t, "connections", fault, twin, perRequest*requests, 1)
	}
}

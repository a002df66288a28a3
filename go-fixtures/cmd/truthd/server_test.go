package main

import (
	"io"
	"net"
	"net/netip"
	"testing"

	"pollgate/go-fixtures/internal/truthproto"
)

// The server runs in the test here, turn by turn, so that its allocations can be counted.
func TestServingDoesNotAllocate(t *testing.T) {
	for name, test := range map[string]struct {
		protocol func(*server) protocol
		request  []byte
	}{
		"truth": {func(s *server) protocol { return &truthProtocol{server: s} }, requestBytes(1000, 1)},
		"http1": {
			func(s *server) protocol {
				return newHTTPProtocol(s, truthproto.Service{Kind: truthproto.Exponential, MeanNs: 1000}, 1)
			},
			[]byte("GET / HTTP/1.1\r\nHost: x\r\nAccept: */*\r\nPollgate-Stamps: 1\r\n\r\n"),
		},
	} {
		log := &requestLog{entries: make([]logEntry, 0, 1000)}
		s, err := newServer(netip.MustParseAddrPort("127.0.0.1:0"), true, log)
		if err != nil {
			t.Fatal(err)
		}
		s.protocol = test.protocol(s)
		conn, err := net.Dial("tcp", s.address.String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		turn := func() {
			if err := s.turn(-1); err != nil || s.failure != nil {
				t.Fatal(err, s.failure)
			}
		}
		turn() // accepts
		reply := make([]byte, 1024)
		if n := testing.AllocsPerRun(200, func() {
			served := len(log.entries)
			// In two pieces, of which the server has to keep the first.
			for _, piece := range [][]byte{test.request[:9], test.request[9:]} {
				if _, err := conn.Write(piece); err != nil {
					t.Fatal(err)
				}
				turn()
			}
			if len(log.entries) != served+1 {
				t.Fatalf("%d requests served, want %d", len(log.entries), served+1)
			}
			if _, err := io.ReadAtLeast(conn, reply, truthproto.ReplySize); err != nil {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations per request, want 0", name, n)
		}
	}
}

func TestAFullLogIsAFailure(t *testing.T) {
	s := &server{log: &requestLog{entries: make([]logEntry, 0, 1)}}
	c := &conn{} // nothing is written to it
	if s.finish(c, nil, 1, 2); s.failure != nil {
		t.Fatal(s.failure)
	}
	if s.finish(c, nil, 3, 4); s.failure != errLogFull {
		t.Errorf("failure is %v, want that the log is full", s.failure)
	}
}

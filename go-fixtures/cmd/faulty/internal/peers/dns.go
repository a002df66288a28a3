package peers

import (
	"encoding/binary"
	"net"
	"net/netip"
	"os"
	"time"
)

// listenDNS opens a name server: on port 53 where the process may, for then whoever looks at the
// packets sees a name server; else on a free port. Every process has the whole of 127/8, so that the
// address comes from its id and two of them never want the same.
func listenDNS(settings Settings, seen *tally) (address net.Addr, serve func() error, err error) {
	pid := os.Getpid()
	own := netip.AddrFrom4([4]byte{127, 1 + byte(pid>>16)%250, byte(pid >> 8), 1 + byte(pid)%250})
	conn, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(own, 53)))
	if err != nil {
		conn, err = net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(own, 0)))
	}
	if err != nil {
		return nil, nil, err
	}
	return conn.LocalAddr(), func() error { return serveDNS(conn, settings.AnswerAfter, seen) }, nil
}

// serveDNS answers each query after a delay, until reading fails.
func serveDNS(conn *net.UDPConn, delay time.Duration, seen *tally) error {
	query := make([]byte, 1500)
	for {
		n, client, err := conn.ReadFromUDPAddrPort(query)
		if err != nil {
			return err
		}
		seen.begin()
		answer := answerDNS(query[:n])
		time.AfterFunc(delay, func() {
			defer seen.end()
			if answer != nil {
				_, _ = conn.WriteToUDPAddrPort(answer, client) // A client that is not answered asks again.
			}
		})
	}
}

// answerDNS answers a query of one question (RFC 1035, section 4): 127.0.0.1 for an address of IPv4,
// an empty answer for any other type, nil for what is no query.
func answerDNS(query []byte) []byte {
	const (
		headerBytes = 12
		typeAndQU   = 4
		typeA       = 1
	)
	end := headerBytes
	for end < len(query) && query[end] != 0 { // The labels of the name.
		end += 1 + int(query[end])
	}
	end += 1 + typeAndQU
	if end > len(query) || binary.BigEndian.Uint16(query[4:]) != 1 {
		return nil
	}
	answer := make([]byte, 0, 512)
	answer = append(answer, query[:2]...)                // the id
	answer = append(answer, 0x81|query[2]&1, 0x80, 0, 1) // a response, recursion done, no error; one question
	answer = append(answer, 0, 0, 0, 0, 0, 0)            // no answers yet
	answer = append(answer, query[headerBytes:end]...)   // the question, without what follows (EDNS)
	if binary.BigEndian.Uint16(query[end-typeAndQU:]) != typeA {
		return answer
	}
	answer[7] = 1
	answer = append(answer, 0xc0, headerBytes, 0, typeA, 0, 1) // the name of the question, type A, class IN
	answer = append(answer, 0, 0, 0, 60, 0, 4, 127, 0, 0, 1)   // for 60 s, 4 bytes
	return answer
}

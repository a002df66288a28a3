package peers

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"net"

	"golang.org/x/sys/unix"
)

// FrameHeaderBytes is the size of a frame's header: the length of the rest, big-endian.
const FrameHeaderBytes = 8

// maxFrameBytes bounds what a header may announce.
const maxFrameBytes = 1 << 20

// Frame returns a frame whose body has so many bytes.
func Frame(bodyBytes int) []byte {
	frame := make([]byte, FrameHeaderBytes+bodyBytes)
	binary.BigEndian.PutUint64(frame, uint64(bodyBytes))
	return frame
}

// ReadAnswer reads the byte that answers a frame.
func ReadAnswer(conn io.Reader) error {
	var answer [1]byte
	_, err := io.ReadFull(conn, answer[:])
	return err
}

// serveFrames answers each frame, until accepting fails.
func serveFrames(listener *countingListener, dropOneIn int) error {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return err
		}
		if dropOneIn > 0 {
			if err := dropSegments(conn.(*net.TCPConn), dropOneIn); err != nil {
				return fmt.Errorf("attach the filter that drops segments: %w", err)
			}
		}
		go func() {
			defer conn.Close()
			reader := bufio.NewReader(conn)
			var header [FrameHeaderBytes]byte
			for {
				if _, err := io.ReadFull(reader, header[:]); err != nil {
					return
				}
				length := binary.BigEndian.Uint64(header[:])
				if length > maxFrameBytes {
					return
				}
				if _, err := reader.Discard(int(length)); err != nil {
					return
				}
				listener.seen.begin()
				listener.seen.end()
				if _, err := conn.Write([]byte{1}); err != nil {
					return
				}
			}
		}()
	}
}

// dropSegments makes the kernel drop one in so many of the larger segments that arrive for conn, at
// random: a classic BPF filter on the socket, which needs no privilege. TCP calls it with the segment
// from its header on (net/ipv4/tcp_ipv4.c, tcp_filter), so acknowledgements without data pass. For the
// sender, this is loss on the way.
func dropSegments(conn *net.TCPConn, oneIn int) error {
	const (
		randomOffset  = 0xfffff000 + 56 // SKF_AD_OFF + SKF_AD_RANDOM, linux/filter.h
		withoutData   = 60              // the longest TCP header
		acceptedBytes = 1 << 30
	)
	filter := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_LEN},
		{Code: unix.BPF_JMP | unix.BPF_JGT | unix.BPF_K, K: withoutData, Jt: 0, Jf: 2},
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: randomOffset},
		{Code: unix.BPF_JMP | unix.BPF_JGT | unix.BPF_K, K: math.MaxUint32 / uint32(oneIn), Jt: 0, Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: acceptedBytes},
		{Code: unix.BPF_RET | unix.BPF_K, K: 0},
	}
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	var setErr error
	err = raw.Control(func(fd uintptr) {
		setErr = unix.SetsockoptSockFprog(int(fd), unix.SOL_SOCKET, unix.SO_ATTACH_FILTER,
			&unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]})
	})
	if err != nil {
		return err
	}
	return setErr
}

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"

	"pollgate/go-fixtures/internal/fixture"
)

// runUpstream is the upstream process: an echo server that prints its address and lives until
// stdin ends. Its parent holds the other end of stdin and never writes, so the kernel ends the
// upstream with the parent, in whatever way that dies.
func runUpstream(stdin io.Reader, stdout io.Writer) error {
	// A Ctrl-C reaches the whole process group, but the parent's last requests need the upstream.
	signal.Ignore(syscall.SIGINT, syscall.SIGTERM)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintln(stdout, listener.Addr()); err != nil {
		return err
	}
	ended := make(chan error, 2)
	go func() { ended <- serveEcho(listener) }()
	go func() {
		_, err := io.Copy(io.Discard, stdin)
		ended <- err
	}()
	return <-ended
}

// serveEcho sends back what each connection brings, until accepting fails.
func serveEcho(listener net.Listener) error {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return err
		}
		go func() {
			defer conn.Close()
			// A plain buffer: io.Copy between TCP connections would splice through pipes.
			var buffer [64]byte
			for {
				n, err := conn.Read(buffer[:])
				if err != nil {
					return
				}
				if _, err := conn.Write(buffer[:n]); err != nil {
					return
				}
			}
		}()
	}
}

// upstreamProcess is the parent's hold on the upstream.
type upstreamProcess struct {
	address string
	process *exec.Cmd
	stdin   io.Closer
	// ended is closed when the process has ended; err is set before that.
	ended chan struct{}
	err   error
}

// startUpstream starts this binary again as the upstream and waits until it listens.
func startUpstream() (*upstreamProcess, error) {
	// Not os.Executable: the file may have been replaced by a newer build since the start.
	process := exec.Command("/proc/self/exe", "--role", "upstream")
	process.Args[0] = os.Args[0] // What ps shows.
	process.Stderr = os.Stderr
	stdin, err := process.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := process.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := process.Start(); err != nil {
		return nil, err
	}
	// The upstream prints one line; without its end of the pipe closed here the descriptor would
	// be open for the whole run.
	line, readErr := bufio.NewReader(stdout).ReadString('\n')
	stdout.Close()
	address := strings.TrimSpace(line)
	if _, err := netip.ParseAddrPort(address); err != nil {
		stdin.Close()
		return nil, fmt.Errorf("its first line is %q, want its address: %w",
			line, errors.Join(err, readErr, process.Wait()))
	}
	upstream := &upstreamProcess{address: address, process: process, stdin: stdin, ended: make(chan struct{})}
	go func() {
		upstream.err = process.Wait()
		close(upstream.ended)
	}()
	return upstream, nil
}

// stop ends the upstream, by force if it is still there when ctx ends.
func (u *upstreamProcess) stop(ctx context.Context) error {
	u.stdin.Close()
	select {
	case <-u.ended:
		return u.err
	case <-ctx.Done():
		return errors.Join(ctx.Err(), u.process.Process.Kill())
	}
}

// serverWithUpstream stops serving when the upstream is gone, and the upstream when it has drained.
type serverWithUpstream struct {
	fixture.Server
	upstream *upstreamProcess
}

// Serve returns an error at once when the upstream ends: every further reply would be a failure.
func (s *serverWithUpstream) Serve(listener net.Listener) error {
	served := make(chan error, 1)
	go func() { served <- s.Server.Serve(listener) }()
	select {
	case err := <-served:
		return err
	case <-s.upstream.ended:
		return fmt.Errorf("the upstream process has ended (%v)", s.upstream.process.ProcessState)
	}
}

// Drain finishes the requests in flight, which need the upstream, and then stops the upstream.
func (s *serverWithUpstream) Drain(ctx context.Context) error {
	err := s.Server.Drain(ctx)
	return errors.Join(err, s.upstream.stop(ctx))
}

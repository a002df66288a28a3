// Package peer runs the other end of a fixture's connections in a process of its own, so that its
// descriptors, goroutines and CPU time are not among those of the server that is watched. A fixture
// starts its own binary again for it: what is tested needs no second program.
package peer

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

// Run is the peer's side. It prints the addresses of its listeners on one line and serves until stdin
// ends: nil then, else the error of serve. Its parent holds the other end of stdin and never writes,
// so the kernel ends the peer with the parent, in whatever way that dies.
func Run(stdin io.Reader, stdout io.Writer, addresses []net.Addr, serve func() error) error {
	// A Ctrl-C reaches the whole process group, but the parent's last requests need the peer.
	signal.Ignore(syscall.SIGINT, syscall.SIGTERM)
	line := make([]string, len(addresses))
	for i, address := range addresses {
		line[i] = address.String()
	}
	if _, err := fmt.Fprintln(stdout, strings.Join(line, " ")); err != nil {
		return err
	}
	ended := make(chan error, 2)
	go func() { ended <- serve() }()
	go func() {
		_, err := io.Copy(io.Discard, stdin)
		ended <- err
	}()
	return <-ended
}

// Process is the parent's hold on a peer.
type Process struct {
	// Addresses are where the peer listens, in its order; at least one.
	Addresses []netip.AddrPort

	name    string
	command *exec.Cmd
	stdin   io.Closer
	// ended is closed when the process has ended; err is set before that.
	ended chan struct{}
	err   error
}

// Start starts this binary again with the arguments, which must make it call Run, and waits until it
// listens. The name is for messages.
func Start(name string, arguments ...string) (*Process, error) {
	// Not os.Executable: the file may have been replaced by a newer build since the start.
	command := exec.Command("/proc/self/exe", arguments...)
	command.Args[0] = os.Args[0] // What ps shows.
	command.Stderr = os.Stderr
	stdin, err := command.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := command.Start(); err != nil {
		return nil, err
	}
	// The peer prints one line; without its end of the pipe closed here the descriptor would be open
	// for the whole run.
	line, readErr := bufio.NewReader(stdout).ReadString('\n')
	stdout.Close()
	addresses, err := parseAddresses(line)
	if err != nil {
		stdin.Close()
		return nil, fmt.Errorf("the first line of the %s is %q, want its address: %w",
			name, line, errors.Join(err, readErr, command.Wait()))
	}
	p := &Process{Addresses: addresses, name: name, command: command, stdin: stdin, ended: make(chan struct{})}
	go func() {
		p.err = command.Wait()
		close(p.ended)
	}()
	return p, nil
}

func parseAddresses(line string) (addresses []netip.AddrPort, err error) {
	for _, field := range strings.Fields(line) {
		address, err := netip.ParseAddrPort(field)
		if err != nil {
			return nil, err
		}
		addresses = append(addresses, address)
	}
	if len(addresses) == 0 {
		return nil, errors.New("no address")
	}
	return addresses, nil
}

// Stop ends the peer, by force if it is still there when ctx ends.
func (p *Process) Stop(ctx context.Context) error {
	p.stdin.Close()
	select {
	case <-p.ended:
		return p.err
	case <-ctx.Done():
		return errors.Join(ctx.Err(), p.command.Process.Kill())
	}
}

// With returns a server that stops serving when one of its peers is gone, and ends the peers when it
// has drained.
func With(server fixture.Server, peers ...*Process) fixture.Server {
	return &serverWithPeers{Server: server, peers: peers}
}

type serverWithPeers struct {
	fixture.Server
	peers []*Process
}

// Serve returns an error at once when a peer ends: every further reply would be a failure.
func (s *serverWithPeers) Serve(listener net.Listener) error {
	stopped := make(chan error, 1+len(s.peers))
	go func() { stopped <- s.Server.Serve(listener) }()
	for _, p := range s.peers {
		go func() {
			<-p.ended
			stopped <- fmt.Errorf("the %s process has ended (%v)", p.name, p.command.ProcessState)
		}()
	}
	return <-stopped
}

// Drain finishes the requests in flight, which need the peers, and then ends the peers.
func (s *serverWithPeers) Drain(ctx context.Context) error {
	err := s.Server.Drain(ctx)
	for _, p := range s.peers {
		err = errors.Join(err, p.Stop(ctx))
	}
	return err
}

// Package shards runs a server as several threads that share nothing: one per CPU, pinned to it,
// each with its own listening socket on the same address (SO_REUSEPORT) among which the kernel
// spreads the connections, and its own loop.
package shards

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"runtime"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"

	"pollgate/go-fixtures/internal/affinity"
)

// Loop is the server of one thread. Open and Run are called on that thread, to which their
// goroutine is locked.
type Loop interface {
	// Open makes what Run needs. listener is a listening socket, which is the loop's to close; wake
	// is an eventfd that becomes readable when the drain begins, which is not.
	Open(listener, wake int) error
	// Run serves. When wake becomes readable it closes the listener and the idle connections,
	// finishes the requests in flight, and returns nil.
	Run() error
	// Connections returns how many are open; any thread may ask.
	Connections() int
}

// maxThreads is how many a server may have.
const maxThreads = 1024

// ThreadsFlag defines --threads, for New; CheckThreads says whether it may be so.
func ThreadsFlag(flags *flag.FlagSet) *int {
	return flags.Int("threads", 0, "`number` of threads; 0 = one for each CPU that it may run on")
}

// CheckThreads returns what is wrong with the value of --threads.
func CheckThreads(threads int) error {
	if threads < 0 || threads > maxThreads {
		return fmt.Errorf("--threads: saw %d, want 0 to %d", threads, maxThreads)
	}
	return nil
}

// Refusals tells of connections that a loop closes instead of answering: of the first one only, since
// under load the same error comes thousands of times a second.
type Refusals struct{ told bool }

// Tell logs why the connection was closed, unless one was told of before.
func (r *Refusals) Tell(log func(format string, args ...any), err error) {
	if !r.told {
		r.told = true
		log("closed a connection instead of answering (further ones are not reported): %v", err)
	}
}

// Server is a fixture.Server made of loops.
type Server struct {
	loops []Loop
	cpus  []int
	wakes []int
	// ended receives what each loop's Run returned.
	ended chan error
	// drained says how the loops have ended: nil, or the error of the first that failed.
	drained  chan error
	draining atomic.Bool
}

// CPUs returns the CPUs that the process may run on: the default for one thread on each.
func CPUs() ([]int, error) {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return nil, fmt.Errorf("sched_getaffinity: %w", err)
	}
	var cpus []int
	for cpu := range len(set) * 64 {
		if set.IsSet(cpu) {
			cpus = append(cpus, cpu)
		}
	}
	return cpus, nil
}

// New returns a server of so many threads; 0 = one for each CPU that the process may run on. More
// threads than CPUs share them in turn.
func New(threads int, newLoop func() Loop) (*Server, error) {
	cpus, err := CPUs()
	if err != nil {
		return nil, err
	}
	if threads == 0 {
		threads = len(cpus)
	}
	s := &Server{ended: make(chan error, threads), drained: make(chan error, 1)}
	for i := range threads {
		s.loops = append(s.loops, newLoop())
		s.cpus = append(s.cpus, cpus[i%len(cpus)])
	}
	return s, nil
}

// Prepare starts the threads, and returns when all accept connections or one of them could not.
//
// The first listener was bound without SO_REUSEPORT, so that a server left over on the port is an
// error and not a silent partner; it gets the option now, and the others join it.
func (s *Server) Prepare(first net.Listener) error {
	descriptors, err := listeners(first, len(s.loops))
	if err != nil {
		return err
	}
	opened := make(chan error, len(s.loops))
	for i, loop := range s.loops {
		wake, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
		if err != nil {
			return fmt.Errorf("eventfd: %w", err)
		}
		s.wakes = append(s.wakes, wake)
		go s.run(loop, s.cpus[i], descriptors[i], wake, opened)
	}
	for range s.loops {
		if err := <-opened; err != nil {
			return err
		}
	}
	return nil
}

// run is a thread. It never unlocks it: a pinned thread must not go back to the runtime.
func (s *Server) run(loop Loop, cpu, listener, wake int, opened chan<- error) {
	runtime.LockOSThread()
	err := affinity.Pin(0, cpu)
	if err == nil {
		err = loop.Open(listener, wake)
	}
	opened <- err
	if err == nil {
		s.ended <- loop.Run()
	}
}

// Serve waits until all loops have drained, or one has failed.
func (s *Server) Serve(net.Listener) error {
	for range s.loops {
		if err := <-s.ended; err != nil {
			s.drained <- err
			return err
		}
		if !s.draining.Load() {
			return errors.New("a thread ended by itself")
		}
	}
	s.drained <- nil
	return nil
}

// Drain wakes the threads and waits for their end.
func (s *Server) Drain(ctx context.Context) error {
	s.draining.Store(true)
	for _, wake := range s.wakes {
		one := [8]byte{1} // Any number but 0, in any byte order.
		if _, err := unix.Write(wake, one[:]); err != nil {
			return fmt.Errorf("wake a thread: %w", err)
		}
	}
	select {
	case err := <-s.drained:
		return err
	case <-ctx.Done():
		open := 0
		for _, loop := range s.loops {
			open += loop.Connections()
		}
		return fmt.Errorf("%d connections had a request in flight: %w", open, ctx.Err())
	}
}

// listeners returns count listening sockets on the address of first, which it takes over.
func listeners(first net.Listener, count int) ([]int, error) {
	config := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error { return reusePort(raw) }}
	raw, err := first.(*net.TCPListener).SyscallConn()
	if err == nil {
		err = reusePort(raw)
	}
	if err != nil {
		return nil, fmt.Errorf("set SO_REUSEPORT: %w", err)
	}
	var descriptors []int
	for i := range count {
		listener := first
		if i > 0 {
			if listener, err = config.Listen(context.Background(), "tcp", first.Addr().String()); err != nil {
				return nil, fmt.Errorf("one more socket on the same address: %w", err)
			}
		}
		// Not closed before the next one has joined: with the last socket the port would be gone.
		defer listener.Close()
		descriptor, err := detach(listener)
		if err != nil {
			return nil, err
		}
		descriptors = append(descriptors, descriptor)
	}
	return descriptors, nil
}

func reusePort(raw syscall.RawConn) error {
	var err error
	controlErr := raw.Control(func(fd uintptr) {
		err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
	})
	return errors.Join(controlErr, err)
}

// detach returns a descriptor of a listener that the runtime does not poll. Accepted connections
// inherit TCP_NODELAY, which package net sets, too.
func detach(listener net.Listener) (int, error) {
	file, err := listener.(*net.TCPListener).File()
	if err != nil {
		return 0, err
	}
	defer file.Close()
	descriptor, err := unix.FcntlInt(file.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return 0, os.NewSyscallError("fcntl", err)
	}
	return descriptor, errors.Join(unix.SetNonblock(descriptor, true),
		unix.SetsockoptInt(descriptor, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1))
}

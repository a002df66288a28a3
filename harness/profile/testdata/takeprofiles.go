// Takeprofiles does a little of everything that a profile shows and writes one profile of each kind:
// cpu, heap, goroutine, block, mutex, and an earlier block profile for a delta.
//
//	takeprofiles DIR
package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"sync"
	"time"
)

func main() {
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(dir string) error {
	runtime.SetBlockProfileRate(1)
	runtime.SetMutexProfileFraction(1)
	runtime.MemProfileRate = 512
	cpu, err := os.Create(filepath.Join(dir, "cpu.pb.gz"))
	if err != nil {
		return err
	}
	if err := pprof.StartCPUProfile(cpu); err != nil {
		return err
	}
	release := make(chan struct{})
	var parked sync.WaitGroup
	for range 5 {
		parked.Add(1)
		pprof.Do(context.Background(), pprof.Labels("role", "parked"), func(context.Context) {
			go func() { parked.Done(); <-release }()
		})
	}
	parked.Wait()
	pprof.Do(context.Background(), pprof.Labels("role", "spinner"), func(context.Context) { spin(600 * time.Millisecond) })
	contend()
	if err := write(dir, "block-earlier", "block"); err != nil {
		return err
	}
	contend()
	kept := allocate()
	pprof.StopCPUProfile()
	if err := cpu.Close(); err != nil {
		return err
	}
	for _, kind := range []string{"heap", "goroutine", "block", "mutex"} {
		if err := write(dir, kind, kind); err != nil {
			return err
		}
	}
	runtime.KeepAlive(kept)
	close(release)
	return nil
}

func write(dir, name, kind string) error {
	file, err := os.Create(filepath.Join(dir, name+".pb.gz"))
	if err != nil {
		return err
	}
	if err := pprof.Lookup(kind).WriteTo(file, 0); err != nil {
		return err
	}
	return file.Close()
}

var sink uint64

// step is small enough to be inlined into its caller.
func step(x uint64) uint64 { return x*6364136223846793005 + 1442695040888963407 }

func spin(d time.Duration) {
	for end := time.Now().Add(d); time.Now().Before(end); {
		x := sink
		for range 100_000 {
			x = step(x)
		}
		sink = descend(40, x)
	}
}

//go:noinline
func descend(depth int, x uint64) uint64 {
	if depth == 0 {
		return step(x)
	}
	return descend(depth-1, step(x)) + 1
}

// contend makes goroutines wait for a mutex for longer than 0.27 s together: 2^28 ns.
func contend() {
	var mu sync.Mutex
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			mu.Lock()
			defer mu.Unlock()
			time.Sleep(20 * time.Millisecond)
		})
	}
	all.Wait()
}

func allocate() [][]byte {
	var kept [][]byte
	for i := range 2000 {
		kept = append(kept, make([]byte, 100+i))
	}
	return kept
}

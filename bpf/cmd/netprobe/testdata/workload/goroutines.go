package main

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"net"
	"os"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// inGoroutines runs work between two lines that say runtime.NumGoroutine.
func inGoroutines(work func()) {
	start()
	say(fmt.Sprint(runtime.NumGoroutine()))
	work()
	say(fmt.Sprint(runtime.NumGoroutine()))
}

// awaitGoroutines returns when the runtime itself counts so many. It does not while one that has
// done its work is still on its way out.
func awaitGoroutines(count int) {
	for runtime.NumGoroutine() != count {
		runtime.Gosched()
	}
}

// lives: 101 goroutines born and ended, 23 born and alive, 7 older ones ended and 5 alive; 11
// coroutines born and ended, 17 left as they are.
func lives() {
	stopOlder, never := make(chan int), make(chan int)
	for range 7 {
		go await(stopOlder)
	}
	for range 5 {
		go await(never)
	}
	inGoroutines(func() {
		before := runtime.NumGoroutine()
		for range 101 {
			bear()
		}
		for range 23 {
			go await(never)
		}
		close(stopOlder)
		for range 11 {
			next, stop := iter.Pull(numbers)
			next()
			stop()
		}
		for range 17 {
			pulled, _ = iter.Pull(numbers)
		}
		awaitGoroutines(before + 23 - 7 + 17)
	})
}

var pulled func() (int, bool)

func numbers(yield func(int) bool) {
	for i := 0; yield(i); i++ {
	}
}

func await(until chan int) { <-until }

//go:noinline
func bear() { bearChild() }

//go:noinline
func bearChild() { go func() {}() }

// rebirths: 100,003 short lives, so that every g of the runtime is used again and again.
func rebirths() {
	inGoroutines(func() {
		before := runtime.NumGoroutine()
		for made := 0; made < 100_003; {
			var batch sync.WaitGroup
			for range min(500, 100_003-made) {
				batch.Go(func() {})
				made++
			}
			batch.Wait()
		}
		awaitGoroutines(before)
	})
}

// blockers start goroutines that wait for something, each for something else, until they are
// released.
type blockers struct {
	wake   chan int
	locked sync.Mutex
	ctx    context.Context
	cancel context.CancelFunc
	peers  []int
}

//go:noinline
func (b *blockers) onChannel() { go func() { <-b.wake }() }

//go:noinline
func (b *blockers) onMutex() {
	go func() {
		b.locked.Lock()
		b.locked.Unlock()
	}()
}

//go:noinline
func (b *blockers) onSelect() {
	other := make(chan int)
	go func() {
		select {
		case <-b.wake:
		case <-other:
		}
	}()
}

//go:noinline
func (b *blockers) onNetwork() {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	check(err)
	b.peers = append(b.peers, pair[1])
	file := os.NewFile(uintptr(pair[0]), "socket")
	conn, err := net.FileConn(file)
	check(err)
	check(file.Close())
	go func() { conn.Read(make([]byte, 1)) }()
}

//go:noinline
func (b *blockers) onContext() { go func() { <-b.ctx.Done() }() }

func (b *blockers) release() {
	close(b.wake)
	b.locked.Unlock()
	b.cancel()
	closeAll(b.peers...)
}

// forgets: goroutines that never end, born evenly over 60 steps; remembers: the same ones, all
// released and ended before it is done. Beside them works a pool of 13 that is alive at the end.
func forgets()   { block(false) }
func remembers() { block(true) }

func block(release bool) {
	b := &blockers{wake: make(chan int)}
	b.locked.Lock()
	b.ctx, b.cancel = context.WithCancel(context.Background())
	jobs := make(chan int)
	inGoroutines(func() {
		for range 13 {
			go worker(jobs)
		}
		before := runtime.NumGoroutine()
		const steps = 60
		for step := range steps {
			for kind, born := range map[*int]func(){
				&onChannel: b.onChannel, &onMutex: b.onMutex, &onSelect: b.onSelect,
				&onNetwork: b.onNetwork, &onContext: b.onContext,
			} {
				for range (step+1)**kind/steps - step**kind/steps {
					born()
				}
			}
			// Not to wait for anything: it makes the window long, against which the time from
			// its beginning to the first step and from the last one to its end is short.
			time.Sleep(30 * time.Millisecond)
		}
		if release {
			b.release()
			awaitGoroutines(before)
			return
		}
		awaitAllParked()
	})
}

var onChannel, onMutex, onSelect, onNetwork, onContext = 41, 43, 47, 53, 59

func worker(jobs chan int) {
	for range jobs {
	}
}

// awaitAllParked returns when only this goroutine is not waiting.
func awaitAllParked() {
	dump := make([]byte, 1<<20)
	for {
		n := runtime.Stack(dump, true)
		if !anyRunnable(dump[:n]) {
			return
		}
		runtime.Gosched()
	}
}

func anyRunnable(dump []byte) bool {
	_, others, _ := bytes.Cut(dump, []byte("\n\n")) // the first is the one that asks
	return bytes.Contains(others, []byte(" [runnable")) || bytes.Contains(others, []byte(" [running"))
}

// wakes: two goroutines wake each other as often as they can, until it is given another line.
func wakes() {
	start()
	over := make(chan struct{})
	go func() {
		hear()
		close(over)
	}()
	there, back := make(chan struct{}), make(chan struct{})
	go func() {
		for range there {
			back <- struct{}{}
		}
	}()
	for {
		select {
		case <-over:
			return
		case there <- struct{}{}:
			<-back
		}
	}
}

package main

import (
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// spin does one thing many times for each line that it hears, and says how many nanoseconds of
// CPU time one of it took. It serves to measure what an attached probe costs.
func spin() {
	const times = 100_000
	once := spins[os.Args[2]]()
	once(times) // warm up
	say("ready")
	for {
		hear()
		began := cpuTime()
		once(times)
		say(fmt.Sprint(float64(cpuTime()-began) / times))
	}
}

// cpuTime is what the process has used, in nanoseconds. Elapsed time would charge a probe with
// what other programs do on the same CPU.
func cpuTime() int64 {
	var used unix.Timespec
	check(unix.ClockGettime(unix.CLOCK_PROCESS_CPUTIME_ID, &used))
	return used.Nano()
}

// spins prepare the loop of each kind of work.
var spins = map[string]func() func(times int){
	"read": func() func(int) {
		zero, buffer := open(), make([]byte, 1)
		return func(times int) {
			for range times {
				must(unix.Read(zero, buffer))
			}
		}
	},
	"open and close": func() func(int) {
		return func(times int) {
			for range times {
				closeAll(open())
			}
		}
	},
	"epoll_wait": func() func(int) {
		epoll, events := must(unix.EpollCreate1(0)), make([]unix.EpollEvent, 1)
		return func(times int) {
			for range times {
				must(unix.EpollWait(epoll, events, 0))
			}
		}
	},
	"write and read of a connection": func() func(int) {
		pair, buffer := connectPair(listenHere()), make([]byte, 1)
		return func(times int) {
			for range times {
				must(unix.Write(pair.client, buffer))
				must(unix.Read(pair.server, buffer))
			}
		}
	},
	"ring request": func() func(int) {
		ring, err := newCountedRing()
		check(err)
		return func(times int) {
			for range times {
				ring.put(request{opcode: opNop})
				ring.enter(1)
				ring.reap(1)
			}
		}
	},
	"goroutine switch": func() func(int) {
		runtime.GOMAXPROCS(1)
		return func(times int) {
			for range times {
				runtime.Gosched()
			}
		}
	},
	"goroutine": func() func(int) {
		runtime.GOMAXPROCS(1)
		return func(times int) {
			done := make(chan struct{})
			for range times {
				go func() { done <- struct{}{} }()
				<-done
			}
		}
	},
	// Two goroutines on one thread pass a byte to and fro: two wake-ups by the netpoller.
	"network wake-up": func() func(int) {
		runtime.GOMAXPROCS(1)
		toReader, toWriter := pipe(), pipe()
		go func() {
			buffer := make([]byte, 1)
			for {
				must(toReader[0].Read(buffer))
				must(toWriter[1].Write(buffer))
			}
		}()
		return func(times int) {
			buffer := make([]byte, 1)
			for range times / 2 {
				must(toReader[1].Write(buffer))
				must(toWriter[0].Read(buffer))
			}
		}
	},
}

func pipe() [2]*os.File {
	reader, writer, err := os.Pipe()
	check(err)
	return [2]*os.File{reader, writer}
}

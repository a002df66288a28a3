package main

import (
	"fmt"
	"os"
	"runtime/pprof"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// burn spends the CPU time of its second argument (such as 5s) in one function while another goroutine
// sleeps, and says how much the process used. With a third one, Go's own profile of the same time
// goes into that file.
func burn() {
	wanted, err := time.ParseDuration(os.Args[2])
	check(err)
	go time.Sleep(time.Hour)
	var profile *os.File
	if len(os.Args) > 3 {
		profile, err = os.Create(os.Args[3])
		check(err)
	}
	start()
	if profile != nil {
		check(pprof.StartCPUProfile(profile))
	}
	began := cpuTime()
	for cpuTime()-began < wanted.Nanoseconds() {
		burned += burnHere(burned)
	}
	used := cpuTime() - began
	if profile != nil {
		pprof.StopCPUProfile()
		check(profile.Close())
	}
	say(strconv.FormatInt(used, 10))
}

var burned uint64

// burnHere takes some ten milliseconds. It calls nobody and has no frame of its own.
//
//go:noinline
func burnHere(n uint64) uint64 {
	for range 30_000_000 {
		n = n*6364136223846793005 + 1442695040888963407
	}
	return n
}

// copies spends CPU time in runtime.memmove, which is assembly without a frame, and in system calls.
func copies() {
	wanted, err := time.ParseDuration(os.Args[2])
	check(err)
	from, to := make([]byte, 1<<20), make([]byte, 1<<20)
	null := open()
	start()
	began := cpuTime()
	for cpuTime()-began < wanted.Nanoseconds() {
		for range 100 {
			copyHere(to, from)
		}
		for range 10_000 {
			writeHere(null, from[:1])
		}
	}
	say(fmt.Sprint(cpuTime() - began))
}

// clocks spends CPU time in reading a clock, which the kernel's code in every process does.
func clocks() {
	wanted, err := time.ParseDuration(os.Args[2])
	check(err)
	start()
	began, read := cpuTime(), time.Duration(0)
	for cpuTime()-began < wanted.Nanoseconds() {
		for range 10_000 {
			read += time.Since(time.Time{})
		}
	}
	say(fmt.Sprint(read))
}

//go:noinline
func copyHere(to, from []byte) { copy(to, from) }

//go:noinline
func writeHere(fd int, data []byte) { must(unix.Write(fd, data)) }

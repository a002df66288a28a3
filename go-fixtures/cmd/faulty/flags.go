package main

import (
	"errors"
	"flag"
	"fmt"
	"os"

	"pollgate/go-fixtures/cmd/faulty/internal/fault"
)

// What --profile-rates records: every wait of 10 µs and more, one contention in ten.
const (
	blockProfileRateNs   = 10_000
	mutexProfileFraction = 10
)

// maxIdleConnections is about as many ports as one address has for connections to another.
const maxIdleConnections = 28_000

// flags are faulty's own.
type flags struct {
	names        string
	correct      bool
	list         bool
	profileRates bool
	options      fault.Options
}

func defineFlags(set *flag.FlagSet) *flags {
	f := &flags{}
	set.StringVar(&f.names, "fault", "", "`names` of the faults, separated by commas; see --list")
	set.BoolVar(&f.correct, "correct", false, "be the correct twin: the same work without the mistake")
	set.BoolVar(&f.list, "list", false, "print the faults as JSON and exit")
	set.BoolVar(&f.profileRates, "profile-rates", false,
		"record block and mutex profiles, which a server in production mostly does not")
	set.IntVar(&f.options.IdleConnections, "idle-connections", 1000,
		fmt.Sprintf("`number` of connections for idle-connections, 1 to %d", maxIdleConnections))
	set.StringVar(&f.options.Dir, "dir", os.TempDir(), "`directory` for the file of slow-storage")
	return f
}

// faults returns those that were named, or what is wrong with the flags.
func (f *flags) faults() ([]fault.Fault, error) {
	if f.names == "" {
		return nil, errors.New("give --fault NAME, or --list to see the names")
	}
	if f.options.IdleConnections < 1 || f.options.IdleConnections > maxIdleConnections {
		return nil, fmt.Errorf("--idle-connections %d is not between 1 and %d", f.options.IdleConnections, maxIdleConnections)
	}
	return fault.Find(f.names)
}

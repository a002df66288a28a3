package session

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"pollgate/go-fixtures/internal/affinity"
)

// PrepareProcess sets the whole process up for measuring. cpus, unless empty, are
// all that its threads may use: a runtime thread elsewhere would disturb the
// server, and one beside the generator only runs when the generator waits.
func PrepareProcess(cpus []int) error {
	// Collections run only where Run asks for them, between phases.
	debug.SetGCPercent(-1)
	// The loops never give their P away; others are needed to read the control
	// input and to write events.
	runtime.GOMAXPROCS(max(2+len(cpus), runtime.GOMAXPROCS(0)))
	if len(cpus) == 0 {
		return nil
	}
	if err := affinity.PinAll(cpus...); err != nil {
		return fmt.Errorf("pin to CPUs %v: %w", cpus, err)
	}
	return nil
}

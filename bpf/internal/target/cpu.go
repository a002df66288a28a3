package target

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// CPUNs is the CPU time that the process has used so far, in ns: of all its threads, also of those
// that have ended.
func (t *Target) CPUNs() (int64, error) {
	// The clock of a process by its number: clock_getcpuclockid(3), CPUCLOCK_SCHED in
	// include/linux/posix-timers.h.
	clock := int32(^t.PID)<<3 | 2
	var used unix.Timespec
	if err := unix.ClockGettime(clock, &used); err != nil {
		return 0, fmt.Errorf("read the CPU time of process %d: %w", t.PID, err)
	}
	return used.Nano(), nil
}

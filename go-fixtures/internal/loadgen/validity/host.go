package validity

import "time"

const (
	// busyLimit: beyond it, chance meetings of sends and replies alone make a
	// noticeable share of them wait for each other (in an M/D/1 queue four in ten,
	// at 0.7, wait for longer than the work on one takes).
	busyLimit = 0.7
	// A neighbour on the generator's core preempts it once per scheduler slice (3 ms),
	// when both are busy. The kernel's own threads and an occasional neighbour come
	// to about a hundred per second on a machine that is shared with the server.
	switchLimitPerSec = 250
	switchFloor       = 50
	// Waiting for the core beyond what each wake-up costs anyway. The allowance is
	// for a virtual CPU that was halted.
	runQueueLimit       = 0.02
	runQueueFloorNs     = 2_000_000
	runQueuePerWakeUpNs = 25_000
	// Steal is counted in ticks; less than three of them may be rounding.
	stealLimit = 0.01
	stealTicks = 3
)

// workReasons: how much of its time the generator worked.
func workReasons(in *Input) []Reason {
	u := in.Usage
	ratio := perThread(in, u.CPUNs-u.EmptyPollNs)
	if ratio <= busyLimit {
		return nil
	}
	return []Reason{{"busy", Suspect, ByGenerator, ratio, busyLimit, "ratio",
		"the generator was busy " + percentText(ratio) + " of the time, over " + percentText(busyLimit)}}
}

// hostReasons: what others took from the generator.
func hostReasons(in *Input) []Reason {
	u := in.Usage
	var reasons []Reason
	rate := perThread(in, u.InvoluntarySwitches*int64(time.Second))
	if rate > switchLimitPerSec && u.InvoluntarySwitches >= switchFloor {
		reasons = append(reasons, Reason{"preempted", Suspect, ByHost, rate, switchLimitPerSec, "perSec",
			"the generator was preempted " + threeDigits(rate) + " times a second, over " + threeDigits(switchLimitPerSec)})
	}
	waited := u.RunQueueNs - runQueuePerWakeUpNs*u.VoluntarySwitches
	if share := perThread(in, waited); share > runQueueLimit && waited >= runQueueFloorNs {
		reasons = append(reasons, Reason{"run-queue", Suspect, ByHost, share, runQueueLimit, "ratio",
			"the generator waited for its core " + percentText(share) + " of the time, over " + percentText(runQueueLimit)})
	}
	if share := perThread(in, u.StealNs); share > stealLimit && u.StealNs >= stealTicks*u.StealResolutionNs {
		reasons = append(reasons, Reason{"steal", Suspect, ByHost, share, stealLimit, "ratio",
			"the hypervisor took " + percentText(share) + " of the generator's core, over " + percentText(stealLimit)})
	}
	return reasons
}

// perThread is a sum over the threads as a share of the phase.
func perThread(in *Input, sum int64) float64 {
	if in.Usage.ThreadNs > 0 {
		return float64(sum) / float64(in.Usage.ThreadNs)
	}
	return float64(sum) / float64(max(in.EndNs-in.StartNs, 1)) / float64(in.Usage.Threads)
}

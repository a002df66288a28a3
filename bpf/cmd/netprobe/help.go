package main

import (
	"fmt"
	"strings"

	"pollgate/bpf/internal/probe"
	"pollgate/bpf/probes"
)

const usage = `usage:
  netprobe run --target NAME=PID [--target NAME=PID …] --out FILE
               [--set kernel|runtime|full|sampled | --probes NAME,NAME…]
               [--map-entries N] [--perf-uprobes] [--netpoll-alarm DURATION]
               [--leak-age DURATION] [--slow-call DURATION] [--budget PERCENT]
               [--uring-alarm PERCENT]
  netprobe show [--target NAME] FILE
  netprobe check [--json]
  netprobe list [--json]
  netprobe help
`

// help is usage with what one has to know to use it.
func help() {
	fmt.Print("netprobe watches running processes from the kernel, without a change to them.\n\n", usage, `
run    attaches and says {"event":"ready"}; on its standard input the line "begin" opens the
       window and "end" closes it, writes FILE and ends. By hand:
         (echo begin; sleep 10; echo end) | netprobe run --target it=PID --out FILE
show   tells in plain text what FILE says; one target of several with --target
check  what this machine allows, by doing it, and the command that mends what it does not
list   probes, metrics, units

--target NAME=PID         a process to watch, up to 8; NAME is for the result
--out FILE                appears when the window has closed, or not at all
--set                     probes by what they cost the target:
`)
	for _, set := range probe.Sets {
		fmt.Printf("    %-22s%s\n", set, strings.Join(probesOf(set), " "))
	}
	fmt.Printf("    %-22s%s\n", probe.SampledSet, "kernel throughout; "+strings.Join(sampledProbes(), " ")+
		" for 0.2 s of every 2 s")
	fmt.Print(`--probes NAME,NAME…       some probes by name
--map-entries N           room per target for descriptors and for goroutines made ready (65,536);
                          what does not fit is counted as lost
--netpoll-alarm DURATION  how long a loop of the netpoller may take (1ms; a plain number is ns)
--uring-alarm PERCENT     how full a completion queue of an io_uring may be (50); beyond it netprobe says
                          so at once, and where the goroutines stood
--slow-call DURATION      from when on a system call is told of one by one (5ms)
--leak-age DURATION       how old a goroutine must be to be a candidate for a leak (a quarter of
                          the window)
--budget PERCENT          how much of the targets' CPU time watching may take, estimated four times a
                          second; above it the dearest probe with uprobes is taken off
--perf-uprobes            the road for kernels before 6.6, which needs CAP_SYS_ADMIN, on any kernel

needs: Linux 5.15 with BTF; CAP_BPF and CAP_PERFMON, and CAP_SYS_PTRACE for other users' processes
exit codes: 0 done, 2 wrong usage or a file that cannot be shown, 4 cannot attach,
            5 missing privilege, 130 interrupted
`)
}

// probesOf has the names of the probes that a set has and an earlier one has not.
func probesOf(set probe.Set) []string {
	var names []string
	if set != probe.Sets[0] {
		names = append(names, "and")
	}
	for _, p := range probes.All {
		if p.Manifest.Set == set {
			names = append(names, p.Manifest.Name)
		}
	}
	return names
}

// sampledProbes has the names of those that are on in bursts.
func sampledProbes() []string {
	var names []string
	for _, p := range probes.All {
		if p.Manifest.Sampled {
			names = append(names, p.Manifest.Name)
		}
	}
	return names
}

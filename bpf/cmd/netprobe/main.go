// Netprobe watches running processes from the kernel: how long goroutines wait after the network
// made them ready, how long polls and reads and writes take, which system calls are made, and
// what becomes of descriptors.
//
//	netprobe run --target NAME=PID [--target …] --out FILE
//	             [--set kernel|runtime|full | --probes NAME,NAME…]
//	             [--map-entries N] [--perf-uprobes] [--netpoll-alarm DURATION]
//	             [--leak-age DURATION] [--slow-call DURATION]
//	netprobe show [--target NAME] FILE
//	netprobe check [--json]
//	netprobe list [--json]
//	netprobe help
//
// Run attaches, prints {"event":"ready"}, and obeys two lines on its standard input: `begin`
// opens the window, `end` closes it, writes FILE and ends the program. The end of the input or a
// signal before that detaches and writes nothing. --set takes the probes by what they cost the
// target: those without a uprobe (kernel, the default), those of the Go scheduler too (runtime),
// or all (full). --map-entries is the room per target for open
// descriptors and for goroutines made ready (65,536); what does not fit is counted as lost.
// --leak-age is how old a goroutine must be at the end to be a candidate for a leak (a quarter of the
// window).
// --netpoll-alarm is how long a loop of the netpoller may take (1ms; a plain number is ns).
// --slow-call is from how long on a system call is told of one by one (5ms; a plain number is ns).
// --perf-uprobes takes the road for kernels before 6.6, which needs CAP_SYS_ADMIN, on any kernel.
//
// Show tells in plain text what FILE says.
//
// Exit codes: 0 done, 2 wrong usage or a file that cannot be shown, 4 cannot attach, 5 missing privilege, 130 interrupted.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"

	"golang.org/x/sys/unix"

	"pollgate/bpf/internal/caps"
	"pollgate/bpf/internal/session"
)

const (
	exitOK          = 0
	exitUsage       = 2
	exitAttach      = 4
	exitPrivilege   = 5
	exitInterrupted = 130
)

// usageError is a command line that cannot be obeyed.
type usageError struct{ message string }

func (e *usageError) Error() string { return e.message }

func main() {
	// With capabilities of the file, and not of its user, a process may not read its own
	// /proc/self/mem unless it is dumpable; finding the kernel's version needs that. A refusal
	// shows there.
	_ = unix.Prctl(unix.PR_SET_DUMPABLE, 1, 0, 0, 0)
	ctx, stop := signal.NotifyContext(context.Background(), unix.SIGINT, unix.SIGTERM)
	err := dispatch(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintf(os.Stderr, "netprobe: %s\n", oneLine(err))
	}
	os.Exit(exitCode(err))
}

func dispatch(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return &usageError{"no command given\n" + usage}
	}
	switch command, rest := args[0], args[1:]; command {
	case "run":
		return run(ctx, rest)
	case "show":
		return runShow(rest)
	case "check":
		return runCheck(rest)
	case "list":
		return list(rest)
	case "help", "-h", "--help":
		help()
		return nil
	default:
		return &usageError{fmt.Sprintf("unknown command %q\n%s", command, usage)}
	}
}

func exitCode(err error) int {
	var wrongUsage *usageError
	var missing *caps.MissingError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &wrongUsage), errors.Is(err, session.ErrProtocol):
		return exitUsage
	case errors.As(err, &missing):
		return exitPrivilege
	case errors.Is(err, session.ErrInterrupted):
		return exitInterrupted
	default:
		return exitAttach
	}
}

// oneLine joins the parts of a compound error; only the usage text keeps its lines.
func oneLine(err error) string {
	var wrongUsage *usageError
	if errors.As(err, &wrongUsage) {
		return strings.TrimSuffix(err.Error(), "\n")
	}
	return strings.ReplaceAll(err.Error(), "\n", "; ")
}

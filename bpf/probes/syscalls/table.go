package syscalls

import (
	"slices"

	"pollgate/bpf/internal/sysnum"
)

// row is one histogram: a system call together with its variants that ask for the same.
type row struct {
	// call is the name in the details, that of the variant which Go programs use.
	call   string
	metric string
	// names are the system calls; those that an architecture does not have are left out there.
	names []string
	// on are those of the names whose first argument is a descriptor that outlives the call.
	on     []string
	family string
}

const (
	reads  = "readNs"
	writes = "writeNs"
)

// families are the metrics that are sums of rows.
var families = []string{reads, writes}

// rows is in the order of the histograms in syscalls.bpf.c, and the first ones in that of its
// `enum row`.
var rows = []row{
	{call: "futex", metric: "syscallFutexNs", names: []string{"futex", "futex_wake", "futex_requeue"}},
	{call: "futexWait", metric: "syscallFutexWaitNs", names: []string{"futex_wait", "futex_waitv"}},
	onFile("io_uring_enter", "syscallIoUringEnterNs", ""),
	// Told from the one above by its arguments.
	{call: "io_uring_enterWait", metric: "syscallIoUringEnterWaitNs"},
	onFile("accept4", "syscallAcceptNs", "", "accept"),
	{call: "nanosleep", metric: "syscallNanosleepNs", names: []string{"nanosleep", "clock_nanosleep"}},

	onFile("read", "syscallReadNs", reads),
	onFile("pread64", "syscallPread64Ns", reads),
	onFile("readv", "syscallReadvNs", reads),
	onFile("preadv", "syscallPreadvNs", reads, "preadv2"),
	onFile("recvfrom", "syscallRecvfromNs", reads),
	onFile("recvmsg", "syscallRecvmsgNs", reads),
	onFile("recvmmsg", "syscallRecvmmsgNs", reads),
	onFile("write", "syscallWriteNs", writes),
	onFile("pwrite64", "syscallPwrite64Ns", writes),
	onFile("writev", "syscallWritevNs", writes),
	onFile("pwritev", "syscallPwritevNs", writes, "pwritev2"),
	onFile("sendto", "syscallSendtoNs", writes),
	onFile("sendmsg", "syscallSendmsgNs", writes),
	onFile("sendmmsg", "syscallSendmmsgNs", writes),
	onFile("sendfile", "syscallSendfileNs", writes),
	onFile("splice", "syscallSpliceNs", "", "copy_file_range"),
	onFile("connect", "syscallConnectNs", ""),
	{call: "close", metric: "syscallCloseNs", names: []string{"close"}},
	{call: "openat", metric: "syscallOpenNs", names: []string{"open", "openat", "openat2", "creat"}},
	{call: "unlinkat", metric: "syscallUnlinkNs", names: []string{"unlink", "unlinkat"}},
	{call: "renameat", metric: "syscallRenameNs", names: []string{"rename", "renameat", "renameat2"}},
	onFile("fsync", "syscallFsyncNs", "", "fdatasync", "sync_file_range"),
	onFile("getdents64", "syscallGetdents64Ns", ""),
	onFile("fallocate", "syscallFallocateNs", ""),
	onFile("ftruncate", "syscallFtruncateNs", ""),
	{call: "fstat", metric: "syscallFstatNs", names: []string{"fstat", "newfstatat", "statx"},
		on: []string{"fstat"}},
}

// onFile is a row whose calls all have a descriptor as their first argument.
func onFile(call, metric, family string, variants ...string) row {
	names := append([]string{call}, variants...)
	return row{call: call, metric: metric, names: names, on: names, family: family}
}

// Of a code in the table: CODE_HAS_FD in syscalls.bpf.c.
const codeHasFD = 128

// codes is what the program knows of each number: the row + 1, 0 where the call is not timed.
func codes() (table [slots]uint8) {
	for number := range slots {
		name := sysnum.Name(number)
		for i, row := range rows {
			if slices.Contains(row.names, name) {
				table[number] = uint8(i + 1)
			}
			if slices.Contains(row.on, name) {
				table[number] |= codeHasFD
			}
		}
	}
	return table
}

// Metric is the histogram that times a system call, empty if none does. Calls of one kind, such as
// open and openat, share theirs.
func Metric(name string) string {
	for _, row := range rows {
		if slices.Contains(row.names, name) {
			return row.metric
		}
	}
	return ""
}

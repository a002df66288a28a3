//go:build ignore

// SPDX-License-Identifier: Dual BSD/GPL
/*
 * syscalls: how often each system call is made, how long those take that can make a program wait,
 * and which calls took long.
 *
 * Counted at the entry (calls begun inside the window); timed where entry and exit both lie in it.
 * Each timed call is recorded once, under its row; the families (all reads, all writes) are sums
 * of rows, added up when the window has closed.
 */
#include "kernel.h"
#include "histogram.bpf.h"
#include "target.bpf.h"
#include "syscall.bpf.h"
#include "calls.bpf.h"

/* Above the highest number of either architecture; the last slot collects what lies beyond. */
#define SYSCALL_SLOTS 512
/* One histogram each, per target and CPU. */
#define ROWS 32

/* The rows that need a closer look than the number of the call; table.go has these and all others
 * in the same order. */
enum row { FUTEX, FUTEX_WAIT, RING, RING_WAIT, ACCEPT, SLEEP };

#include "slow.bpf.h"

/* What the table says of a number: its row + 1 in the low bits, 0 if it is not timed. */
#define CODE_ROW 63
#define CODE_HAS_FD 128 /* the first argument is a descriptor that outlives the call */
const volatile __u8 timed[SYSCALL_SLOTS];

#define IORING_ENTER_GETEVENTS 1
/* FUTEX_PRIVATE_FLAG and FUTEX_CLOCK_REALTIME go with any operation. */
#define FUTEX_COMMAND(op) ((op) & 127)

/* What block devices had to do with the calls of a row. */
struct blocked {
	__u64 calls;
	__u64 requests;
	__u64 ns;
};

struct row_blocks {
	struct blocked row[ROWS];
};

struct {
	__uint(type, MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, MAX_TARGETS * SYSCALL_SLOTS);
	__type(key, __u32);
	__type(value, __u64);
} syscall_counts SEC(".maps");

struct {
	__uint(type, MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, MAX_TARGETS * ROWS);
	__type(key, __u32);
	__type(value, struct histogram);
} syscall_histograms SEC(".maps");

struct {
	__uint(type, MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, MAX_TARGETS);
	__type(key, __u32);
	__type(value, __u64);
} syscall_thread_state_lost SEC(".maps");

struct {
	__uint(type, MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, MAX_TARGETS);
	__type(key, __u32);
	__type(value, struct row_blocks);
} syscall_blocks SEC(".maps");

INLINE __u8 code_of(__u32 nr)
{
	return nr < SYSCALL_SLOTS ? timed[nr] : 0;
}

/* FUTEX_WAIT, LOCK_PI, WAIT_BITSET, WAIT_REQUEUE_PI, LOCK_PI2 */
INLINE int futex_waits(__u32 op)
{
	return ((1 << 0 | 1 << 6 | 1 << 9 | 1 << 11 | 1 << 13) >> (FUTEX_COMMAND(op) & 31)) & 1;
}

INLINE __u32 row_of_call(__u8 code, struct pt_regs *regs)
{
	__u32 row = (code & CODE_ROW) - 1;

	if (row == FUTEX && futex_waits(syscall_arg1(regs)))
		return FUTEX_WAIT;
	if (row == RING && (syscall_arg3(regs) & IORING_ENTER_GETEVENTS) &&
	    (__u32)syscall_arg2(regs))
		return RING_WAIT;
	return row;
}

SEC("tp_btf/sys_enter")
int syscalls_enter(__u64 *ctx)
{
	int slot = observed_slot();
	__u32 nr = ctx[1];
	struct thread_call *call;
	__u64 *count;
	__u32 index;
	__u8 code;

	if (slot < 0)
		return 0;
	index = slot * SYSCALL_SLOTS + (nr < SYSCALL_SLOTS ? nr : SYSCALL_SLOTS - 1);
	count = bpf_map_lookup_elem(&syscall_counts, &index);
	if (count)
		(*count)++;
	code = code_of(nr);
	if (!code)
		return 0;

	call = thread_call(TASK_STORAGE_CREATE);
	if (call) {
		call->row = row_of_call(code, (struct pt_regs *)ctx[0]);
		call->blocks = 0;
		call->entered_ns = bpf_ktime_get_ns();
		return 0;
	}
	index = slot;
	count = bpf_map_lookup_elem(&syscall_thread_state_lost, &index);
	if (count)
		(*count)++;
	return 0;
}

/* take_blocks is the time in the call in which its requests were at a device. Those that still are
 * there (nobody waits for them) count up to now. */
INLINE __u64 take_blocks(__u32 slot, __u32 row, __u64 entered_ns, __u64 now)
{
	struct call_key key = {.entered_ns = entered_ns, .thread = (__u32)bpf_get_current_pid_tgid()};
	struct call_blocks *blocks = bpf_map_lookup_elem(&call_blocks, &key);
	struct row_blocks *rows;
	__u64 ns;

	if (!blocks)
		return 0;
	ns = blocks->busy_ns;
	if (blocks->outstanding && now > blocks->since_ns)
		ns += now - blocks->since_ns;
	rows = bpf_map_lookup_elem(&syscall_blocks, &slot);
	if (rows) {
		struct blocked *blocked = &rows->row[row & (ROWS - 1)];

		blocked->calls++;
		blocked->requests += blocks->requests;
		blocked->ns += ns;
	}
	bpf_map_delete_elem(&call_blocks, &key);
	return ns;
}

SEC("tp_btf/sys_exit")
int syscalls_exit(__u64 *ctx)
{
	struct pt_regs *regs = (struct pt_regs *)ctx[0];
	__u8 code = code_of(syscall_number(regs));
	__u64 now, entered_ns, block_ns = 0;
	struct thread_call *call;
	struct histogram *h;
	__u32 index, row;
	int slot;

	if (!code)
		return 0;
	slot = observed_slot();
	if (slot < 0)
		return 0;
	call = thread_call(0);
	if (!call || !call->entered_ns)
		return 0; /* entered before the window opened */
	now = bpf_ktime_get_ns();
	entered_ns = call->entered_ns;
	row = call->row;
	call->entered_ns = 0;
	index = slot * ROWS + row;
	h = bpf_map_lookup_elem(&syscall_histograms, &index);
	if (h)
		histogram_record(h, now - entered_ns);
	if (call->blocks)
		block_ns = take_blocks(slot, row, entered_ns, now);
	if (now - entered_ns >= slow_call_ns) {
		struct slow_call told = {
			.place = {.slot = slot, .row = row},
			.entered_ns = entered_ns,
			.ns = now - entered_ns,
			.block_ns = block_ns,
			.result = ctx[1],
			.fd = code & CODE_HAS_FD ? (__s32)syscall_arg0(regs) : -1,
		};

		slow(ctx, regs, &told);
	}
	return 0;
}

const char license_name[] SEC("license") = "Dual BSD/GPL";

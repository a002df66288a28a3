//go:build ignore

// SPDX-License-Identifier: Dual BSD/GPL
/*
 * syscalls: how often each system call is made, and how long those that move data take.
 *
 * Counted at the entry (calls begun inside the window); timed where entry and exit both lie in it.
 */
#include "kernel.h"
#include "histogram.bpf.h"
#include "target.bpf.h"
#include "syscall.bpf.h"

/* Above the highest number of either architecture; the last slot collects what lies beyond. */
#define SYSCALL_SLOTS 512

/* Order of the histograms of one target in the map; probes/syscalls/syscalls.go has the same. */
enum family { READ, WRITE, FAMILIES, UNTIMED = FAMILIES };

struct thread_state {
	__u64 entered_ns;
};

struct {
	__uint(type, MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, MAX_TARGETS * SYSCALL_SLOTS);
	__type(key, __u32);
	__type(value, __u64);
} syscall_counts SEC(".maps");

struct {
	__uint(type, MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, MAX_TARGETS * FAMILIES);
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
	__uint(type, MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, MAP_NO_PREALLOC);
	__type(key, __s32);
	__type(value, struct thread_state);
} syscall_threads SEC(".maps");

INLINE enum family family_of(int nr)
{
	switch (nr) {
	case SYS_read:
	case SYS_pread64:
	case SYS_readv:
	case SYS_preadv:
	case SYS_preadv2:
	case SYS_recvfrom:
	case SYS_recvmsg:
	case SYS_recvmmsg:
		return READ;
	case SYS_write:
	case SYS_pwrite64:
	case SYS_writev:
	case SYS_pwritev:
	case SYS_pwritev2:
	case SYS_sendto:
	case SYS_sendmsg:
	case SYS_sendmmsg:
	case SYS_sendfile:
		return WRITE;
	default:
		return UNTIMED;
	}
}

INLINE struct thread_state *thread_state(__u64 flags)
{
	return bpf_task_storage_get(&syscall_threads, bpf_get_current_task_btf(), 0, flags);
}

SEC("tp_btf/sys_enter")
int syscalls_enter(__u64 *ctx)
{
	int slot = observed_slot();
	__u32 nr = ctx[1];
	struct thread_state *state;
	__u64 *count;
	__u32 index;

	if (slot < 0)
		return 0;
	index = slot * SYSCALL_SLOTS + (nr < SYSCALL_SLOTS ? nr : SYSCALL_SLOTS - 1);
	count = bpf_map_lookup_elem(&syscall_counts, &index);
	if (count)
		(*count)++;
	if (family_of(nr) == UNTIMED)
		return 0;

	state = thread_state(TASK_STORAGE_CREATE);
	if (state) {
		state->entered_ns = bpf_ktime_get_ns();
		return 0;
	}
	index = slot;
	count = bpf_map_lookup_elem(&syscall_thread_state_lost, &index);
	if (count)
		(*count)++;
	return 0;
}

SEC("tp_btf/sys_exit")
int syscalls_exit(__u64 *ctx)
{
	enum family family = family_of(syscall_number((struct pt_regs *)ctx[0]));
	struct thread_state *state;
	struct histogram *h;
	__u32 index;
	int slot;

	if (family == UNTIMED)
		return 0;
	slot = observed_slot();
	if (slot < 0)
		return 0;
	state = thread_state(0);
	if (!state || !state->entered_ns)
		return 0; /* entered before the window opened */
	index = slot * FAMILIES + family;
	h = bpf_map_lookup_elem(&syscall_histograms, &index);
	if (h)
		histogram_record(h, bpf_ktime_get_ns() - state->entered_ns);
	state->entered_ns = 0;
	return 0;
}

const char license_name[] SEC("license") = "Dual BSD/GPL";

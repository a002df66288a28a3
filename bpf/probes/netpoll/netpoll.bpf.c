//go:build ignore

// SPDX-License-Identifier: Dual BSD/GPL
/*
 * netpoll: how long a thread stays in the system call that asks the kernel for ready descriptors,
 * and how many it gets.
 *
 * Calls that may sleep and calls with a zero timeout are different questions and go into different
 * histograms. epoll tells the number ready as its result; an io_uring poller reads it from shared
 * memory, so there it is the number of runtime.netpollready calls of the same thread until its
 * next poll.
 *
 * With the probe wakeup beside it, it also notes for each thread when a poll returned with
 * something found: that is where the loop begins that wakeup measures.
 */
#include "kernel.h"
#include "histogram.bpf.h"
#include "target.bpf.h"
#include "syscall.bpf.h"
#include "goabi.bpf.h"
#include "threads.bpf.h"

#define IORING_ENTER_GETEVENTS 1
#define IORING_ENTER_EXT_ARG 8

enum poll_kind { NOT_A_POLL, BLOCKING, ZERO_TIMEOUT };

/* Order of the histograms of one target in the map; probes/netpoll/netpoll.go has the same. */
enum { BLOCKED_NS, POLL_NS, READY_EVENTS, HISTOGRAMS };

struct timespec64 {
	__s64 seconds;
	__s64 nanoseconds;
};

/* struct io_uring_getevents_arg */
struct getevents_arg {
	__u64 sigmask;
	__u32 sigmask_size;
	__u32 min_wait_us;
	__u64 timeout;
};

struct thread_state {
	__u64 entered_ns;
	__u32 kind;
	__u32 polled; /* 1 after a poll of an io_uring whose findings are being counted */
	__u64 ready;  /* netpollready calls since this thread's last poll */
};

struct netpoll_counters {
	__u64 netpollready_hits;
	__u64 thread_state_lost;
};

/* 1 where on_netpollready is attached: without it the io_uring ready count is unknown, not 0. */
const volatile __u32 counts_ready[MAX_TARGETS];
/* 1 where the probe wakeup wants to know of returns. */
const volatile __u32 tells_returns;

struct {
	__uint(type, MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, MAX_TARGETS * HISTOGRAMS);
	__type(key, __u32);
	__type(value, struct histogram);
} netpoll_histograms SEC(".maps");

struct {
	__uint(type, MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, MAX_TARGETS);
	__type(key, __u32);
	__type(value, struct netpoll_counters);
} netpoll_counters SEC(".maps");

struct {
	__uint(type, MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, MAP_NO_PREALLOC);
	__type(key, __s32);
	__type(value, struct thread_state);
} netpoll_threads SEC(".maps");

INLINE struct thread_state *thread_state(__u64 flags)
{
	return bpf_task_storage_get(&netpoll_threads, bpf_get_current_task_btf(), 0, flags);
}

INLINE void record(int slot, __u32 which, __u64 v)
{
	__u32 index = slot * HISTOGRAMS + which;
	struct histogram *h = bpf_map_lookup_elem(&netpoll_histograms, &index);

	if (h)
		histogram_record(h, v);
}

INLINE int is_epoll(int nr)
{
	return nr == SYS_epoll_pwait || nr == SYS_epoll_wait || nr == SYS_epoll_pwait2;
}

/* A timeout that cannot be read (the kernel will answer EFAULT) counts as one that may sleep. */
INLINE enum poll_kind kind_of_timeout(__u64 address)
{
	struct timespec64 timeout = {.seconds = 1};

	if (!address)
		return BLOCKING;
	bpf_probe_read_user(&timeout, sizeof(timeout), (const void *)address);
	return timeout.seconds || timeout.nanoseconds ? BLOCKING : ZERO_TIMEOUT;
}

INLINE enum poll_kind kind_of_enter(struct pt_regs *regs)
{
	struct getevents_arg arg = {};
	__u32 flags = syscall_arg3(regs);

	if (!(flags & IORING_ENTER_GETEVENTS))
		return NOT_A_POLL; /* submits only */
	if (!(__u32)syscall_arg2(regs))
		return ZERO_TIMEOUT; /* min_complete 0: takes what is there */
	if (!(flags & IORING_ENTER_EXT_ARG))
		return BLOCKING;
	bpf_probe_read_user(&arg, sizeof(arg), (const void *)syscall_arg4(regs));
	return kind_of_timeout(arg.timeout);
}

INLINE enum poll_kind kind_of_call(struct pt_regs *regs, int nr)
{
	if (nr == SYS_io_uring_enter)
		return kind_of_enter(regs);
	if (nr == SYS_epoll_pwait2)
		return kind_of_timeout(syscall_arg3(regs));
	return (__s32)syscall_arg3(regs) ? BLOCKING : ZERO_TIMEOUT;
}

SEC("tp_btf/sys_enter")
int netpoll_enter(__u64 *ctx)
{
	struct pt_regs *regs = (struct pt_regs *)ctx[0];
	int nr = ctx[1];
	struct netpoll_counters *counters;
	struct thread_state *state;
	enum poll_kind kind;
	__u32 index;
	int slot;

	if (!is_epoll(nr) && nr != SYS_io_uring_enter)
		return 0;
	slot = observed_slot();
	if (slot < 0)
		return 0;
	kind = kind_of_call(regs, nr);
	if (kind == NOT_A_POLL)
		return 0;
	state = thread_state(TASK_STORAGE_CREATE);
	if (!state) {
		index = slot;
		counters = bpf_map_lookup_elem(&netpoll_counters, &index);
		if (counters)
			__sync_fetch_and_add(&counters->thread_state_lost, 1);
		return 0;
	}
	if (state->polled || state->ready)
		record(slot, READY_EVENTS, state->ready);
	state->polled = 0;
	state->ready = 0;
	state->kind = kind;
	state->entered_ns = bpf_ktime_get_ns();
	return 0;
}

INLINE void tell_return(int slot, __u32 found)
{
	struct thread *thread = follow_thread((__u32)bpf_get_current_pid_tgid(), slot);
	struct netpoll_counters *counters;
	__u32 index = slot;

	if (thread) {
		thread->returned_found = found;
		thread->returned_ns = bpf_ktime_get_ns();
		return;
	}
	counters = bpf_map_lookup_elem(&netpoll_counters, &index);
	if (counters)
		__sync_fetch_and_add(&counters->thread_state_lost, 1);
}

SEC("tp_btf/sys_exit")
int netpoll_exit(__u64 *ctx)
{
	struct pt_regs *regs = (struct pt_regs *)ctx[0];
	long result = ctx[1];
	int nr = syscall_number(regs);
	struct thread_state *state;
	int slot, counting;

	if (!is_epoll(nr) && nr != SYS_io_uring_enter)
		return 0;
	slot = observed_slot();
	if (slot < 0 || slot >= MAX_TARGETS)
		return 0;
	/* What a call found counts when it returns, also if it began before the window. */
	if (is_epoll(nr) && result >= 0)
		record(slot, READY_EVENTS, result);
	if (tells_returns && is_epoll(nr) && result > 0)
		tell_return(slot, result);
	counting = nr == SYS_io_uring_enter && counts_ready[slot] &&
		   (syscall_arg3(regs) & IORING_ENTER_GETEVENTS);
	state = thread_state(counting ? TASK_STORAGE_CREATE : 0);
	if (!state)
		return 0;
	if (counting)
		state->polled = 1;
	if (!state->entered_ns)
		return 0; /* entered before the window, or a pure submission */
	record(slot, state->kind == BLOCKING ? BLOCKED_NS : POLL_NS,
	       bpf_ktime_get_ns() - state->entered_ns);
	state->entered_ns = 0;
	return 0;
}

SEC("uprobe")
int on_netpollready(struct go_regs *ctx)
{
	struct netpoll_counters *counters;
	struct thread_state *state;
	int slot = observed_slot();
	__u32 index = slot;

	if (slot < 0)
		return 0;
	counters = bpf_map_lookup_elem(&netpoll_counters, &index);
	if (counters)
		__sync_fetch_and_add(&counters->netpollready_hits, 1);
	state = thread_state(TASK_STORAGE_CREATE);
	if (state)
		state->ready++; /* of this thread only: nobody else writes it */
	else if (counters)
		__sync_fetch_and_add(&counters->thread_state_lost, 1);
	return 0;
}

const char license_name[] SEC("license") = "Dual BSD/GPL";

//go:build ignore

// SPDX-License-Identifier: Dual BSD/GPL
/*
 * blockio: how long requests are at a block device that threads of a target have issued.
 *
 * A request belongs to the thread that hands it to the device's driver: that is the one in the
 * system call for direct I/O, for reads that miss the page cache, and for what fsync itself writes.
 * What kernel threads hand over (writeback, the journal, a scheduler's queue) was somebody's
 * too, but nothing tells whose: it is counted as foreign.
 *
 * The completion comes in an interrupt, in which any process may be running: there the request is
 * known by its address, which nobody else has between issue and completion.
 */
#include "kernel.h"
#include "histogram.bpf.h"
#include "target.bpf.h"
#include "calls.bpf.h"

#define PF_KTHREAD 0x00200000
#define REQUEST_OPERATION 0xff /* of cmd_flags; above it are modifiers */

/* Order of the counters; details.go has the same. READ to DISCARD are the kernel's own numbers. */
enum operation { READ, WRITE, FLUSH, DISCARD, OTHER, OPERATIONS };

struct request {
	unsigned int cmd_flags;
	unsigned int __data_len;
} RELOCATED;

struct task_struct {
	unsigned int flags;
} RELOCATED;

struct issued {
	__u64 issued_ns;
	struct call_key call; /* entered_ns 0: in no timed call */
	__u32 slot;
	__u32 operation;
	__u32 bytes;
	__u32 left; /* bytes not yet completed */
};

struct operation_total {
	__u64 requests;
	__u64 bytes;
	__u64 ns;
};

/* Of one target and CPU. A completion may interrupt an issue: neither writes what the other does. */
struct blockio_counters {
	struct operation_total completed[OPERATIONS];
	__u64 requeued;
	__u64 in_calls;
	__u64 outside_calls;
	__u64 unfinished; /* issued again without having been completed */
	__u64 requests_full;
	__u64 calls_full;
};

/* Of one CPU: what no target has issued. */
struct foreign {
	__u64 kernel_threads;
	__u64 processes;
};

/* 1 where the probe syscalls tells which call a thread is in. */
const volatile __u32 follows_calls;

struct {
	__uint(type, MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, __u64);
	__type(value, struct issued);
} requests SEC(".maps");

struct {
	__uint(type, MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, MAX_TARGETS);
	__type(key, __u32);
	__type(value, struct histogram);
} blockio_histograms SEC(".maps");

struct {
	__uint(type, MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, MAX_TARGETS);
	__type(key, __u32);
	__type(value, struct blockio_counters);
} blockio_counters SEC(".maps");

/* The one of no target lies at the index of the first. */
struct {
	__uint(type, MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, MAX_TARGETS);
	__type(key, __u32);
	__type(value, struct foreign);
} blockio_foreign SEC(".maps");

INLINE struct blockio_counters *counters_of(__u32 slot)
{
	return bpf_map_lookup_elem(&blockio_counters, &slot);
}

INLINE void count_foreign(void)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct foreign *foreign;
	unsigned int flags = 0;
	__u32 zero = 0;

	if (!window_open())
		return;
	foreign = bpf_map_lookup_elem(&blockio_foreign, &zero);
	if (!foreign)
		return;
	KERNEL_READ(&flags, task->flags);
	if (flags & PF_KTHREAD)
		foreign->kernel_threads++;
	else
		foreign->processes++;
}

/* raise notes one more request in the call that the thread is in; 0 if it is in none. */
INLINE int raise(struct blockio_counters *counters, struct call_key *key, __u64 now)
{
	struct thread_call *call = follows_calls ? thread_call(0) : 0;
	struct call_blocks *blocks, none = {};

	if (!call || !call->entered_ns)
		return 0;
	key->entered_ns = call->entered_ns;
	key->thread = (__u32)bpf_get_current_pid_tgid();
	blocks = bpf_map_lookup_elem(&call_blocks, key);
	if (!blocks) {
		bpf_map_update_elem(&call_blocks, key, &none, UPDATE_NOEXIST);
		blocks = bpf_map_lookup_elem(&call_blocks, key);
	}
	if (!blocks) {
		counters->calls_full++;
		key->entered_ns = 0;
		return 1;
	}
	call->blocks = 1;
	blocks->requests++; /* by this thread only */
	if (__sync_fetch_and_add(&blocks->outstanding, 1) == 0)
		*(volatile __u64 *)&blocks->since_ns = now;
	return 1;
}

INLINE void lower(const struct issued *request, __u64 now)
{
	struct call_blocks *blocks;

	if (!request->call.entered_ns)
		return;
	blocks = bpf_map_lookup_elem(&call_blocks, &request->call);
	if (blocks) /* else the call has returned */
		call_blocks_end(blocks, now);
}

SEC("tp_btf/block_rq_issue")
int blockio_issue(__u64 *ctx)
{
	struct request *request = (struct request *)ctx[0];
	struct issued issued = {.issued_ns = bpf_ktime_get_ns()}, *stale;
	struct blockio_counters *counters;
	unsigned int flags = 0;
	__u64 key = ctx[0];
	int slot = observed_slot();

	if (slot < 0) {
		count_foreign();
		return 0;
	}
	counters = counters_of(slot);
	if (!counters)
		return 0;
	stale = bpf_map_lookup_elem(&requests, &key);
	if (stale) {
		counters->unfinished++;
		lower(stale, issued.issued_ns);
	}
	KERNEL_READ(&flags, request->cmd_flags);
	KERNEL_READ(&issued.bytes, request->__data_len);
	flags &= REQUEST_OPERATION;
	issued.operation = flags < OTHER ? flags : OTHER;
	issued.left = issued.bytes;
	issued.slot = slot;
	if (raise(counters, &issued.call, issued.issued_ns))
		counters->in_calls++;
	else
		counters->outside_calls++;
	if (bpf_map_update_elem(&requests, &key, &issued, UPDATE_ANY)) {
		counters->requests_full++;
		lower(&issued, issued.issued_ns);
	}
	return 0;
}

/* A device that has no room sends the request back; it is then issued anew, maybe by another
 * thread. */
SEC("tp_btf/block_rq_requeue")
int blockio_requeue(__u64 *ctx)
{
	__u64 key = ctx[0];
	struct issued *issued = bpf_map_lookup_elem(&requests, &key);
	struct blockio_counters *counters;

	if (!issued)
		return 0;
	lower(issued, bpf_ktime_get_ns());
	counters = counters_of(issued->slot);
	if (counters && window_open())
		__sync_fetch_and_add(&counters->requeued, 1);
	bpf_map_delete_elem(&requests, &key);
	return 0;
}

SEC("tp_btf/block_rq_complete")
int blockio_complete(__u64 *ctx)
{
	__u64 key = ctx[0], now;
	__u32 bytes = ctx[2], slot;
	struct issued *issued = bpf_map_lookup_elem(&requests, &key);
	struct blockio_counters *counters;
	struct operation_total *total;
	struct histogram *h;

	if (!issued)
		return 0;
	if (!window_open())
		return 0; /* under way at the end of the window */
	if (bytes < issued->left) {
		issued->left -= bytes;
		return 0;
	}
	now = bpf_ktime_get_ns();
	slot = issued->slot;
	lower(issued, now);
	h = bpf_map_lookup_elem(&blockio_histograms, &slot);
	if (h)
		histogram_record(h, now - issued->issued_ns);
	counters = counters_of(slot);
	if (counters && issued->operation < OPERATIONS) {
		total = &counters->completed[issued->operation];
		total->requests++;
		total->bytes += issued->bytes;
		total->ns += now - issued->issued_ns;
	}
	bpf_map_delete_elem(&requests, &key);
	return 0;
}

const char license_name[] SEC("license") = "Dual BSD/GPL";

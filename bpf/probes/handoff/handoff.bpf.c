//go:build ignore

// SPDX-License-Identifier: Dual BSD/GPL
/*
 * handoff: how often a thread in a system call loses its P, to sysmon or to another thread that
 * comes back from a call, and how long the goroutine waits behind the call until it runs again.
 *
 *   runtime.retake, its call of handoffp(pp)              sysmon takes a P          -> count
 *   runtime.exitsyscallTryGetP(oldp)                      back without a P          -> count
 *   its call of syscallingThread.releaseP                 takes its old one back    -> count
 *   runtime.exitsyscallNoP(gp), before 1.26 exitsyscall0  and there is none         -> stamp
 *   runtime.execute(gp, inheritTime)                      runs again                -> record
 *
 * A goroutine that finds a free P goes on at once, so the wait begins where none was found. A call
 * that keeps its P passes no hook.
 */
#include "kernel.h"
#include "histogram.bpf.h"
#include "target.bpf.h"
#include "goabi.bpf.h"

/* User addresses have at most 56 bits on both architectures; the target's slot goes above. */
#define SLOT_SHIFT 56

struct handoff_counters {
	__u64 handoffs;
	__u64 without_p;
	__u64 steals;
	__u64 queued;
	__u64 execute_hits;
	__u64 restamped;
	__u64 map_full;
};

/* When a goroutine came back from a call and found no P, by address and slot. */
struct {
	__uint(type, MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__type(key, __u64);
	__type(value, __u64);
} returned_at SEC(".maps");

struct {
	__uint(type, MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, MAX_TARGETS);
	__type(key, __u32);
	__type(value, struct histogram);
} handoff_histograms SEC(".maps");

struct {
	__uint(type, MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, MAX_TARGETS);
	__type(key, __u32);
	__type(value, struct handoff_counters);
} handoff_counters SEC(".maps");

INLINE struct handoff_counters *counters_of(int slot)
{
	__u32 index = slot;

	return slot < 0 ? 0 : bpf_map_lookup_elem(&handoff_counters, &index);
}

SEC("uprobe")
int on_handoff(struct go_regs *ctx)
{
	struct handoff_counters *counters = counters_of(observed_slot());

	if (counters)
		__sync_fetch_and_add(&counters->handoffs, 1);
	return 0;
}

SEC("uprobe")
int on_without_p(struct go_regs *ctx)
{
	struct handoff_counters *counters = counters_of(observed_slot());

	if (counters)
		__sync_fetch_and_add(&counters->without_p, 1);
	return 0;
}

SEC("uprobe")
int on_steal(struct go_regs *ctx)
{
	struct handoff_counters *counters = counters_of(observed_slot());

	if (counters)
		__sync_fetch_and_add(&counters->steals, 1);
	return 0;
}

SEC("uprobe")
int on_no_p(struct go_regs *ctx)
{
	int slot = observed_slot();
	struct handoff_counters *counters = counters_of(slot);
	__u64 key = GO_ARG0(ctx) | (__u64)slot << SLOT_SHIFT, now;
	long err;

	if (!counters)
		return 0;
	__sync_fetch_and_add(&counters->queued, 1);
	now = bpf_ktime_get_ns();
	err = bpf_map_update_elem(&returned_at, &key, &now, UPDATE_NOEXIST);
	if (err == -EEXIST) {
		__sync_fetch_and_add(&counters->restamped, 1);
		err = bpf_map_update_elem(&returned_at, &key, &now, UPDATE_ANY);
	}
	if (err)
		__sync_fetch_and_add(&counters->map_full, 1);
	return 0;
}

SEC("uprobe")
int on_execute(struct go_regs *ctx)
{
	int slot = observed_slot();
	struct handoff_counters *counters = counters_of(slot);
	__u64 key = GO_ARG0(ctx) | (__u64)slot << SLOT_SHIFT;
	__u64 *returned, returned_ns;
	struct histogram *h;
	__u32 index = slot;

	if (!counters)
		return 0;
	__sync_fetch_and_add(&counters->execute_hits, 1);
	returned = bpf_map_lookup_elem(&returned_at, &key);
	if (!returned)
		return 0;
	returned_ns = *returned;
	bpf_map_delete_elem(&returned_at, &key);
	h = bpf_map_lookup_elem(&handoff_histograms, &index);
	if (h)
		histogram_record_preemptible(h, bpf_ktime_get_ns() - returned_ns);
	return 0;
}

const char license_name[] SEC("license") = "Dual BSD/GPL";

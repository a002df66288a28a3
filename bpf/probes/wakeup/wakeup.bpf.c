//go:build ignore

// SPDX-License-Identifier: Dual BSD/GPL
/*
 * wakeup: how long a goroutine that was made ready waits until it runs.
 *
 *   runtime.netpollready(toRun *gList, pd *pollDesc, mode int32)  by the network     -> stamp
 *   runtime.ready(gp *g, traceskip int, next bool)                by a goroutine     -> stamp
 *   runtime.newproc.func1, its call of runqput(pp, newg, next)    born               -> stamp
 *   runtime.execute(gp *g, inheritTime bool)                      runs               -> record
 *
 * The key is the address of the g, never the thread: the goroutine is readied by one thread and
 * run by another.
 *
 * The same hits give the loop of the netpoller and the waits for a CPU (sched.bpf.h) and the heat maps (include/
 * heat.bpf.h): a second uprobe on these functions would cost the target more than all that is
 * done here.
 */
#include "kernel.h"
#include "histogram.bpf.h"
#include "target.bpf.h"
#include "goabi.bpf.h"
#include "ring.bpf.h"
#include "threads.bpf.h"
#include "heat.bpf.h"
#include "wakeup.h"
#include "sched.bpf.h"

INLINE void note_ready(struct wakeup_counters *counters, int slot, __u64 g,
			    struct ready *ready)
{
	__u64 key = g | (__u64)slot << SLOT_SHIFT;
	long err = bpf_map_update_elem(&ready_at, &key, ready, UPDATE_NOEXIST);

	if (err == -EEXIST) {
		__sync_fetch_and_add(&counters->restamped, 1);
		err = bpf_map_update_elem(&ready_at, &key, ready, UPDATE_ANY);
	}
	if (err)
		__sync_fetch_and_add(&counters->map_full, 1);
}

/* stamp notes that the goroutine whose address is at `waiter` becomes ready. The runtime has not
 * yet swapped the word when the probe fires, so it still names the waiter. */
INLINE void stamp(struct wakeup_counters *counters, int slot, __u64 waiter, struct ready *ready)
{
	__u64 g = 0;

	if (bpf_probe_read_user(&g, sizeof(g), (const void *)waiter)) {
		__sync_fetch_and_add(&counters->waiter_unreadable, 1);
		return;
	}
	if (g == POLL_STATE_MAX) /* about to park: it will mostly see the event and not wait */
		__sync_fetch_and_add(&counters->ready_while_parking, 1);
	if (g <= POLL_STATE_MAX)
		return;
	note_ready(counters, slot, g, ready);
}

SEC("uprobe")
int on_netpollready(struct go_regs *ctx)
{
	int slot = observed_slot();
	__u64 pd = GO_ARG1(ctx);
	__u32 mode = GO_ARG2(ctx);
	struct wakeup_counters *counters;
	struct ready ready = {.origin = NETWORK, .loop_ns = NO_LOOP};

	if (slot < 0 || slot >= MAX_TARGETS)
		return 0;
	counters = counters_of(slot);
	if (!counters)
		return 0;
	__sync_fetch_and_add(&counters->netpollready_hits, 1);
	ready.at_ns = bpf_ktime_get_ns();
	if (follows_loops)
		continue_loop(counters, slot, &ready);
	if (mode == MODE_READ || mode == MODE_BOTH)
		stamp(counters, slot, pd + poll_desc[slot].rg, &ready);
	if (mode == MODE_WRITE || mode == MODE_BOTH)
		stamp(counters, slot, pd + poll_desc[slot].wg, &ready);
	return 0;
}

INLINE void stamp_goroutine(struct wakeup_counters *counters, int slot, __u64 g, __u32 origin)
{
	struct ready ready = {
		.at_ns = bpf_ktime_get_ns(), .loop_ns = NO_LOOP, .origin = origin};

	note_ready(counters, slot, g, &ready);
}

SEC("uprobe")
int on_ready(struct go_regs *ctx)
{
	int slot = observed_slot();
	struct wakeup_counters *counters;

	if (slot < 0)
		return 0;
	counters = counters_of(slot);
	if (!counters)
		return 0;
	__sync_fetch_and_add(&counters->ready_hits, 1);
	stamp_goroutine(counters, slot, GO_ARG0(ctx), GOROUTINE);
	return 0;
}

SEC("uprobe")
int on_newproc(struct go_regs *ctx)
{
	int slot = observed_slot();
	struct wakeup_counters *counters;

	if (slot < 0)
		return 0;
	counters = counters_of(slot);
	if (!counters)
		return 0;
	__sync_fetch_and_add(&counters->newproc_hits, 1);
	stamp_goroutine(counters, slot, GO_ARG1(ctx), BIRTH);
	return 0;
}

/* network_wakeup records a wake-up by the network, in whole and in its two parts. */
INLINE void network_wakeup(struct go_regs *ctx, struct wakeup_counters *counters, int slot,
			   struct ready *ready, __u64 now)
{
	__u64 waited = now - ready->at_ns;
	__u64 without_cpu = cpu_wait(counters, slot, ready->at_ns, now);

	record(slot, WAKEUP_NS, waited);
	record(slot, WAIT_CPU_NS, without_cpu);
	record(slot, WAIT_P_NS, waited - without_cpu);
	if (heat_wanted) {
		if (ready->loop_ns == NO_LOOP)
			__sync_fetch_and_add(&counters->heat_without_loop, 1);
		else if (heat(slot, HEAT_LOOP, ready->loop_ns, waited, now) ||
			 heat(slot, HEAT_FOUND, ready->found, waited, now))
			__sync_fetch_and_add(&counters->heat_lost, 1);
	}
	if (waited >= slow_floor_of(slot))
		tell_slow(ctx, counters, slot, ready, waited, without_cpu);
}

SEC("uprobe")
int on_execute(struct go_regs *ctx)
{
	int slot = observed_slot();
	__u64 key = GO_ARG0(ctx);
	struct wakeup_counters *counters;
	struct ready *found, ready;
	__u64 now;

	if (slot < 0 || slot >= MAX_TARGETS)
		return 0;
	counters = counters_of(slot);
	if (!counters)
		return 0;
	__sync_fetch_and_add(&counters->execute_hits, 1);

	/* Goroutines that were preempted, or made ready before the window opened, have no stamp. */
	key |= (__u64)slot << SLOT_SHIFT;
	found = bpf_map_lookup_elem(&ready_at, &key);
	if (!found)
		return 0;
	ready = *found;
	bpf_map_delete_elem(&ready_at, &key);
	now = bpf_ktime_get_ns();
	if (ready.origin == NETWORK)
		network_wakeup(ctx, counters, slot, &ready, now);
	else
		record(slot, ready.origin == BIRTH ? BIRTH_NS : GOROUTINE_NS, now - ready.at_ns);
	return 0;
}

const char license_name[] SEC("license") = "Dual BSD/GPL";

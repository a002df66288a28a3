//go:build ignore

// SPDX-License-Identifier: Dual BSD/GPL
/*
 * wakeup: how long a goroutine that the network made ready waits until it runs.
 *
 *   runtime.netpollready(toRun *gList, pd *pollDesc, mode int32)   goroutine made ready -> stamp
 *   runtime.execute(gp *g, inheritTime bool)                       goroutine runs       -> record
 *
 * The key is the address of the g, never the thread: the goroutine is readied by one thread and
 * run by another.
 */
#include "kernel.h"
#include "histogram.bpf.h"
#include "target.bpf.h"
#include "goabi.bpf.h"

/* pollDesc.rg and .wg hold one of these or the address of the waiting g (runtime/netpoll.go). */
#define POLL_STATE_MAX 2 /* pdNil 0, pdReady 1, pdWait 2 */

#define MODE_READ 'r'
#define MODE_WRITE 'w'
#define MODE_BOTH ('r' + 'w')

/* User addresses have at most 56 bits on both architectures; the target's slot goes above. */
#define SLOT_SHIFT 56

struct poll_desc_layout {
	__u32 rg;
	__u32 wg;
};

struct wakeup_counters {
	__u64 netpollready_hits;
	__u64 execute_hits;
	__u64 map_full;
	__u64 restamped;
};

const volatile struct poll_desc_layout poll_desc[MAX_TARGETS];

struct {
	__uint(type, MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, MAX_TARGETS);
	__type(key, __u32);
	__type(value, struct histogram);
} wakeup_ns SEC(".maps");

struct {
	__uint(type, MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, MAX_TARGETS);
	__type(key, __u32);
	__type(value, struct wakeup_counters);
} wakeup_counters SEC(".maps");

/* When each goroutine that waits for a thread was made ready. Not LRU: an entry that is pushed
 * out silently is a wrong histogram, a full map is a count. */
struct {
	__uint(type, MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__type(key, __u64);
	__type(value, __u64);
} ready_at SEC(".maps");

INLINE struct wakeup_counters *counters_of(__u32 slot)
{
	return bpf_map_lookup_elem(&wakeup_counters, &slot);
}

/* stamp notes that the goroutine whose address is at `waiter` becomes ready now. The runtime has
 * not yet swapped the word when the probe fires, so it still names the waiter. */
INLINE void stamp(struct wakeup_counters *counters, int slot, __u64 waiter)
{
	__u64 now = bpf_ktime_get_ns();
	__u64 key = 0;
	long err;

	if (bpf_probe_read_user(&key, sizeof(key), (const void *)waiter) || key <= POLL_STATE_MAX)
		return;
	key |= (__u64)slot << SLOT_SHIFT;
	err = bpf_map_update_elem(&ready_at, &key, &now, UPDATE_NOEXIST);
	if (err == -EEXIST) {
		__sync_fetch_and_add(&counters->restamped, 1);
		err = bpf_map_update_elem(&ready_at, &key, &now, UPDATE_ANY);
	}
	if (err)
		__sync_fetch_and_add(&counters->map_full, 1);
}

SEC("uprobe")
int on_netpollready(struct go_regs *ctx)
{
	int slot = observed_slot();
	__u64 pd = GO_ARG1(ctx);
	__u32 mode = GO_ARG2(ctx);
	struct wakeup_counters *counters;

	if (slot < 0 || slot >= MAX_TARGETS)
		return 0;
	counters = counters_of(slot);
	if (!counters)
		return 0;
	__sync_fetch_and_add(&counters->netpollready_hits, 1);
	if (mode == MODE_READ || mode == MODE_BOTH)
		stamp(counters, slot, pd + poll_desc[slot].rg);
	if (mode == MODE_WRITE || mode == MODE_BOTH)
		stamp(counters, slot, pd + poll_desc[slot].wg);
	return 0;
}

SEC("uprobe")
int on_execute(struct go_regs *ctx)
{
	int slot = observed_slot();
	__u64 key = GO_ARG0(ctx);
	struct wakeup_counters *counters;
	struct histogram *h;
	__u64 *readied, waited;
	__u32 index;

	if (slot < 0)
		return 0;
	counters = counters_of(slot);
	if (!counters)
		return 0;
	__sync_fetch_and_add(&counters->execute_hits, 1);

	/* Most goroutines that run were not readied by the network, or were so before the window
	 * opened: no stamp, nothing to say. */
	key |= (__u64)slot << SLOT_SHIFT;
	readied = bpf_map_lookup_elem(&ready_at, &key);
	if (!readied)
		return 0;
	waited = bpf_ktime_get_ns() - *readied;
	bpf_map_delete_elem(&ready_at, &key);

	index = slot;
	h = bpf_map_lookup_elem(&wakeup_ns, &index);
	if (h)
		histogram_record_preemptible(h, waited);
	return 0;
}

const char license_name[] SEC("license") = "Dual BSD/GPL";

/* SPDX-License-Identifier: Dual BSD/GPL */
/*
 * The maps and constants of the probe wakeup, and what its programs have in common.
 */
#ifndef POLLGATE_WAKEUP_H
#define POLLGATE_WAKEUP_H

/* pollDesc.rg and .wg hold one of these or the address of the waiting g (runtime/netpoll.go). */
#define POLL_STATE_MAX 2 /* pdNil 0, pdReady 1, pdWait 2 */

#define MODE_READ 'r'
#define MODE_WRITE 'w'
#define MODE_BOTH ('r' + 'w')

/* User addresses have at most 56 bits on both architectures; the target's slot goes above. */
#define SLOT_SHIFT 56

#define NO_LOOP (~0ULL)
#define NO_OFFSET (~0U)
#define MOST_ALARMS 100 /* examples of a CPU */

enum origin { NETWORK, GOROUTINE, BIRTH };

/* Order of the histograms of one target in the map; probes/wakeup/wakeup.go has the same. */
enum { WAKEUP_NS, WAIT_P_NS, WAIT_CPU_NS, GOROUTINE_NS, BIRTH_NS, LOOP_NS, HISTOGRAMS };

struct poll_desc_layout {
	__u32 rg;
	__u32 wg;
};

struct wakeup_counters {
	__u64 netpollready_hits;
	__u64 execute_hits;
	__u64 ready_hits;
	__u64 newproc_hits;
	__u64 map_full;
	__u64 restamped;
	__u64 waiter_unreadable;
	__u64 ready_while_parking;
	__u64 thread_state_lost;
	__u64 cpu_wait_unknown;
	__u64 cpu_wait_truncated;
	__u64 ready_without_loop;
	__u64 loop_alarms;
	__u64 alarm_examples;
	__u64 events_lost;
	__u64 heat_without_loop;
	__u64 heat_lost;
};

/* A goroutine that was made ready and has not run. */
struct ready {
	__u64 at_ns;
	__u64 loop_ns; /* age of the netpoller's loop at that time, NO_LOOP if unknown */
	__u32 found;   /* descriptors found by the poll of that loop */
	__u32 origin;
};

enum event_kind { SLOW_WAKEUP, LOOP_ALARM };

/* What user space is told of one by one. */
struct event {
	__u32 kind;
	__u32 slot;
	__u32 tid;
	__u32 found;
	__u64 at_ns;
	__u64 ns;
	__u64 without_cpu_ns; /* of a slow wake-up */
	__u64 goid;	      /* of a slow wake-up; 0 unknown */
	__u32 readied;	      /* of a loop */
	__u32 pad;
};

const volatile struct poll_desc_layout poll_desc[MAX_TARGETS];
const volatile __u32 goid_offset[MAX_TARGETS];
const volatile __u64 loop_alarm_ns;
/* Set where the probe netpoll tells the returns of polls. */
const volatile __u32 follows_loops;
/* Set where the probe heatmap is wanted too. */
const volatile __u32 heat_wanted;

struct {
	__uint(type, MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, MAX_TARGETS * HISTOGRAMS);
	__type(key, __u32);
	__type(value, struct histogram);
} wakeup_histograms SEC(".maps");

struct {
	__uint(type, MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, MAX_TARGETS);
	__type(key, __u32);
	__type(value, struct wakeup_counters);
} wakeup_counters SEC(".maps");

/* Not LRU: an entry that is pushed out silently is a wrong histogram, a full map is a count. */
struct {
	__uint(type, MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__type(key, __u64);
	__type(value, struct ready);
} ready_at SEC(".maps");

/* Wake-ups shorter than this are not among the slowest any more. User space raises it to the
 * shortest of those that it keeps, so all of the slowest are told, and soon little else. */
struct {
	__uint(type, MAP_TYPE_ARRAY);
	__uint(max_entries, MAX_TARGETS);
	__type(key, __u32);
	__type(value, __u64);
} slow_floor SEC(".maps");

INLINE struct wakeup_counters *counters_of(__u32 slot)
{
	return bpf_map_lookup_elem(&wakeup_counters, &slot);
}

INLINE void record(int slot, __u32 which, __u64 v)
{
	__u32 index = slot * HISTOGRAMS + which;
	struct histogram *h = bpf_map_lookup_elem(&wakeup_histograms, &index);

	if (h)
		histogram_record_preemptible(h, v);
}

INLINE __u64 slow_floor_of(__u32 slot)
{
	__u64 *floor = bpf_map_lookup_elem(&slow_floor, &slot);

	return floor ? *floor : 0;
}

INLINE void tell(struct wakeup_counters *counters, struct event *event)
{
	struct event *place = bpf_ringbuf_reserve(&events, sizeof(*place), 0);

	if (!place) {
		__sync_fetch_and_add(&counters->events_lost, 1);
		return;
	}
	*place = *event;
	bpf_ringbuf_submit(place, RING_NO_WAKEUP);
}

INLINE void tell_slow(struct go_regs *ctx, struct wakeup_counters *counters, int slot,
		      struct ready *ready, __u64 waited, __u64 without_cpu)
{
	struct event event = {.kind = SLOW_WAKEUP,
			      .slot = slot,
			      .tid = (__u32)bpf_get_current_pid_tgid(),
			      .found = ready->found,
			      .at_ns = ready->at_ns,
			      .ns = waited,
			      .without_cpu_ns = without_cpu};

	if (goid_offset[slot & (MAX_TARGETS - 1)] != NO_OFFSET)
		bpf_probe_read_user(&event.goid, sizeof(event.goid),
				    (const void *)(GO_ARG0(ctx) +
						   goid_offset[slot & (MAX_TARGETS - 1)]));
	tell(counters, &event);
}

#endif /* POLLGATE_WAKEUP_H */

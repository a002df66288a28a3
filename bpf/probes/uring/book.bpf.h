/* SPDX-License-Identifier: Dual BSD/GPL */
/*
 * What the probe keeps: requests under way, rings with their last second, counters by operation.
 *
 * A request is submitted by a thread of its process and completed by whoever runs then: the same
 * thread, another one, a worker of the kernel. So requests and rings are keyed by their addresses
 * and carry the slot of their target, and what several CPUs can write at once is added atomically.
 */
#ifndef POLLGATE_URING_BOOK_BPF_H
#define POLLGATE_URING_BOOK_BPF_H

#define OPERATIONS 80 /* the last one has all that this kernel may know beyond */
#define WINDOWS 16 /* a power of two, which the verifier can follow; the last 10 are told */
#define WINDOW_NS 100000000ULL

/* Orders that probes/uring/uring.go has as well. */
enum metric {
	READ_NS, WRITE_NS, RECV_NS, SEND_NS, ACCEPT_NS, CONNECT_NS, POLL_NS, TIMEOUT_NS, OTHER_NS,
	CQ_BACKLOG, PER_MULTISHOT, METRICS
};

struct request {
	__u64 ctx;
	__u64 user_data;
	__u64 submitted_ns;
	__u64 older; /* the request with the same user data that is found when this one has ended */
	__u32 slot;
	__u32 more; /* completions that promised more */
	__u32 opcode;
	__u32 quiet; /* gives no completion when it succeeds */
};

struct {
	__uint(type, MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__type(key, __u64);
	__type(value, struct request);
} requests SEC(".maps");

/* Completions in the midst of a multishot request, and those that overflow, name the user data only. */
struct user_key {
	__u64 ctx;
	__u64 user_data;
};

struct {
	__uint(type, MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__type(key, struct user_key);
	__type(value, __u64); /* the latest request with it */
} by_user_data SEC(".maps");

/* A tenth of a second with an event. Whoever comes first begins it anew, which two CPUs may do at
 * once: then a count of one event can be missing in it, never in the totals. */
struct ring_window {
	__u64 number; /* since boot */
	__u64 submitted;
	__u64 completed;
	__u64 overflowed;
	__u32 depth_max;
	__u32 backlog_max;
};

struct ring {
	__u64 submitted;
	__u64 completed; /* requests that ended */
	__u64 overflowed;
	__s64 depth; /* requests under way */
	__u32 slot;
	__u32 cq_entries;
	__u32 depth_max;
	__u32 backlog_max;
	struct ring_window windows[WINDOWS];
};

struct {
	__uint(type, MAP_TYPE_HASH);
	__uint(max_entries, 256);
	__type(key, __u64);
	__type(value, struct ring);
} rings SEC(".maps");

const struct ring no_ring = {};

struct operation {
	__u64 submitted;
	__u64 completed;
	__u64 failed;
	__u64 cancelled;
	__u64 refused;
	__u64 quiet;
	__u64 quiet_failed;
	__u64 ended_unseen;
	__u64 more;
	__u64 multishots;
	__u64 punted;
	__u64 latencies;
	__u64 latency_sum;
	__u64 latency_min;
	__u64 latency_max;
};

struct {
	__uint(type, MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, MAX_TARGETS * OPERATIONS);
	__type(key, __u32);
	__type(value, struct operation);
} uring_operations SEC(".maps");

struct uring_counters {
	__u64 unknown;
	__u64 messages;
	__u64 notifications;
	__u64 overflowed;
	__u64 overflow_lost;
	__u64 task_work_runs;
	__u64 task_work_items;
	__u64 requests_full;
	__u64 user_data_full;
	__u64 rings_full;
	__u64 unreadable;
};

struct {
	__uint(type, MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, MAX_TARGETS);
	__type(key, __u32);
	__type(value, struct uring_counters);
} uring_counters SEC(".maps");

struct {
	__uint(type, MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, MAX_TARGETS * METRICS);
	__type(key, __u32);
	__type(value, struct histogram);
} uring_histograms SEC(".maps");

INLINE struct uring_counters *counters_of(__u32 slot)
{
	return bpf_map_lookup_elem(&uring_counters, &slot);
}

INLINE struct operation *operation_of(__u32 slot, __u32 opcode)
{
	__u32 index = slot * OPERATIONS + (opcode < OPERATIONS ? opcode : OPERATIONS - 1);

	return bpf_map_lookup_elem(&uring_operations, &index);
}

INLINE void record(__u32 slot, enum metric metric, __u64 value)
{
	__u32 index = slot * METRICS + metric;
	struct histogram *h = bpf_map_lookup_elem(&uring_histograms, &index);

	if (h)
		histogram_record(h, value);
}

INLINE void add(__u64 *counter, __u64 n) { __sync_fetch_and_add(counter, n); }

INLINE void raise(__u32 *max, __u32 value)
{
	int attempt;

	for (attempt = 0; attempt < 4; attempt++) {
		__u32 seen = *(volatile __u32 *)max;

		if (value <= seen || __sync_val_compare_and_swap(max, seen, value) == seen)
			return;
	}
}

/* ring_window is the running window, begun with the depth that it finds. */
INLINE struct ring_window *ring_window(struct ring *ring, __u64 now)
{
	__u64 number = now / WINDOW_NS;
	struct ring_window *w = &ring->windows[number % WINDOWS];
	__u64 seen = *(volatile __u64 *)&w->number;

	if (seen != number && __sync_val_compare_and_swap(&w->number, seen, number) == seen) {
		w->submitted = w->completed = w->overflowed = 0;
		w->backlog_max = 0;
		w->depth_max = ring->depth > 0 ? ring->depth : 0;
	}
	return w;
}

INLINE struct ring *find_ring(__u64 ctx) { return bpf_map_lookup_elem(&rings, &ctx); }

/* enter_ring is the entry of a ring, made if there is none; 0 if there is no room. */
INLINE struct ring *enter_ring(__u64 ctx, __u32 slot)
{
	struct ring *ring = find_ring(ctx);

	if (ring && ring->slot == slot)
		return ring;
	/* A new one, for which two threads may come at once, or the address of one that is gone. */
	bpf_map_update_elem(&rings, &ctx, &no_ring, ring ? UPDATE_ANY : UPDATE_NOEXIST);
	ring = find_ring(ctx);
	if (ring) {
		ring->slot = slot;
		ring->cq_entries = cq_entries_of(ctx);
	}
	return ring;
}

INLINE void ring_submits(struct ring *ring, __u64 now)
{
	struct ring_window *w;
	__s64 depth = __sync_fetch_and_add(&ring->depth, 1) + 1;

	add(&ring->submitted, 1);
	w = ring_window(ring, now);
	add(&w->submitted, 1);
	if (depth > 0) {
		raise(&ring->depth_max, depth);
		raise(&w->depth_max, depth);
	}
}

INLINE void ring_completes(struct ring *ring, __u64 now)
{
	/* First the window: it begins with the depth until now. */
	add(&ring_window(ring, now)->completed, 1);
	add(&ring->completed, 1);
	__sync_fetch_and_add(&ring->depth, -1);
}

INLINE void ring_backlog(struct ring *ring, __u64 ctx, struct uring_counters *counters, __u64 now)
{
	__s64 backlog = backlog_of(ctx);

	if (backlog < 0) {
		counters->unreadable++;
		return;
	}
	record(ring->slot, CQ_BACKLOG, backlog);
	raise(&ring->backlog_max, backlog);
	raise(&ring_window(ring, now)->backlog_max, backlog);
}

INLINE enum metric metric_of(__u32 opcode)
{
	switch (opcode) {
	case 1: case 4: case 22: case 49: case 60: /* READV, READ_FIXED, READ, READ_MULTISHOT, READV_FIXED */
		return READ_NS;
	case 2: case 5: case 23: case 61: /* WRITEV, WRITE_FIXED, WRITE, WRITEV_FIXED */
		return WRITE_NS;
	case 10: case 27: case 58: /* RECVMSG, RECV, RECV_ZC */
		return RECV_NS;
	case 9: case 26: case IORING_OP_SEND_ZC: case IORING_OP_SENDMSG_ZC: /* SENDMSG, SEND */
		return SEND_NS;
	case 13:
		return ACCEPT_NS;
	case 16:
		return CONNECT_NS;
	case 6: case 59: /* POLL_ADD, EPOLL_WAIT */
		return POLL_NS;
	case 11: case 15: /* TIMEOUT, LINK_TIMEOUT */
		return TIMEOUT_NS;
	}
	return OTHER_NS;
}

#endif /* POLLGATE_URING_BOOK_BPF_H */

/* SPDX-License-Identifier: Dual BSD/GPL */
/*
 * The maps and constants of the probe request, and how far a request has come.
 */
#ifndef POLLGATE_REQUEST_H
#define POLLGATE_REQUEST_H

/* pollDesc.rg holds one of these or the address of the waiting g (runtime/netpoll.go). */
#define POLL_STATE_MAX 2 /* pdNil 0, pdReady 1, pdWait 2 */
#define MODE_READ 'r'
#define MODE_BOTH ('r' + 'w')

/* User addresses have at most 56 bits on both architectures; the target's slot goes above. */
#define SLOT_SHIFT 56

#define TCP_LISTEN 10
#define EINTR 4
#define EAGAIN 11
/* What a call that a signal interrupted leaves at its exit, before it is restarted. */
#define ERESTARTSYS 512
#define ERESTART_RESTARTBLOCK 516

/* Order of the histograms of one target in the map; probes/request/request.go has the same. */
enum {
	READABLE_TO_READY,
	READY_TO_RUN,
	RUN_TO_WRITE,
	READABLE_TO_WRITE,
	READABLE_TO_READ,
	READ_TO_WRITE,
	HISTOGRAMS
};

/* How far the request of a socket has come. */
enum stage {
	IDLE,	   /* none, or its bytes lie unread */
	READY,	   /* its goroutine was parked and has been made ready */
	RUNNING,   /* that goroutine has run */
	DIRECT,	   /* read by a goroutine that did not park for it */
	UNSTAMPED, /* read, and nobody saw when it became readable */
};

#define STAGE_BITS 3
#define STAGE_MASK ((1 << STAGE_BITS) - 1)

/* A socket of a target. The word `progress` holds the stage and, above it, a number that every
 * step raises: whoever exchanges it has the only right to take that step. */
struct connection {
	__u64 progress;
	__u64 readable_ns; /* first data since the last was taken; 0: none */
	__u64 begun_ns;	   /* the request under way: when it became readable, ... */
	__u64 ready_ns;
	__u64 run_ns; /* ran, or was read */
	__u64 g;
	__u32 slot;
	__u32 settled; /* what the socket did before the window does not matter any more */
	__u32 read;    /* data has been read since the goroutine was made ready */
	__u32 pad;
};

/* The read that a thread is in. */
struct reading {
	__u64 sk; /* 0: none */
	__u64 readable_ns;
};

struct request_counters {
	__u64 netpollready_hits;
	__u64 execute_hits;
	__u64 woken; /* requests begun by a wake-up with a stamp */
	__u64 direct; /* requests begun by a read without one */
	__u64 joined;
	__u64 direct_joined;
	__u64 superseded;
	__u64 run_without_write;
	__u64 read_without_write;
	__u64 wakes_without_readable;
	__u64 wakes_for_accept;
	__u64 wakes_without_socket;
	__u64 woken_for_nothing;
	__u64 ended;
	__u64 closed;
	__u64 answers_without_readable;
	__u64 answers_from_before;
	__u64 further_writes;
	__u64 coalesced;
	__u64 sockets_full;
	__u64 goroutines_full;
	__u64 thread_state_lost;
};

struct poll_desc_layout {
	__u32 fd;
	__u32 rg;
};

const volatile struct poll_desc_layout poll_desc[MAX_TARGETS];

struct {
	__uint(type, MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, MAX_TARGETS * HISTOGRAMS);
	__type(key, __u32);
	__type(value, struct histogram);
} request_histograms SEC(".maps");

struct {
	__uint(type, MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, MAX_TARGETS);
	__type(key, __u32);
	__type(value, struct request_counters);
} request_counters SEC(".maps");

/* By address of the struct sock. Only sockets of targets get in, so other programs' data costs
 * a look here and one at older_sockets, and takes no room. */
struct {
	__uint(type, MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__type(key, __u64);
	__type(value, struct connection);
} connections SEC(".maps");

/* Slots of the targets that had a socket when the probe was attached, by number of its inode. */
struct {
	__uint(type, MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__type(key, __u64);
	__type(value, __u32);
} older_sockets SEC(".maps");

/* The socket for which a goroutine was made ready, until it runs. By address of the g, and slot. */
struct {
	__uint(type, MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__type(key, __u64);
	__type(value, __u64);
} woken_for SEC(".maps");

struct {
	__uint(type, MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, MAP_NO_PREALLOC);
	__type(key, __s32);
	__type(value, struct reading);
} request_threads SEC(".maps");

#define COUNT(counters, what) __sync_fetch_and_add(&(counters)->what, 1)

INLINE struct request_counters *counters_of(__u32 slot)
{
	return bpf_map_lookup_elem(&request_counters, &slot);
}

/* Only from tracepoint programs: see histogram_record. */
INLINE void record(int slot, __u32 which, __u64 v)
{
	__u32 index = slot * HISTOGRAMS + which;
	struct histogram *h = bpf_map_lookup_elem(&request_histograms, &index);

	if (h)
		histogram_record(h, v);
}

INLINE struct connection *find_connection(__u64 sk)
{
	return bpf_map_lookup_elem(&connections, &sk);
}

/* follow is the entry of a socket, made if there is none; 0 if there is no room. An entry of
 * another target was left by a socket that is gone: it is made anew. */
INLINE struct connection *follow(struct request_counters *counters, __u32 slot, __u64 sk)
{
	struct connection *c = find_connection(sk);
	struct connection fresh = {.slot = slot};

	if (c && c->slot == slot)
		return c;
	bpf_map_update_elem(&connections, &sk, &fresh, c ? UPDATE_ANY : UPDATE_NOEXIST);
	c = find_connection(sk);
	if (!c)
		COUNT(counters, sockets_full);
	return c;
}

INLINE __u64 progress_of(struct connection *c) { return *(volatile __u64 *)&c->progress; }

INLINE enum stage stage_of(__u64 progress) { return progress & STAGE_MASK; }

/* step goes from what was seen to the next stage; 0 if somebody else has taken a step since. */
INLINE int step(struct connection *c, __u64 seen, enum stage next)
{
	__u64 to = (((seen >> STAGE_BITS) + 1) << STAGE_BITS) | next;

	return __sync_val_compare_and_swap(&c->progress, seen, to) == seen;
}

INLINE __u64 take_readable(struct connection *c)
{
	__u64 seen = *(volatile __u64 *)&c->readable_ns;

	/* Data that comes meanwhile finds the stamp there and leaves it, so one attempt does; a
	 * second taker who was faster has it. */
	if (!seen || __sync_val_compare_and_swap(&c->readable_ns, seen, 0) != seen)
		return 0;
	return seen;
}

/* abandon counts a request that the next one of its socket takes the place of. */
INLINE void abandon(struct request_counters *counters, enum stage stage)
{
	if (stage == READY)
		COUNT(counters, superseded);
	else if (stage == RUNNING)
		COUNT(counters, run_without_write);
	else if (stage == DIRECT)
		COUNT(counters, read_without_write);
}

#endif /* POLLGATE_REQUEST_H */

/* SPDX-License-Identifier: Dual BSD/GPL */
/*
 * The timed system call that each thread is in, and the time in it in which the thread had
 * requests of its own at a block device. The probe syscalls keeps the calls; blockio, if it is
 * there, adds to those in which a request is issued. No other call pays for that.
 */
#ifndef POLLGATE_CALLS_BPF_H
#define POLLGATE_CALLS_BPF_H

/* Go itself allows 10,000 threads (runtime/debug.SetMaxThreads), each in one call at most. */
#define CALLS 10000

struct thread_call {
	__u64 entered_ns; /* 0: in none that is timed */
	__u32 row;
	__u32 blocks; /* 1 once a request was issued in this call */
};

/* Only the thread itself creates, looks at and deletes it at the ends of the call; completions on
 * other CPUs add to it, so all that they touch is atomic. */
struct call_blocks {
	__u64 outstanding;
	__u64 since_ns; /* when outstanding was last raised from 0 */
	__u64 busy_ns;	/* in which it was above 0, up to when it last became 0 */
	__u64 requests;
};

/* A call is known by its thread and the time of its entry. */
struct call_key {
	__u64 entered_ns;
	__u64 thread;
};

struct {
	__uint(type, MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, MAP_NO_PREALLOC);
	__type(key, __s32);
	__type(value, struct thread_call);
} syscall_threads SEC(".maps");

struct {
	__uint(type, MAP_TYPE_HASH);
	__uint(max_entries, CALLS);
	__type(key, struct call_key);
	__type(value, struct call_blocks);
} call_blocks SEC(".maps");

INLINE struct thread_call *thread_call(__u64 flags)
{
	return bpf_task_storage_get(&syscall_threads, bpf_get_current_task_btf(), 0, flags);
}

/* call_blocks_end is a request of a call that has left the device. The time is read before the
 * count is lowered: only who lowers it to 0 may add, and until then nobody writes another one. */
INLINE void call_blocks_end(struct call_blocks *blocks, __u64 now)
{
	__u64 since = *(volatile __u64 *)&blocks->since_ns;

	if (__sync_fetch_and_sub(&blocks->outstanding, 1) == 1 && now > since)
		__sync_fetch_and_add(&blocks->busy_ns, now - since);
}

#endif /* POLLGATE_CALLS_BPF_H */

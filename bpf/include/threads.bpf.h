/* SPDX-License-Identifier: Dual BSD/GPL */
/*
 * What is known of each thread of a target: when its last poll found something, and when it was
 * runnable without a CPU. One map for two probes: netpoll writes the returns of polls into it,
 * wakeup everything else, so no system call has to be hooked twice.
 *
 * The key is the thread's number in the kernel's own counting. A hash and not task storage,
 * because the thread is looked up in the midst of other programs (a wake-up in an interrupt),
 * where older kernels refuse task storage, and because the end of the window reads all of them.
 *
 * Only the thread itself and the scheduler, while the thread does not run, write to an entry: no
 * two writers at once. The scheduler's part is kept up before the window opens too: it is state,
 * not a count, and what is counted from it is cut to what lies behind the opening.
 */
#ifndef POLLGATE_THREADS_BPF_H
#define POLLGATE_THREADS_BPF_H

/* Go itself allows 10,000 threads (runtime/debug.SetMaxThreads). */
#define THREADS 10000
#define RUN_WAITS 16

/* A time in which the thread was runnable and had no CPU. */
struct run_wait {
	__u64 from_ns;
	__u64 to_ns;
};

/* From the return of a poll to the last goroutine made ready of what it had found. */
struct poll_loop {
	__u64 returned_ns; /* 0: none seen yet */
	__u64 last_ready_ns;
	__u32 found; /* descriptors, as the call said */
	__u32 readied; /* runtime.netpollready calls */
};

struct thread {
	__u32 slot;
	__u32 returned_found; /* of a return that no goroutine has been made ready for yet */
	__u64 returned_ns;    /* 0: none */
	struct poll_loop loop;
	__u64 runnable_since;
	__u64 run_wait_count;
	struct run_wait run_waits[RUN_WAITS]; /* the latest, at run_wait_count modulo RUN_WAITS */
};

struct {
	__uint(type, MAP_TYPE_HASH);
	__uint(max_entries, THREADS);
	__type(key, __u32);
	__type(value, struct thread);
} observed_threads SEC(".maps");

const struct thread no_thread = {};

INLINE struct thread *find_thread(__u32 tid)
{
	return bpf_map_lookup_elem(&observed_threads, &tid);
}

/* follow_thread is the entry of a thread, made if there is none; 0 if there is no room. */
INLINE struct thread *follow_thread(__u32 tid, __u32 slot)
{
	struct thread *thread = find_thread(tid);

	if (thread)
		return thread;
	bpf_map_update_elem(&observed_threads, &tid, &no_thread, UPDATE_NOEXIST);
	thread = find_thread(tid);
	if (thread)
		thread->slot = slot;
	return thread;
}

#endif /* POLLGATE_THREADS_BPF_H */

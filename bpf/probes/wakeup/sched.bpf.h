/* SPDX-License-Identifier: Dual BSD/GPL */
/*
 * Two things about the threads of a target: the loops of the netpoller, and the times in which a
 * thread was runnable and had no CPU.
 *
 * A loop lasts from the return of a poll that found something to the last goroutine made ready by
 * the same thread before its next such return. That it was the last is known only at the next one,
 * when the thread dies, or at the end of the window, when user space closes those still open; the
 * time is the same whenever it is recorded.
 */
#ifndef POLLGATE_SCHED_BPF_H
#define POLLGATE_SCHED_BPF_H

#define TASK_DEAD 0x80

struct task_struct___thread {
	__s32 pid;
	__s32 tgid;
	unsigned int __state;
} RELOCATED;

INLINE void close_loop(struct wakeup_counters *counters, __u32 slot, __u32 tid,
		       struct poll_loop *loop)
{
	__u64 ns = loop->last_ready_ns - loop->returned_ns;
	struct event event = {.kind = LOOP_ALARM,
			      .slot = slot,
			      .tid = tid,
			      .found = loop->found,
			      .at_ns = loop->returned_ns,
			      .ns = ns,
			      .readied = loop->readied};

	record(slot, LOOP_NS, ns);
	if (ns < loop_alarm_ns)
		return;
	__sync_fetch_and_add(&counters->loop_alarms, 1);
	if (counters->alarm_examples >= MOST_ALARMS)
		return;
	__sync_fetch_and_add(&counters->alarm_examples, 1);
	tell(counters, &event);
}

/* continue_loop counts one goroutine made ready in the loop of the running thread, and writes
 * into `ready` how far the loop has come. */
INLINE void continue_loop(struct wakeup_counters *counters, int slot, struct ready *ready)
{
	__u32 tid = bpf_get_current_pid_tgid();
	struct thread *thread = find_thread(tid);

	if (thread && thread->returned_ns) {
		if (thread->loop.returned_ns)
			close_loop(counters, slot, tid, &thread->loop);
		thread->loop.returned_ns = thread->returned_ns;
		thread->loop.found = thread->returned_found;
		thread->loop.readied = 0;
		thread->returned_ns = 0;
	}
	if (!thread || !thread->loop.returned_ns) {
		/* The poll returned before the window, or is not one by system call. */
		__sync_fetch_and_add(&counters->ready_without_loop, 1);
		return;
	}
	thread->loop.readied++;
	thread->loop.last_ready_ns = ready->at_ns;
	ready->loop_ns = ready->at_ns - thread->loop.returned_ns;
	ready->found = thread->loop.found;
}

/* cpu_wait is how much of [from, to] the running thread was runnable and had no CPU. */
INLINE __u64 cpu_wait(struct wakeup_counters *counters, int slot, __u64 from, __u64 to)
{
	__u32 tid = bpf_get_current_pid_tgid();
	struct thread *thread = find_thread(tid);
	__u64 sum = 0, count, i;

	if (!thread) {
		if (follow_thread(tid, slot))
			__sync_fetch_and_add(&counters->cpu_wait_unknown, 1);
		else
			__sync_fetch_and_add(&counters->thread_state_lost, 1);
		return 0;
	}
	count = thread->run_wait_count;
	for (i = 1; i <= RUN_WAITS; i++) {
		struct run_wait *wait = &thread->run_waits[(count - i) % RUN_WAITS];
		__u64 begin = wait->from_ns > from ? wait->from_ns : from;
		__u64 end = wait->to_ns < to ? wait->to_ns : to;

		if (wait->to_ns <= from)
			return sum;
		if (end > begin)
			sum += end - begin;
	}
	__sync_fetch_and_add(&counters->cpu_wait_truncated, 1);
	return sum;
}

/* may_be_observed sorts out most threads of other programs at once, where the kernel's numbers
 * are those of the targets. */
INLINE int may_be_observed(__u32 tgid)
{
	int slot;

	if (pid_namespace_ino)
		return 1;
#pragma unroll
	for (slot = 0; slot < MAX_TARGETS; slot++) {
		if (!target_tgid[slot])
			break;
		if (tgid == target_tgid[slot])
			return 1;
	}
	return 0;
}

INLINE void buried(__u32 tid, struct thread *thread)
{
	struct wakeup_counters *counters = counters_of(thread->slot);

	if (counters && window_open() && thread->loop.returned_ns)
		close_loop(counters, thread->slot, tid, &thread->loop);
	bpf_map_delete_elem(&observed_threads, &tid);
}

/* The state is read from the thread and not from the argument that later kernels have: theirs is
 * older and calls a thread asleep that a pending signal keeps awake. */
INLINE void switched_out(struct task_struct___thread *prev, int preempted, __u64 now)
{
	__u32 tid = prev->pid;
	struct thread *thread = find_thread(tid);

	if (!thread)
		return;
	if (prev->__state & TASK_DEAD)
		buried(tid, thread);
	else
		thread->runnable_since = preempted || !prev->__state ? now : 0;
}

INLINE void switched_in(__u32 tid, __u64 now)
{
	struct thread *thread = find_thread(tid);
	struct run_wait *wait;

	if (!thread || !thread->runnable_since)
		return;
	wait = &thread->run_waits[thread->run_wait_count % RUN_WAITS];
	wait->from_ns = thread->runnable_since;
	wait->to_ns = now;
	thread->run_wait_count++;
	thread->runnable_since = 0;
}

/* Later kernels have a fourth argument, which is not needed here. */
SEC("tp_btf/sched_switch")
int on_sched_switch(__u64 *ctx)
{
	struct task_struct___thread *prev = (struct task_struct___thread *)ctx[1];
	struct task_struct___thread *next = (struct task_struct___thread *)ctx[2];

	if (may_be_observed(prev->tgid))
		switched_out(prev, (__u8)ctx[0], bpf_ktime_get_ns());
	if (may_be_observed(next->tgid))
		switched_in(next->pid, bpf_ktime_get_ns());
	return 0;
}

/* sched_wakeup comes when the thread has been queued, always after it was switched out;
 * sched_waking may come before. */
SEC("tp_btf/sched_wakeup")
int on_sched_wakeup(__u64 *ctx)
{
	struct task_struct___thread *task = (struct task_struct___thread *)ctx[0];
	struct thread *thread;

	if (!may_be_observed(task->tgid))
		return 0;
	thread = find_thread(task->pid);
	if (thread)
		thread->runnable_since = bpf_ktime_get_ns();
	return 0;
}

/* A new thread is woken for the first time by the one that made it. */
SEC("tp_btf/sched_wakeup_new")
int on_sched_wakeup_new(__u64 *ctx)
{
	struct task_struct___thread *task = (struct task_struct___thread *)ctx[0];
	int slot = target_slot();
	struct thread *thread;

	if (slot < 0 || (__u32)task->tgid != bpf_get_current_pid_tgid() >> 32)
		return 0;
	thread = follow_thread(task->pid, slot);
	if (thread)
		thread->runnable_since = bpf_ktime_get_ns();
	return 0;
}

#endif /* POLLGATE_SCHED_BPF_H */

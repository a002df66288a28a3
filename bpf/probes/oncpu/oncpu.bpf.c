//go:build ignore

// SPDX-License-Identifier: Dual BSD/GPL
/*
 * oncpu: where a process spends CPU time, as the kernel sees it.
 *
 * A clock of the kernel interrupts every CPU 99 times a second. Whatever runs there is counted:
 * by process for the whole machine, by thread and by user stack for a target. Go's own profiler has
 * no part in it, so the two can be held against each other.
 *
 * Stacks are keys and not numbers of stacks (stack.bpf.h): the innermost address differs in almost
 * every sample, and of so many stacks two would often share a hash, of which one is lost.
 */
#include "kernel.h"
#include "target.bpf.h"
#include "goabi.bpf.h"

#define FRAMES 64
#define STACK_OF_USER 256 /* BPF_F_USER_STACK */
#define STACKS 16384
/* Go itself allows 10,000 threads (runtime/debug.SetMaxThreads). */
#define SAMPLED_THREADS 10000

/* What the kernel hands to a program of this type: registers first (struct bpf_perf_event_data). */
struct sample {
	struct go_regs regs;
};

struct user_stack {
	__u32 slot;
	__u32 pad;
	__u64 caller; /* see word_of_caller; 0: none */
	__u64 frames[FRAMES]; /* innermost first, 0 behind the last */
};

struct sample_counts {
	__u64 samples;
	__u64 in_kernel; /* of them */
};

struct sampled_thread {
	__u32 tid;
	__u32 slot;
};

/* One CPU's counts of one target. */
struct oncpu_counters {
	struct sample_counts all;
	__u64 program_ns;   /* that the samples took */
	__u64 deep_stacks;  /* cut off */
	__u64 threads_full;
	__u64 stacks_full;
};

/* One CPU's counts of whatever ran on it. */
struct oncpu_machine {
	__u64 samples;
	__u64 idle;
	__u64 targets;
};

/* Where the code of a target lies. */
struct code {
	__u64 from;
	__u64 to;
};

/* Empty for programs that are not Go: there the word below may be anything. */
const volatile struct code code[MAX_TARGETS];

struct {
	__uint(type, MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, MAX_TARGETS);
	__type(key, __u32);
	__type(value, struct oncpu_counters);
} oncpu_counters SEC(".maps");

struct {
	__uint(type, MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, MAX_TARGETS); /* the first is used */
	__type(key, __u32);
	__type(value, struct oncpu_machine);
} oncpu_machine SEC(".maps");

/* A key does not fit on the stack of a program. */
struct {
	__uint(type, MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, MAX_TARGETS);
	__type(key, __u32);
	__type(value, struct user_stack);
} oncpu_scratch SEC(".maps");

struct {
	__uint(type, MAP_TYPE_HASH);
	__uint(max_entries, STACKS);
	__type(key, struct user_stack);
	__type(value, struct sample_counts);
} oncpu_stacks SEC(".maps");

struct {
	__uint(type, MAP_TYPE_HASH);
	__uint(max_entries, SAMPLED_THREADS);
	__type(key, struct sampled_thread);
	__type(value, struct sample_counts);
} oncpu_threads SEC(".maps");

#if defined(__TARGET_ARCH_x86)
struct pt_regs___user {
	unsigned long sp;
} RELOCATED;
#endif

/* The context may be read in whole words at fixed places only: the compiler must not narrow a read,
 * nor choose between two addresses and read then. */
#define CONTEXT_WORD(field) (*(const volatile __u64 *)&(field))

INLINE int in_kernel(struct sample *ctx)
{
#if defined(__TARGET_ARCH_x86)
	return !(CONTEXT_WORD(ctx->regs.cs) & 3);
#else
	return !!(CONTEXT_WORD(ctx->regs.pstate) & 15);
#endif
}

/* word_of_caller is what a function without a frame of its own returns to: the walk by frame
 * pointers leaves out who called it. The observer decides whether it is one. Where the top of the
 * stack is no address of the target's code it is some variable, and 0. */
INLINE __u64 word_of_caller(struct sample *ctx, int kernel, __u32 slot)
{
	const volatile struct code *own = &code[slot & (MAX_TARGETS - 1)];
	struct pt_regs *entered = bpf_task_pt_regs(bpf_get_current_task_btf());
	__u64 word;

	if (!own->to)
		return 0;
#if defined(__TARGET_ARCH_x86)
	word = CONTEXT_WORD(ctx->regs.sp);
	if (kernel)
		word = ((struct pt_regs___user *)entered)->sp;
	if (bpf_probe_read_user(&word, sizeof(word), (const void *)word))
		return 0;
#else
	word = CONTEXT_WORD(ctx->regs.regs[30]);
	if (kernel)
		word = entered->regs[30];
#endif
	return word >= own->from && word < own->to ? word : 0;
}

/* count adds a sample to an entry, which is made if there is none; 0 if there is no room. */
INLINE int count(void *map, const void *key, int kernel)
{
	struct sample_counts *counts = bpf_map_lookup_elem(map, key), none = {};

	if (!counts) {
		bpf_map_update_elem(map, key, &none, UPDATE_NOEXIST);
		counts = bpf_map_lookup_elem(map, key);
	}
	if (!counts)
		return 0;
	__sync_fetch_and_add(&counts->samples, 1);
	if (kernel)
		__sync_fetch_and_add(&counts->in_kernel, 1);
	return 1;
}

INLINE __u32 current_tid(void)
{
	struct namespaced_pid ids = {};

	if (!pid_namespace_ino)
		return (__u32)bpf_get_current_pid_tgid();
	bpf_get_ns_current_pid_tgid(pid_namespace_dev, pid_namespace_ino, &ids, sizeof(ids));
	return ids.pid;
}

INLINE void sample_target(struct sample *ctx, __u32 slot)
{
	struct oncpu_counters *counters = bpf_map_lookup_elem(&oncpu_counters, &slot);
	struct user_stack *stack = bpf_map_lookup_elem(&oncpu_scratch, &slot);
	struct sampled_thread thread = {.tid = current_tid(), .slot = slot};
	__u64 began = bpf_ktime_get_ns();
	int kernel = in_kernel(ctx);

	if (!counters || !stack)
		return;
	counters->all.samples++;
	counters->all.in_kernel += kernel;
	if (!count(&oncpu_threads, &thread, kernel))
		counters->threads_full++;
	stack->slot = slot;
	stack->caller = word_of_caller(ctx, kernel, slot);
	/* Clears what it does not fill; a thread without user code (a worker of an io_uring, one
	 * that is ending) has no frames. */
	bpf_get_stack(ctx, stack->frames, sizeof(stack->frames), STACK_OF_USER);
	if (stack->frames[FRAMES - 1])
		counters->deep_stacks++;
	if (!count(&oncpu_stacks, stack, kernel))
		counters->stacks_full++;
	counters->program_ns += bpf_ktime_get_ns() - began;
}

SEC("perf_event")
int oncpu_sample(struct sample *ctx)
{
	__u32 zero = 0;
	struct oncpu_machine *machine;
	int slot = target_slot();

	if (!window_open())
		return 0;
	machine = bpf_map_lookup_elem(&oncpu_machine, &zero);
	if (!machine)
		return 0;
	machine->samples++;
	if (slot >= 0) {
		machine->targets++;
		sample_target(ctx, slot);
	} else if (!(__u32)bpf_get_current_pid_tgid()) {
		machine->idle++;
	}
	return 0;
}

const char license_name[] SEC("license") = "Dual BSD/GPL";

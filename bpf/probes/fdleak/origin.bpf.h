/* SPDX-License-Identifier: Dual BSD/GPL */
/*
 * Who made a call: the stack of the running thread, and how often the same stack opened and closed.
 */
#ifndef POLLGATE_FDLEAK_ORIGIN_BPF_H
#define POLLGATE_FDLEAK_ORIGIN_BPF_H

#include "stack.bpf.h"

#define ENOMEM 12
#define SKIP_ONE 1 /* in the flags of bpf_get_stackid: leave out the innermost frame */

/* One place in the program, for one kind of descriptor or one kind of misuse. */
struct origin {
	__u32 slot;
	__u32 what;   /* enum kind or enum misuse */
	__u64 ip;     /* behind the instruction of the system call */
	__u64 caller; /* of the function with that instruction; 0 where it is not known */
	__s32 stack;  /* the other frames, or a negative error */
	__u32 pad;
};

struct origin_counts {
	__u64 opened; /* or committed, for a misuse */
	__u64 closed;
};

/* 1 for Go programs: only there the word below is known to be a return address. */
const volatile __u32 is_go[MAX_TARGETS];

struct {
	__uint(type, MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__type(key, struct origin);
	__type(value, struct origin_counts);
} origins SEC(".maps");

#if defined(__TARGET_ARCH_x86)
struct pt_regs___user {
	unsigned long ip, sp;
} RELOCATED;
#elif defined(__TARGET_ARCH_arm64)
struct pt_regs___user {
	__u64 pc;
} RELOCATED;
#endif

INLINE __u64 user_ip(struct pt_regs *regs)
{
#if defined(__TARGET_ARCH_x86)
	return ((struct pt_regs___user *)regs)->ip;
#else
	return ((struct pt_regs___user *)regs)->pc;
#endif
}

/* Go makes system calls in assembly functions without a frame, and the kernel's walk by frame
 * pointers steps over whoever called such a function: its return address is on top of the stack
 * (amd64) or in the link register (arm64). */
INLINE __u64 direct_caller(struct pt_regs *regs)
{
#if defined(__TARGET_ARCH_x86)
	__u64 address = 0;

	bpf_probe_read_user(&address, sizeof(address),
			    (const void *)((struct pt_regs___user *)regs)->sp);
	return address;
#else
	return regs->regs[30];
#endif
}

/* Two stacks with the same hash cannot both be kept. The frame of the instruction is kept apart,
 * so the same stack with and without it is one stack under two hashes: two tries. */
INLINE void take_origin(void *ctx, struct pt_regs *regs, int slot, __u32 what,
			struct origin *origin)
{
	origin->slot = slot;
	origin->what = what;
	origin->pad = 0;
	origin->ip = user_ip(regs);
	origin->caller = is_go[slot & (MAX_TARGETS - 1)] ? direct_caller(regs) : 0;
	origin->stack = bpf_get_stackid(ctx, &stacks, STACK_OF_USER | SKIP_ONE);
	if (origin->stack == -EEXIST)
		origin->stack = bpf_get_stackid(ctx, &stacks, STACK_OF_USER);
}

/* count_opened is 0 if there is no room for one more place. */
INLINE int count_opened(const struct origin *origin)
{
	struct origin_counts *counts = bpf_map_lookup_elem(&origins, origin), none = {};

	if (!counts) {
		bpf_map_update_elem(&origins, origin, &none, UPDATE_NOEXIST);
		counts = bpf_map_lookup_elem(&origins, origin);
	}
	if (!counts)
		return 0;
	__sync_fetch_and_add(&counts->opened, 1);
	return 1;
}

INLINE void count_closed(const struct origin *origin)
{
	struct origin_counts *counts = bpf_map_lookup_elem(&origins, origin);

	if (counts) /* else its opening has been counted as lost */
		__sync_fetch_and_add(&counts->closed, 1);
}

#endif /* POLLGATE_FDLEAK_ORIGIN_BPF_H */

/* SPDX-License-Identifier: Dual BSD/GPL */
/*
 * Where in the program a system call comes from.
 *
 * Go makes system calls in assembly functions without a frame, and the kernel's walk by frame
 * pointers steps over whoever called such a function: its return address is on top of the stack
 * (amd64) or in the link register (arm64).
 */
#ifndef POLLGATE_CALLER_BPF_H
#define POLLGATE_CALLER_BPF_H

#include "stack.bpf.h"

#define STACK_SKIP_ONE 1 /* in the flags of bpf_get_stackid: leave out the innermost frame */

struct caller {
	__u64 ip;     /* behind the instruction of the system call */
	__u64 caller; /* of the function with that instruction; 0 where it is not known */
	__s32 stack;  /* the other frames, or a negative error */
	__u32 pad;
};

/* 1 for Go programs: only there the word below is known to be a return address. */
const volatile __u32 is_go[MAX_TARGETS];

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
INLINE void take_caller(void *ctx, struct pt_regs *regs, int slot, struct caller *caller)
{
	caller->pad = 0;
	caller->ip = user_ip(regs);
	caller->caller = is_go[slot & (MAX_TARGETS - 1)] ? direct_caller(regs) : 0;
	caller->stack = bpf_get_stackid(ctx, &stacks, STACK_OF_USER | STACK_SKIP_ONE);
	if (caller->stack == -EEXIST)
		caller->stack = bpf_get_stackid(ctx, &stacks, STACK_OF_USER);
}

#endif /* POLLGATE_CALLER_BPF_H */

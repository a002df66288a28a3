/* SPDX-License-Identifier: Dual BSD/GPL */
/*
 * Stacks of user code. Equal ones are kept once, under a number; internal/attach reads them back
 * as addresses and internal/gosym names the functions.
 *
 * Frames are found by the frame pointer, which Go keeps on amd64 and arm64. In a uprobe the direct
 * caller is in the stack only behind the prologue's push, where the site chooser puts hot hooks.
 */
#ifndef POLLGATE_STACK_BPF_H
#define POLLGATE_STACK_BPF_H

#define STACK_DEPTH 64
#define STACK_OF_USER 256 /* BPF_F_USER_STACK */

struct {
	__uint(type, MAP_TYPE_STACK_TRACE);
	__uint(max_entries, 4096);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, STACK_DEPTH * sizeof(__u64));
} stacks SEC(".maps");

/* user_stack is the number of the running thread's stack; negative if it could not be kept: no
 * room, or another stack with the same hash is there. */
INLINE __s32 user_stack(void *ctx)
{
	return bpf_get_stackid(ctx, &stacks, STACK_OF_USER);
}

#endif /* POLLGATE_STACK_BPF_H */

/* SPDX-License-Identifier: Dual BSD/GPL */
/*
 * Calls that took long: counted by what their descriptor stands for, told of one by one, and with
 * the stack that made them. Those that wait by design are counted apart and have no stack.
 */
#ifndef POLLGATE_SYSCALLS_SLOW_BPF_H
#define POLLGATE_SYSCALLS_SLOW_BPF_H

#include "sock.bpf.h"
#include "caller.bpf.h"
#include "ring.bpf.h"

#define ENOMEM 12
#define O_NONBLOCK 04000

/* What a descriptor stands for; slow.go has the same. */
enum file_kind { REGULAR, SOCKET, PIPE, DIRECTORY, CHARACTER, BLOCK, OTHER_FILE, NO_FILE, KINDS };

struct total {
	__u64 calls;
	__u64 ns;
	__u64 max_ns;
	__u64 block_ns;
};

/* One CPU's counts of one target. */
struct slow_counts {
	struct total slow[ROWS * KINDS];
	struct total waits[ROWS];
	__u64 events_lost;
	__u64 places_full;
	__u64 stacks_lost;
};

/* A place in the program that made slow calls. */
struct place {
	__u32 slot;
	__u16 row;
	__u16 kind;
	struct caller caller;
};

struct slow_call {
	struct place place;
	__u64 entered_ns;
	__u64 ns;
	__u64 block_ns;
	__s64 result;
	__s32 fd; /* -1: the call has none */
	__u32 tid;
	__u32 nonblocking;
	__u32 pad;
};

struct file___flags {
	unsigned int f_flags;
} RELOCATED;

/* From which duration on a call is slow. */
const volatile __u64 slow_call_ns = 5000000;

struct {
	__uint(type, MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, MAX_TARGETS);
	__type(key, __u32);
	__type(value, struct slow_counts);
} slow_counts SEC(".maps");

struct {
	__uint(type, MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct place);
	__type(value, struct total);
} slow_places SEC(".maps");

INLINE enum file_kind kind_of_mode(__u16 mode)
{
	switch (mode & S_IFMT) {
	case 0100000:
		return REGULAR;
	case S_IFSOCK:
		return SOCKET;
	case 0010000:
		return PIPE;
	case 0040000:
		return DIRECTORY;
	case 0020000:
		return CHARACTER;
	case 0060000:
		return BLOCK;
	default:
		return OTHER_FILE; /* epoll, eventfd, io_uring: their inodes have no kind */
	}
}

/* look_at_file tells what the number stands for now. Only the thread that made the call could
 * have closed it with good reason. */
INLINE void look_at_file(struct slow_call *call)
{
	struct file *file = call->fd < 0 ? 0 : file_of_fd(call->fd);
	struct inode *inode = 0;
	unsigned int flags = 0;
	__u16 mode = 0;

	call->place.kind = NO_FILE;
	if (!file || KERNEL_READ(&inode, file->f_inode) || KERNEL_READ(&mode, inode->i_mode))
		return;
	KERNEL_READ(&flags, ((struct file___flags *)file)->f_flags);
	call->place.kind = kind_of_mode(mode);
	call->nonblocking = !!(flags & O_NONBLOCK);
}

INLINE void add(struct total *total, const struct slow_call *call)
{
	total->calls++;
	total->ns += call->ns;
	total->block_ns += call->block_ns;
	if (call->ns > total->max_ns)
		total->max_ns = call->ns;
}

/* add_place is for what other CPUs add to at the same time. */
INLINE int add_place(const struct slow_call *call)
{
	struct total *total = bpf_map_lookup_elem(&slow_places, &call->place), none = {};
	int attempt;

	if (!total) {
		bpf_map_update_elem(&slow_places, &call->place, &none, UPDATE_NOEXIST);
		total = bpf_map_lookup_elem(&slow_places, &call->place);
	}
	if (!total)
		return 0;
	__sync_fetch_and_add(&total->calls, 1);
	__sync_fetch_and_add(&total->ns, call->ns);
	__sync_fetch_and_add(&total->block_ns, call->block_ns);
	for (attempt = 0; attempt < 3; attempt++) {
		__u64 seen = total->max_ns;

		if (call->ns <= seen ||
		    __sync_val_compare_and_swap(&total->max_ns, seen, call->ns) == seen)
			break;
	}
	return 1;
}

INLINE int waits_by_design(const struct slow_call *call)
{
	switch (call->place.row) {
	case FUTEX_WAIT:
	case RING_WAIT:
	case SLEEP:
		return 1;
	case ACCEPT:
		return !call->nonblocking;
	default:
		return 0;
	}
}

INLINE __u32 current_tid(void)
{
	struct namespaced_pid ids = {};

	if (!pid_namespace_ino)
		return (__u32)bpf_get_current_pid_tgid();
	bpf_get_ns_current_pid_tgid(pid_namespace_dev, pid_namespace_ino, &ids, sizeof(ids));
	return ids.pid;
}

/* slow handles a call of which slot, row, times, descriptor and result are filled in. */
INLINE void slow(void *ctx, struct pt_regs *regs, struct slow_call *call)
{
	__u32 slot = call->place.slot, row = call->place.row & (ROWS - 1);
	struct slow_counts *counts = bpf_map_lookup_elem(&slow_counts, &slot);
	struct slow_call *event;

	if (!counts)
		return;
	look_at_file(call);
	if (waits_by_design(call)) {
		add(&counts->waits[row], call);
		return;
	}
	add(&counts->slow[row * KINDS + (call->place.kind & (KINDS - 1))], call);
	take_caller(ctx, regs, slot, &call->place.caller);
	/* A thread without frames (-EFAULT) has the address of the call alone: no loss. */
	if (call->place.caller.stack == -EEXIST || call->place.caller.stack == -ENOMEM)
		counts->stacks_lost++;
	if (!add_place(call))
		counts->places_full++;
	call->tid = current_tid();
	event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
	if (!event) {
		counts->events_lost++;
		return;
	}
	*event = *call;
	bpf_ringbuf_submit(event, RING_NO_WAKEUP);
}

#endif /* POLLGATE_SYSCALLS_SLOW_BPF_H */

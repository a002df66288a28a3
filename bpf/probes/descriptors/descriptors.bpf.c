//go:build ignore

// SPDX-License-Identifier: Dual BSD/GPL
/*
 * descriptors: what a process opens and closes, by kind, and what is left open of it.
 *
 * An opening is taken at the exit of the call, when the number is known. A closing is taken at the
 * entry: once close() has freed the number inside the kernel another thread may get the same one,
 * and the exits of the two calls can be seen in the wrong order.
 */
#include "kernel.h"
#include "target.bpf.h"
#include "syscall.bpf.h"

#define F_DUPFD 0
#define F_DUPFD_CLOEXEC 1030
#define CLOSE_RANGE_CLOEXEC 4
#define CLONE_PIDFD 0x1000

/* Order of the counters; probes/descriptors/descriptors.go has the same. */
enum kind { SOCKET, ACCEPT, FILE, PIPE, EPOLL, EVENTFD, IO_URING, OTHER, KINDS, NOTHING = KINDS };

struct descriptor_counters {
	__u64 opened[KINDS];
	__u64 closed[KINDS];
	__u64 closed_preexisting;
	__u64 map_full;
	__u64 thread_state_lost;
};

struct thread_state {
	__u32 closing_unknown;
};

/* Number in the low half, slot in the high half -> enum kind. */
struct {
	__uint(type, MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__type(key, __u64);
	__type(value, __u32);
} open_descriptors SEC(".maps");

struct {
	__uint(type, MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, MAX_TARGETS);
	__type(key, __u32);
	__type(value, struct descriptor_counters);
} descriptor_counters SEC(".maps");

struct {
	__uint(type, MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, MAP_NO_PREALLOC);
	__type(key, __s32);
	__type(value, struct thread_state);
} descriptor_threads SEC(".maps");

struct range {
	__u32 slot;
	__u32 first;
	__u32 last;
	struct descriptor_counters *counters;
};

INLINE struct descriptor_counters *counters_of(__u32 slot)
{
	return bpf_map_lookup_elem(&descriptor_counters, &slot);
}

INLINE __u64 key_of(int slot, __u32 fd)
{
	return ((__u64)slot << 32) | fd;
}

/* The mask tells the verifier what the map's values are: nobody writes any other. */
INLINE void count(__u64 *of_kind, __u32 kind)
{
	of_kind[kind & (KINDS - 1)]++;
}

INLINE void opened(struct descriptor_counters *counters, int slot, __u32 fd, __u32 kind)
{
	__u64 key = key_of(slot, fd);

	count(counters->opened, kind);
	if (bpf_map_update_elem(&open_descriptors, &key, &kind, UPDATE_ANY))
		counters->map_full++;
}

/* forget counts the closing of a descriptor opened inside the window; 0 if it is not one. */
INLINE int forget(struct descriptor_counters *counters, int slot, __u32 fd)
{
	__u64 key = key_of(slot, fd);
	__u32 *known = bpf_map_lookup_elem(&open_descriptors, &key);
	__u32 kind;

	if (!known)
		return 0;
	kind = *known;
	if (bpf_map_delete_elem(&open_descriptors, &key))
		return 0; /* another thread was faster */
	count(counters->closed, kind);
	return 1;
}

INLINE void opened_pair(struct descriptor_counters *counters, int slot, __u64 address, __u32 kind)
{
	__u32 pair[2];

	if (bpf_probe_read_user(pair, sizeof(pair), (const void *)address)) {
		counters->map_full += 2;
		return;
	}
	opened(counters, slot, pair[0], kind);
	opened(counters, slot, pair[1], kind);
}

INLINE void opened_pidfd(struct descriptor_counters *counters, int slot, __u64 address)
{
	__u32 fd;

	if (bpf_probe_read_user(&fd, sizeof(fd), (const void *)address))
		counters->map_full++;
	else
		opened(counters, slot, fd, OTHER);
}

/* struct clone_args begins with flags and the address that gets the pidfd. */
INLINE void cloned(struct descriptor_counters *counters, int slot, __u64 address)
{
	__u64 args[2];

	if (!bpf_probe_read_user(args, sizeof(args), (const void *)address) &&
	    (args[0] & CLONE_PIDFD))
		opened_pidfd(counters, slot, args[1]);
}

/* The copy has the kind of its source; that of a source opened before the window is unknown.
 * dup2 and dup3 close what had the number before, without a call that could be seen. */
INLINE void duplicated(struct descriptor_counters *counters, int slot, __u32 source, __u32 fd)
{
	__u64 key = key_of(slot, source);
	__u32 *known = bpf_map_lookup_elem(&open_descriptors, &key);
	__u32 kind = known ? *known : OTHER;

	if (source == fd)
		return;
	forget(counters, slot, fd);
	opened(counters, slot, fd, kind);
}

/* kind_of_result is what the result of a call that returns one new descriptor is. */
INLINE enum kind kind_of_result(int nr)
{
	switch (nr) {
	case SYS_socket:
		return SOCKET;
	case SYS_accept:
	case SYS_accept4:
		return ACCEPT;
	case SYS_open:
	case SYS_openat:
	case SYS_openat2:
	case SYS_creat:
	case SYS_open_by_handle_at:
		return FILE;
	case SYS_epoll_create:
	case SYS_epoll_create1:
		return EPOLL;
	case SYS_eventfd:
	case SYS_eventfd2:
		return EVENTFD;
	case SYS_io_uring_setup:
		return IO_URING;
	case SYS_memfd_create:
	case SYS_memfd_secret:
	case SYS_timerfd_create:
	case SYS_signalfd:
	case SYS_signalfd4:
	case SYS_inotify_init:
	case SYS_inotify_init1:
	case SYS_fanotify_init:
	case SYS_userfaultfd:
	case SYS_perf_event_open:
	case SYS_pidfd_open:
	case SYS_pidfd_getfd:
	case SYS_open_tree:
	case SYS_fsopen:
	case SYS_fsmount:
	case SYS_fspick:
	case SYS_landlock_create_ruleset:
		return OTHER;
	default:
		return NOTHING;
	}
}

static long forget_if_in_range(void *map, const __u64 *key, __u32 *kind, struct range *range)
{
	__u32 fd = *key;

	if ((*key >> 32) != range->slot || fd < range->first || fd > range->last)
		return 0;
	count(range->counters->closed, *kind);
	bpf_map_delete_elem(map, key);
	return 0;
}

/* closing handles close() at its entry. A number that is not in the map was opened before the
 * window or is not open at all; only the result tells which, so the exit looks again. */
INLINE void closing(struct descriptor_counters *counters, int slot, __u32 fd)
{
	struct thread_state *state;

	if (forget(counters, slot, fd))
		return;
	state = bpf_task_storage_get(&descriptor_threads, bpf_get_current_task_btf(), 0,
				     TASK_STORAGE_CREATE);
	if (state)
		state->closing_unknown = 1;
	else
		counters->thread_state_lost++;
}

/* Linux frees the number whatever close() answers, except EBADF. */
INLINE void closed(struct descriptor_counters *counters, long result)
{
	struct thread_state *state =
		bpf_task_storage_get(&descriptor_threads, bpf_get_current_task_btf(), 0, 0);

	if (!state || !state->closing_unknown)
		return;
	state->closing_unknown = 0;
	if (result != -EBADF)
		counters->closed_preexisting++;
}

SEC("tp_btf/sys_enter")
int descriptors_enter(__u64 *ctx)
{
	struct pt_regs *regs = (struct pt_regs *)ctx[0];
	int nr = ctx[1];
	struct range range = {};
	int slot;

	if (nr != SYS_close && nr != SYS_close_range)
		return 0;
	slot = observed_slot();
	if (slot < 0)
		return 0;
	range.counters = counters_of(slot);
	if (!range.counters)
		return 0;
	if (nr == SYS_close) {
		closing(range.counters, slot, syscall_arg0(regs));
		return 0;
	}
	if (syscall_arg2(regs) & CLOSE_RANGE_CLOEXEC)
		return 0; /* marks, does not close */
	range.slot = slot;
	range.first = syscall_arg0(regs);
	range.last = syscall_arg1(regs);
	bpf_for_each_map_elem(&open_descriptors, forget_if_in_range, &range, 0);
	return 0;
}

SEC("tp_btf/sys_exit")
int descriptors_exit(__u64 *ctx)
{
	struct pt_regs *regs = (struct pt_regs *)ctx[0];
	long result = ctx[1];
	int nr = syscall_number(regs);
	enum kind kind = kind_of_result(nr);
	struct descriptor_counters *counters;
	int slot;

	if (result < 0 && nr != SYS_close)
		return 0;
	slot = observed_slot();
	if (slot < 0)
		return 0;
	counters = counters_of(slot);
	if (!counters)
		return 0;
	if (kind != NOTHING) {
		opened(counters, slot, result, kind);
		return 0;
	}
	switch (nr) {
	case SYS_close:
		closed(counters, result);
		break;
	case SYS_socketpair:
		opened_pair(counters, slot, syscall_arg3(regs), SOCKET);
		break;
	case SYS_pipe:
	case SYS_pipe2:
		opened_pair(counters, slot, syscall_arg0(regs), PIPE);
		break;
	case SYS_dup:
	case SYS_dup2:
	case SYS_dup3:
		duplicated(counters, slot, syscall_arg0(regs), result);
		break;
	case SYS_fcntl:
		if (syscall_arg1(regs) == F_DUPFD || syscall_arg1(regs) == F_DUPFD_CLOEXEC)
			duplicated(counters, slot, syscall_arg0(regs), result);
		break;
	case SYS_clone:
		if (syscall_arg0(regs) & CLONE_PIDFD)
			opened_pidfd(counters, slot, syscall_arg2(regs));
		break;
	case SYS_clone3:
		cloned(counters, slot, syscall_arg0(regs));
		break;
	}
	return 0;
}

const char license_name[] SEC("license") = "Dual BSD/GPL";

//go:build ignore

// SPDX-License-Identifier: Dual BSD/GPL
/*
 * fdleak: what a process opens and closes, by kind and by the stack that opened it, and what is
 * left open of it; closings of numbers that are not open; and registrations with epoll that a
 * close does not end.
 *
 * An opening is taken at the exit of the call, when the number is known. A closing is taken at the
 * entry: once close() has freed the number inside the kernel another thread may get the same one,
 * and the exits of the two calls can be seen in the wrong order.
 *
 * Entries of closed numbers stay, marked as closed: they tell a number that is closed twice from
 * one that was never open, and as none is ever deleted none can turn into another one under a
 * program's hands. The kernel gives the lowest free number, so there are no more of them than
 * descriptors that were open at the same time.
 */
#include "kernel.h"
#include "target.bpf.h"
#include "syscall.bpf.h"
#include "origin.bpf.h"
#include "epoll.bpf.h"
#include "requests.bpf.h"

#define F_DUPFD 0
#define F_DUPFD_CLOEXEC 1030
#define CLOSE_RANGE_CLOEXEC 4
#define CLONE_PIDFD 0x1000

/* Order of the counters; probes/fdleak/fdleak.go has the same. */
enum kind { SOCKET, ACCEPT, FILE, PIPE, EPOLL, EVENTFD, IO_URING, OTHER, KINDS, NOTHING = KINDS };

/* What else an origin can stand for; in the same file of Go. */
enum misuse { DOUBLE_CLOSE = KINDS, CLOSE_OF_UNKNOWN, EPOLL_OUTLIVES_CLOSE };

struct fdleak_counters {
	__u64 opened[KINDS];
	__u64 closed[KINDS];
	__u64 closed_preexisting;
	__u64 close_unseen;
	__u64 double_closes;
	__u64 closes_of_unknown;
	__u64 epoll_outlives;
	__u64 ring_opens_direct;
	__u64 ring_closes_direct;
	__u64 ring_opens;
	__u64 ring_closes;
	__u64 map_full;
	__u64 marks_full;
	__u64 origins_full;
	__u64 stacks_lost;
	__u64 thread_state_lost;
};

enum seen { NEVER_SEEN, CLOSED_BEFORE, CLOSED_NOW };

struct thread_state {
	__u32 closing; /* number + 1 while in a close whose result matters */
	__u32 seen;    /* enum seen of that number */
	__u64 copied;  /* address of its file if a copy keeps that and it is registered */
};

struct descriptor {
	__u64 opened_ns; /* 0: closed */
	struct origin origin;
};

/* Number in the low half, slot in the high half. */
struct {
	__uint(type, MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__type(key, __u64);
	__type(value, struct descriptor);
} descriptors SEC(".maps");

struct {
	__uint(type, MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, MAX_TARGETS);
	__type(key, __u32);
	__type(value, struct fdleak_counters);
} fdleak_counters SEC(".maps");

struct {
	__uint(type, MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, MAP_NO_PREALLOC);
	__type(key, __s32);
	__type(value, struct thread_state);
} fdleak_threads SEC(".maps");

/* call is what all that follows works on. */
struct call {
	void *ctx;
	struct pt_regs *regs;
	struct fdleak_counters *counters;
	int slot;
};

struct range {
	__u32 slot;
	__u32 first;
	__u32 last;
	struct fdleak_counters *counters;
};

INLINE struct fdleak_counters *counters_of(__u32 slot)
{
	return bpf_map_lookup_elem(&fdleak_counters, &slot);
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

/* came_from counts the place that the call comes from. A thread without frames (-EFAULT) has the
 * address of the call alone, which is no loss. */
INLINE void came_from(struct call *call, __u32 what, struct origin *origin)
{
	take_origin(call->ctx, call->regs, call->slot, what, origin);
	if (origin->stack == -EEXIST || origin->stack == -ENOMEM)
		call->counters->stacks_lost++;
}

INLINE void misused(struct call *call, enum misuse misuse)
{
	struct origin origin;

	came_from(call, misuse, &origin);
	if (!count_opened(&origin))
		call->counters->origins_full++;
}

/* mark_closed is 1 for the one who closes a descriptor, 0 if another thread was faster. */
INLINE int mark_closed(struct fdleak_counters *counters, struct descriptor *d)
{
	__u64 opened_ns = d->opened_ns;

	if (!opened_ns || __sync_val_compare_and_swap(&d->opened_ns, opened_ns, 0) != opened_ns)
		return 0;
	count(counters->closed, d->origin.what);
	count_closed(&d->origin);
	return 1;
}

INLINE enum seen forget(struct fdleak_counters *counters, int slot, __u32 fd)
{
	__u64 key = key_of(slot, fd);
	struct descriptor *known = bpf_map_lookup_elem(&descriptors, &key);

	if (!known)
		return NEVER_SEEN;
	return mark_closed(counters, known) ? CLOSED_NOW : CLOSED_BEFORE;
}

/* opened_from enters one descriptor that a call from this origin has opened. */
INLINE void opened_from(struct call *call, const struct origin *origin, __u32 fd)
{
	__u64 key = key_of(call->slot, fd);
	struct descriptor *known = bpf_map_lookup_elem(&descriptors, &key);
	struct descriptor fresh;

	count(call->counters->opened, origin->what);
	if (!count_opened(origin))
		call->counters->origins_full++;
	if (known) {
		/* Nobody is given a number that is still open. */
		if (mark_closed(call->counters, known))
			call->counters->close_unseen++;
		known->origin = *origin;
		known->opened_ns = bpf_ktime_get_ns();
		return;
	}
	fresh.origin = *origin;
	fresh.opened_ns = bpf_ktime_get_ns();
	if (bpf_map_update_elem(&descriptors, &key, &fresh, UPDATE_ANY))
		call->counters->map_full++;
}

INLINE void opened(struct call *call, __u32 fd, __u32 kind)
{
	struct origin origin;

	came_from(call, kind, &origin);
	opened_from(call, &origin, fd);
}

INLINE void opened_pair(struct call *call, __u64 address, __u32 kind)
{
	struct origin origin;
	__u32 pair[2];

	if (bpf_probe_read_user(pair, sizeof(pair), (const void *)address)) {
		call->counters->map_full += 2;
		return;
	}
	came_from(call, kind, &origin);
	opened_from(call, &origin, pair[0]);
	opened_from(call, &origin, pair[1]);
}

INLINE void opened_pidfd(struct call *call, __u64 address)
{
	__u32 fd;

	if (bpf_probe_read_user(&fd, sizeof(fd), (const void *)address))
		call->counters->map_full++;
	else
		opened(call, fd, OTHER);
}

/* struct clone_args begins with flags and the address that gets the pidfd. */
INLINE void cloned(struct call *call, __u64 address)
{
	__u64 args[2];

	if (!bpf_probe_read_user(args, sizeof(args), (const void *)address) &&
	    (args[0] & CLONE_PIDFD))
		opened_pidfd(call, args[1]);
}

/* The copy has the kind of its source; that of a source opened before the window is unknown.
 * dup2 and dup3 close what had the number before, without a call that could be seen. */
INLINE void duplicated(struct call *call, __u32 source, __u32 fd)
{
	__u64 key = key_of(call->slot, source);
	struct descriptor *known = bpf_map_lookup_elem(&descriptors, &key);
	__u32 kind = known && known->opened_ns ? known->origin.what : OTHER;

	if (source == fd)
		return;
	forget(call->counters, call->slot, fd);
	opened(call, fd, kind);
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

static long forget_if_in_range(void *map, const __u64 *key, struct descriptor *d,
			       struct range *range)
{
	__u32 fd = *key;

	if ((*key >> 32) == range->slot && fd >= range->first && fd <= range->last)
		mark_closed(range->counters, d);
	return 0;
}

/* file_that_outlives is the file of a number that is being closed, if it will live on and an epoll
 * waits for it under that number; 0 otherwise, which for most closings is found at the first test. */
INLINE struct file *file_that_outlives(__u32 fd)
{
	struct file *file = file_of_fd(fd);

	return file && is_registered(file, fd) && references(file) > 1 ? file : 0;
}

/* closing handles close() at its entry. A number that is not known to be open was opened before
 * the window or is not open at all; only the result tells which, so the exit looks again. */
INLINE void closing(struct fdleak_counters *counters, int slot, __u32 fd)
{
	enum seen seen = forget(counters, slot, fd);
	struct file *copied = file_that_outlives(fd);
	struct thread_state *state;

	if (seen == CLOSED_NOW && !copied)
		return;
	state = bpf_task_storage_get(&fdleak_threads, bpf_get_current_task_btf(), 0,
				     TASK_STORAGE_CREATE);
	if (!state) {
		counters->thread_state_lost++;
		return;
	}
	state->closing = fd + 1;
	state->seen = seen;
	state->copied = (__u64)copied;
}

/* closed_unknown handles the result for a number that was not known to be open. Linux frees the
 * number whatever close() answers, except EBADF. */
INLINE void closed_unknown(struct call *call, __u32 fd, enum seen seen, long result)
{
	__u64 key = key_of(call->slot, fd);
	struct descriptor mark = {};

	if (result != -EBADF) {
		call->counters->closed_preexisting++;
		/* Another thread may have been given the number already: then it is open. */
		result = bpf_map_update_elem(&descriptors, &key, &mark, UPDATE_NOEXIST);
		if (result && result != -EEXIST)
			call->counters->marks_full++;
	} else if (seen == CLOSED_BEFORE) {
		call->counters->double_closes++;
		misused(call, DOUBLE_CLOSE);
	} else {
		call->counters->closes_of_unknown++;
		misused(call, CLOSE_OF_UNKNOWN);
	}
}

INLINE void closed(struct call *call, long result)
{
	struct thread_state *state =
		bpf_task_storage_get(&fdleak_threads, bpf_get_current_task_btf(), 0, 0);
	struct file *copied;
	__u32 fd;

	if (!state || !state->closing)
		return;
	fd = state->closing - 1;
	copied = (struct file *)state->copied;
	state->closing = 0;
	/* A reference that another thread held for the time of a call is gone by now, or its
	 * holder is the last and takes the registration with it. */
	if (copied && references(copied) > 0 && is_registered(copied, fd)) {
		call->counters->epoll_outlives++;
		misused(call, EPOLL_OUTLIVES_CLOSE);
	}
	if (state->seen != CLOSED_NOW)
		closed_unknown(call, fd, state->seen, result);
}

SEC("tp_btf/sys_enter")
int fdleak_enter(__u64 *ctx)
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
	bpf_for_each_map_elem(&descriptors, forget_if_in_range, &range, 0);
	return 0;
}

SEC("tp_btf/sys_exit")
int fdleak_exit(__u64 *ctx)
{
	struct pt_regs *regs = (struct pt_regs *)ctx[0];
	long result = ctx[1];
	int nr = syscall_number(regs);
	enum kind kind = kind_of_result(nr);
	struct call call = {.ctx = ctx, .regs = regs};

	if (result < 0 && nr != SYS_close)
		return 0;
	call.slot = observed_slot();
	if (call.slot < 0)
		return 0;
	call.counters = counters_of(call.slot);
	if (!call.counters)
		return 0;
	if (kind != NOTHING) {
		opened(&call, result, kind);
		return 0;
	}
	switch (nr) {
	case SYS_close:
		closed(&call, result);
		break;
	case SYS_socketpair:
		opened_pair(&call, syscall_arg3(regs), SOCKET);
		break;
	case SYS_pipe:
	case SYS_pipe2:
		opened_pair(&call, syscall_arg0(regs), PIPE);
		break;
	case SYS_dup:
	case SYS_dup2:
	case SYS_dup3:
		duplicated(&call, syscall_arg0(regs), result);
		break;
	case SYS_fcntl:
		if (syscall_arg1(regs) == F_DUPFD || syscall_arg1(regs) == F_DUPFD_CLOEXEC)
			duplicated(&call, syscall_arg0(regs), result);
		break;
	case SYS_clone:
		if (syscall_arg0(regs) & CLONE_PIDFD)
			opened_pidfd(&call, syscall_arg2(regs));
		break;
	case SYS_clone3:
		cloned(&call, syscall_arg0(regs));
		break;
	}
	return 0;
}

/* A request is counted when it is submitted: what it answers, and how many connections a single
 * request accepts, is not looked at. A number that it closes is known, one that it opens is not. */
SEC("tp_btf/io_uring_submit_req")
int fdleak_submit(__u64 *ctx)
{
	struct io_kiocb *request = (struct io_kiocb *)ctx[0];
	struct fdleak_counters *counters;
	__u32 direct = 0, fd = 0;
	__u8 opcode = request->opcode;
	int slot;

	if (opcode != IORING_OP_ACCEPT && opcode != IORING_OP_OPENAT &&
	    opcode != IORING_OP_OPENAT2 && opcode != IORING_OP_SOCKET && opcode != IORING_OP_CLOSE)
		return 0;
	slot = observed_slot();
	if (slot < 0)
		return 0;
	counters = counters_of(slot);
	if (!counters)
		return 0;
	if (opcode == IORING_OP_CLOSE) {
		KERNEL_READ(&direct, COMMAND(io_close, request)->file_slot);
		KERNEL_READ(&fd, COMMAND(io_close, request)->fd);
		if (direct) {
			counters->ring_closes_direct++;
			return 0;
		}
		counters->ring_closes++;
		forget(counters, slot, fd);
		return 0;
	}
	if (opcode == IORING_OP_ACCEPT)
		KERNEL_READ(&direct, COMMAND(io_accept, request)->file_slot);
	else if (opcode == IORING_OP_SOCKET)
		KERNEL_READ(&direct, COMMAND(io_socket, request)->file_slot);
	else
		KERNEL_READ(&direct, COMMAND(io_open, request)->file_slot);
	if (direct)
		counters->ring_opens_direct++;
	else
		counters->ring_opens++;
	return 0;
}

const char license_name[] SEC("license") = "Dual BSD/GPL";

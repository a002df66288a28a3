//go:build ignore

// SPDX-License-Identifier: Dual BSD/GPL
/*
 * request: where a request spends its time between the kernel and the reply.
 *
 *   sk_data_ready(sk)                             its first bytes can be read  -> stamp of the socket
 *   runtime.netpollready(toRun, pd, mode)         the runtime wakes its reader -> socket and g
 *   runtime.execute(gp, inheritTime)              the reader runs              -> by its g
 *   entry of write, writev, sendto, ... (socket)  the reply                    -> record
 *
 * All stages of a request are recorded at once, at its end, so they have equal counts and their
 * sums add up. The end is the *entry* of the write: the reply is not out before it, so a client
 * never sees it earlier; on loopback the call itself would run the client's side too.
 *
 * A reader that finds its data there does not park, and nothing wakes it: such a request goes from
 * the stamp to the read to the write (DIRECT), in histograms of its own.
 *
 * The stamp is taken away at the *entry* of a read, because what comes afterwards may or may not be
 * in it. If it is, its stamp is stale; Go reads until it gets EAGAIN before it parks, and the
 * stamp that such a read took was of data already read.
 */
#include "kernel.h"
#include "histogram.bpf.h"
#include "target.bpf.h"
#include "goabi.bpf.h"
#include "syscall.bpf.h"
#include "sock.bpf.h"
#include "request.h"

struct sk_buff {
	unsigned int len;
	unsigned char *data;
} RELOCATED;

struct socket___file {
	struct file *file;
} RELOCATED;

struct sock___socket {
	struct socket___file *sk_socket;
} RELOCATED;

INLINE int is_listening(struct sock *sk)
{
	__u8 state = 0;

	bpf_probe_read_kernel(&state, sizeof(state),
			      (const void *)__builtin_preserve_access_index(
				      &sk->__sk_common.skc_state));
	return state == TCP_LISTEN;
}

/* adopt is the entry of a socket that a target had when the probe was attached: user space knows
 * those by the number of their inode. 0 if it is none. */
INLINE struct connection *adopt(__u64 sk)
{
	struct sock___socket *holder = (struct sock___socket *)sk;
	struct socket___file *socket = 0;
	struct file *file = 0;
	struct inode *inode = 0;
	unsigned long number = 0;
	struct request_counters *counters;
	__u64 key;
	__u32 *slot;

	if (KERNEL_READ(&socket, holder->sk_socket) || !socket ||
	    KERNEL_READ(&file, socket->file) || !file || KERNEL_READ(&inode, file->f_inode) ||
	    KERNEL_READ(&number, inode->i_ino))
		return 0;
	key = number;
	slot = bpf_map_lookup_elem(&older_sockets, &key);
	counters = slot ? counters_of(*slot) : 0;
	return counters ? follow(counters, *slot, sk) : 0;
}

/* stamp_readable runs in softirq under whatever task is there: the socket says whose it is. */
INLINE void stamp_readable(__u64 sk)
{
	struct connection *c;

	if (!window_open())
		return;
	c = find_connection(sk);
	if (!c)
		c = adopt(sk);
	if (c && !c->readable_ns)
		__sync_val_compare_and_swap(&c->readable_ns, 0, bpf_ktime_get_ns());
}

SEC("tp_btf/sk_data_ready")
int on_data_ready(__u64 *ctx)
{
	stamp_readable(ctx[0]);
	return 0;
}

/* For kernels without sk_data_ready: every segment of an established connection passes here,
 * acknowledgements too. */
SEC("tp_btf/tcp_probe")
int on_tcp_probe(__u64 *ctx)
{
	struct sk_buff *skb = (struct sk_buff *)ctx[1];
	unsigned char *header = 0;
	unsigned int len = 0;
	__u8 words = 0;

	if (KERNEL_READ(&len, skb->len) || KERNEL_READ(&header, skb->data) ||
	    bpf_probe_read_kernel(&words, sizeof(words), header + 12))
		return 0;
	if (len > (words >> 4) * 4)
		stamp_readable(ctx[0]);
	return 0;
}

SEC("uprobe")
int on_netpollready(struct go_regs *ctx)
{
	int slot = observed_slot();
	__u64 pd = GO_ARG1(ctx);
	__u32 mode = GO_ARG2(ctx);
	__u64 fd = 0, g = 0, key, seen, stamped;
	struct request_counters *counters;
	struct connection *c;
	struct sock *sk;

	if (slot < 0 || slot >= MAX_TARGETS)
		return 0;
	counters = counters_of(slot);
	if (!counters)
		return 0;
	COUNT(counters, netpollready_hits);
	if (mode != MODE_READ && mode != MODE_BOTH)
		return 0;
	/* The runtime has not yet swapped the word: it still names the waiter, if there is one. */
	if (bpf_probe_read_user(&g, sizeof(g), (const void *)(pd + poll_desc[slot].rg)) ||
	    g <= POLL_STATE_MAX)
		return 0;
	if (bpf_probe_read_user(&fd, sizeof(fd), (const void *)(pd + poll_desc[slot].fd)))
		return 0;
	sk = sock_of_fd(fd);
	if (!sk) {
		COUNT(counters, wakes_without_socket);
		return 0;
	}
	if (is_listening(sk)) {
		COUNT(counters, wakes_for_accept);
		return 0;
	}
	key = (__u64)sk;
	c = follow(counters, slot, key);
	if (!c)
		return 0;
	seen = progress_of(c);
	stamped = take_readable(c);
	abandon(counters, stage_of(seen));
	if (!stamped) {
		COUNT(counters, wakes_without_readable);
		step(c, seen, IDLE);
		return 0;
	}
	COUNT(counters, woken);
	c->begun_ns = stamped;
	c->ready_ns = bpf_ktime_get_ns();
	c->g = g;
	c->read = 0;
	step(c, seen, READY);
	g |= (__u64)slot << SLOT_SHIFT;
	if (bpf_map_update_elem(&woken_for, &g, &key, UPDATE_ANY))
		COUNT(counters, goroutines_full);
	return 0;
}

SEC("uprobe")
int on_execute(struct go_regs *ctx)
{
	int slot = observed_slot();
	__u64 g = GO_ARG0(ctx), key, sk, seen;
	struct request_counters *counters;
	struct connection *c;
	__u64 *found;

	if (slot < 0 || slot >= MAX_TARGETS)
		return 0;
	counters = counters_of(slot);
	if (!counters)
		return 0;
	COUNT(counters, execute_hits);
	key = g | (__u64)slot << SLOT_SHIFT;
	found = bpf_map_lookup_elem(&woken_for, &key);
	if (!found)
		return 0;
	sk = *found;
	bpf_map_delete_elem(&woken_for, &key);
	c = find_connection(sk);
	if (!c || c->g != g)
		return 0; /* closed, or the next request has taken its place: counted there */
	seen = progress_of(c);
	if (stage_of(seen) != READY)
		return 0;
	c->run_ns = bpf_ktime_get_ns();
	step(c, seen, RUNNING);
	return 0;
}

INLINE int is_read(int nr)
{
	return nr == SYS_read || nr == SYS_readv || nr == SYS_recvfrom || nr == SYS_recvmsg;
}

INLINE int is_write(int nr)
{
	return nr == SYS_write || nr == SYS_writev || nr == SYS_sendto || nr == SYS_sendmsg ||
	       nr == SYS_sendmmsg || nr == SYS_sendfile;
}

INLINE void read_begins(struct request_counters *counters, int slot, __u64 sk)
{
	struct connection *c = follow(counters, slot, sk);
	struct reading *reading;

	if (!c)
		return;
	reading = bpf_task_storage_get(&request_threads, bpf_get_current_task_btf(), 0,
				       TASK_STORAGE_CREATE);
	if (!reading) {
		COUNT(counters, thread_state_lost);
		return;
	}
	reading->readable_ns = take_readable(c);
	reading->sk = sk;
}

/* read_ended is the end of a stream, or an error. */
INLINE void read_ended(struct request_counters *counters, struct connection *c, __u64 seen)
{
	if (stage_of(seen) != IDLE && stage_of(seen) != UNSTAMPED)
		COUNT(counters, ended);
	step(c, seen, IDLE);
}

INLINE void read_empty(struct request_counters *counters, struct connection *c, __u64 seen,
		       __u64 stamped)
{
	c->settled = 1;
	if (stamped)
		COUNT(counters, coalesced);
	/* Where data was read since the goroutine ran, the request waits for its rest. */
	if (stage_of(seen) == RUNNING && !c->read && step(c, seen, IDLE))
		COUNT(counters, woken_for_nothing);
}

INLINE void read_data(struct request_counters *counters, struct connection *c, __u64 seen,
		      __u64 stamped)
{
	c->read = 1;
	if (stage_of(seen) != IDLE) {
		if (stamped)
			COUNT(counters, coalesced); /* more of the same request, or the next with it */
		return;
	}
	if (!stamped)
		stamped = take_readable(c); /* came after the entry */
	if (!stamped) {
		step(c, seen, UNSTAMPED);
		return;
	}
	COUNT(counters, direct);
	c->begun_ns = stamped;
	c->run_ns = bpf_ktime_get_ns();
	step(c, seen, DIRECT);
}

INLINE void read_ends(struct request_counters *counters, struct reading *reading, long result)
{
	struct connection *c = find_connection(reading->sk);
	__u64 stamped = reading->readable_ns, seen;

	reading->sk = 0;
	if (!c)
		return;
	seen = progress_of(c);
	if (result > 0)
		read_data(counters, c, seen, stamped);
	else if (result == -EAGAIN)
		read_empty(counters, c, seen, stamped);
	else if (result == -EINTR || (result <= -ERESTARTSYS && result >= -ERESTART_RESTARTBLOCK))
		__sync_val_compare_and_swap(&c->readable_ns, 0, stamped);
	else
		read_ended(counters, c, seen);
}

INLINE void write_begins(struct request_counters *counters, int slot, __u64 sk)
{
	struct connection *c = find_connection(sk);
	__u64 now = bpf_ktime_get_ns(), seen, begun, ready, run;

	if (!c || c->slot != (__u32)slot)
		return; /* nothing has been read from it */
	seen = progress_of(c);
	begun = c->begun_ns;
	ready = c->ready_ns;
	run = c->run_ns;
	switch (stage_of(seen)) {
	case RUNNING:
		if (!step(c, seen, IDLE))
			break;
		COUNT(counters, joined);
		record(slot, READABLE_TO_READY, ready - begun);
		record(slot, READY_TO_RUN, run - ready);
		record(slot, RUN_TO_WRITE, now - run);
		record(slot, READABLE_TO_WRITE, now - begun);
		c->settled = 1;
		return;
	case DIRECT:
		if (!step(c, seen, IDLE))
			break;
		COUNT(counters, direct_joined);
		record(slot, READABLE_TO_READ, run - begun);
		record(slot, READ_TO_WRITE, now - run);
		c->settled = 1;
		return;
	case UNSTAMPED:
		if (!step(c, seen, IDLE))
			break;
		if (c->settled)
			COUNT(counters, answers_without_readable);
		else
			COUNT(counters, answers_from_before);
		c->settled = 1;
		return;
	default:
		break;
	}
	COUNT(counters, further_writes);
}

/* Closing goes on before the window too: it is state, not a count. */
INLINE void closing(__u32 fd)
{
	int slot = target_slot();
	struct request_counters *counters;
	struct connection *c;
	enum stage stage;
	__u64 sk;

	if (slot < 0)
		return;
	sk = (__u64)sock_of_fd(fd);
	c = sk ? find_connection(sk) : 0;
	if (!c)
		return;
	counters = counters_of(slot);
	stage = stage_of(progress_of(c));
	if (counters && window_open() && stage != IDLE && stage != UNSTAMPED)
		COUNT(counters, closed);
	bpf_map_delete_elem(&connections, &sk);
}

SEC("tp_btf/sys_enter")
int request_enter(__u64 *ctx)
{
	struct pt_regs *regs = (struct pt_regs *)ctx[0];
	int nr = ctx[1], slot;
	struct request_counters *counters;
	struct sock *sk;

	if (nr == SYS_close) {
		closing(syscall_arg0(regs));
		return 0;
	}
	if (!is_read(nr) && !is_write(nr))
		return 0;
	slot = observed_slot();
	if (slot < 0)
		return 0;
	counters = counters_of(slot);
	sk = sock_of_fd(syscall_arg0(regs));
	if (!counters || !sk)
		return 0;
	if (is_read(nr))
		read_begins(counters, slot, (__u64)sk);
	else
		write_begins(counters, slot, (__u64)sk);
	return 0;
}

/* opened enters a new socket, in place of one that was at its address and closed unseen. */
INLINE void opened(__u32 fd)
{
	struct connection fresh = {};
	struct request_counters *counters;
	int slot = target_slot();
	__u64 sk;

	if (slot < 0)
		return;
	sk = (__u64)sock_of_fd(fd);
	if (!sk)
		return;
	fresh.slot = slot;
	fresh.settled = window_open();
	counters = counters_of(slot);
	if (bpf_map_update_elem(&connections, &sk, &fresh, UPDATE_ANY) && counters)
		COUNT(counters, sockets_full);
}

SEC("tp_btf/sys_exit")
int request_exit(__u64 *ctx)
{
	struct pt_regs *regs = (struct pt_regs *)ctx[0];
	long result = ctx[1];
	int nr = syscall_number(regs), slot;
	struct request_counters *counters;
	struct reading *reading;

	if (nr == SYS_accept4 || nr == SYS_accept || nr == SYS_socket) {
		if (result >= 0)
			opened(result);
		return 0;
	}
	if (!is_read(nr))
		return 0;
	slot = observed_slot();
	if (slot < 0)
		return 0;
	reading = bpf_task_storage_get(&request_threads, bpf_get_current_task_btf(), 0, 0);
	counters = counters_of(slot);
	if (reading && reading->sk && counters)
		read_ends(counters, reading, result);
	return 0;
}

const char license_name[] SEC("license") = "Dual BSD/GPL";

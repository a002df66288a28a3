//go:build ignore

// SPDX-License-Identifier: Dual BSD/GPL
/*
 * tcplife: the life of TCP connections, at the side that accepts and at the side that connects.
 *
 * A connecting socket belongs to the process that asks for SYN_SENT. An accepted one is made in
 * softirq, so it belongs to the target that listens on its port until accept() tells who has it.
 */
#include "kernel.h"
#include "histogram.bpf.h"
#include "target.bpf.h"
#include "syscall.bpf.h"
#include "sock.bpf.h"
#include "connection.bpf.h"
#include "socket.bpf.h"

INLINE int slot_of_port(struct sock *sk)
{
	struct listener at = {};
	__u32 *slot;

	if (local_port(sk, &at))
		return -1;
	slot = bpf_map_lookup_elem(&listeners, &at);
	return slot ? (int)*slot : -1;
}

/* slot_of_older is whose a connection is that the window did not see begin, -1 if no target's. */
INLINE int slot_of_older(struct sock *sk)
{
	struct ends ends = {};
	__u64 key = (__u64)sk;
	__u32 *slot = bpf_map_lookup_elem(&older_sockets, &key);

	if (!slot && !ends_of(sk, &ends))
		slot = bpf_map_lookup_elem(&older_ends, &ends);
	return slot ? (int)*slot : slot_of_port(sk);
}

/* forgets takes out an older connection that has ended: its ports may become another process's. */
INLINE void forgets(struct sock *sk)
{
	struct ends ends = {};
	__u64 key = (__u64)sk;

	bpf_map_delete_elem(&older_sockets, &key);
	if (!ends_of(sk, &ends))
		bpf_map_delete_elem(&older_ends, &ends);
}

INLINE void listens(struct sock *sk, __u32 slot)
{
	struct tcplife_counters *counters = counters_of(slot);
	struct listener at = {};

	if (local_port(sk, &at) || !at.port || !counters)
		return;
	if (bpf_map_update_elem(&listeners, &at, &slot, UPDATE_ANY))
		add(&counters->listeners_full, 1);
}

INLINE void begins(struct sock *sk, struct tcplife_counters *counters, struct connection *fresh)
{
	__u64 key = (__u64)sk;

	if (bpf_map_update_elem(&connections, &key, fresh, UPDATE_ANY))
		add(&counters->connections_full, 1);
}

/* connects: the running thread asks for a connection. */
INLINE void connects(struct sock *sk)
{
	struct connection fresh = { .side = CLIENT, .path = TCP_SYN_SENT };
	struct tcplife_counters *counters;
	int slot = observed_slot();

	if (slot < 0)
		return;
	counters = counters_of(slot);
	if (!counters)
		return;
	fresh.slot = slot;
	fresh.born_ns = bpf_ktime_get_ns();
	add(&counters->connects, 1);
	begins(sk, counters, &fresh);
}

/* arrives: a connection is complete and waits in the listener's queue. */
INLINE void arrives(struct sock *sk)
{
	struct connection fresh = { .side = SERVER, .path = TCP_SYN_RECV << 4 | TCP_ESTABLISHED };
	struct tcplife_counters *counters;
	int slot = slot_of_port(sk);

	if (slot < 0)
		return;
	counters = counters_of(slot);
	if (!counters)
		return;
	fresh.slot = slot;
	fresh.born_ns = fresh.established_ns = bpf_ktime_get_ns();
	add(&counters->sides[SERVER].established, 1);
	begins(sk, counters, &fresh);
}

INLINE void connected(struct tcplife_counters *counters, struct connection *c)
{
	c->established_ns = bpf_ktime_get_ns();
	add(&counters->sides[CLIENT].established, 1);
	record(c->slot, CONNECT, c->established_ns - c->born_ns);
}

INLINE void connect_failed(struct tcplife_counters *counters, int error)
{
	if (error == ECONNREFUSED)
		add(&counters->refused, 1);
	else if (error == ETIMEDOUT)
		add(&counters->connects_timed_out, 1);
	else
		add(&counters->connects_failed, 1);
}

INLINE void ends(struct sock *sk, struct tcplife_counters *counters, struct connection *c, int from)
{
	struct side_counters *side = &counters->sides[c->side == CLIENT ? CLIENT : SERVER];
	__u64 now = bpf_ktime_get_ns(), received = 0, sent = 0;
	__u32 first = c->first;

	/* Neither end has said FIN or reset: this end gives up, by itself or as nobody answers. */
	if (!first) {
		int error = 0;

		KERNEL_READ(&error, life_of(sk)->sk_err);
		first = (error == ETIMEDOUT ? TIMEOUT : LOCAL_RESET) + 1;
	}
	add(&side->closed, 1);
	add(&side->requests, c->requests);
	if (first - 1 < FIRSTS)
		add(&side->closed_first[first - 1], 1);
	if (first != REMOTE_RESET + 1 && (from == TCP_FIN_WAIT2 || from == TCP_CLOSING))
		add(&side->time_waits, 1);
	if (c->side == SERVER && !c->accepted_ns)
		add(&counters->closed_unaccepted, 1);
	if (c->born_ns)
		record(c->slot, LIFE, now - c->born_ns);
	if (c->accepted_ns)
		record(c->slot, ACCEPT_TO_CLOSE, now - c->accepted_ns);
	record(c->slot, REQUESTS, c->requests);
	if (transferred(sk, &received, &sent)) {
		add(&counters->unreadable, 1);
		return;
	}
	add(&side->received_bytes, received);
	add(&side->sent_bytes, sent);
	record(c->slot, RECEIVED, received);
	record(c->slot, SENT, sent);
}

INLINE void changes(struct sock *sk, struct connection *c, int from, int to)
{
	struct tcplife_counters *counters = counters_of(c->slot);
	__u64 key = (__u64)sk;

	if (!counters)
		return;
	if (!(c->path >> 60)) /* 16 states at most; no way through TCP is longer than 8 */
		c->path = c->path << 4 | to;
	if (to == TCP_ESTABLISHED)
		connected(counters, c);
	else if (to == TCP_FIN_WAIT1 && !c->first)
		c->first = LOCAL_FIN + 1;
	else if (to == TCP_CLOSE_WAIT && !c->first)
		c->first = REMOTE_FIN + 1;
	if (to != TCP_CLOSE)
		return;
	count_path(counters, c);
	if (c->side == CLIENT && !c->established_ns) {
		int error = 0;

		KERNEL_READ(&error, life_of(sk)->sk_err);
		connect_failed(counters, error);
	} else {
		ends(sk, counters, c, from);
	}
	bpf_map_delete_elem(&connections, &key);
}

/* before_window follows whose connections are, so that the window knows it of those that last. */
INLINE void before_window(struct sock *sk, int to)
{
	__u64 key = (__u64)sk;
	__u32 slot;

	if (to == TCP_CLOSE) {
		forgets(sk);
		return;
	}
	slot = target_slot();
	if (to == TCP_SYN_SENT && (int)slot >= 0 && is_tcp(sk) &&
	    bpf_map_update_elem(&older_sockets, &key, &slot, UPDATE_ANY)) {
		struct tcplife_counters *counters = counters_of(slot);

		if (counters)
			add(&counters->older_full, 1);
	}
}

SEC("tp_btf/inet_sock_set_state")
int tcplife_state(__u64 *ctx)
{
	struct sock *sk = (struct sock *)ctx[0];
	int from = (int)ctx[1], to = (int)ctx[2], slot;
	struct tcplife_counters *counters;
	struct connection *known;

	/* The ports are followed before the window too: they are state, not counts. */
	if (to == TCP_LISTEN) {
		slot = target_slot();
		if (slot >= 0 && is_tcp(sk))
			listens(sk, slot);
		return 0;
	}
	if (!window_open()) {
		before_window(sk, to);
		return 0;
	}
	if (to == TCP_SYN_SENT) {
		if (is_tcp(sk))
			connects(sk);
		return 0;
	}
	known = connection_of(sk);
	if (known) {
		changes(sk, known, from, to);
		return 0;
	}
	if (from == TCP_SYN_RECV && to == TCP_ESTABLISHED && is_tcp(sk)) {
		arrives(sk);
	} else if (to == TCP_CLOSE && from != TCP_CLOSE && from != TCP_LISTEN &&
		   from != TCP_SYN_RECV && from != TCP_SYN_SENT && is_tcp(sk)) {
		slot = slot_of_older(sk);
		counters = slot < 0 ? 0 : counters_of(slot);
		if (counters)
			add(&counters->closed_preexisting, 1);
		forgets(sk);
	}
	return 0;
}

SEC("tp_btf/tcp_retransmit_skb")
int tcplife_retransmit(__u64 *ctx)
{
	struct sock *sk = (struct sock *)ctx[0];
	struct tcplife_counters *counters;
	struct connection *c;
	int slot;

	if (!window_open())
		return 0;
	c = connection_of(sk);
	slot = c ? (int)c->slot : slot_of_older(sk);
	counters = slot < 0 ? 0 : counters_of(slot);
	if (!counters)
		return 0;
	if (!c)
		add(&counters->retransmits_older, 1);
	add(!c || c->established_ns || c->side == SERVER ? &counters->retransmits :
							   &counters->syn_retransmits, 1);
	return 0;
}

SEC("tp_btf/tcp_receive_reset")
int tcplife_receive_reset(__u64 *ctx)
{
	struct sock *sk = (struct sock *)ctx[0];
	struct tcplife_counters *counters;
	struct connection *c;
	int slot;

	if (!window_open())
		return 0;
	c = connection_of(sk);
	slot = c ? (int)c->slot : slot_of_older(sk);
	counters = slot < 0 ? 0 : counters_of(slot);
	if (!counters)
		return 0;
	add(&counters->resets_received, 1);
	if (c && !c->first)
		c->first = REMOTE_RESET + 1;
	return 0;
}

/* A socket that resets because its process closes it is already in CLOSE and has lost its port:
 * then it is the running process that resets. */
SEC("tp_btf/tcp_send_reset")
int tcplife_send_reset(__u64 *ctx)
{
	struct tcplife_counters *counters;
	struct connection *c;
	int slot;

	if (!ctx[0] || !window_open())
		return 0;
	c = connection_of((void *)ctx[0]);
	slot = c ? (int)c->slot : target_slot();
	counters = slot < 0 ? 0 : counters_of(slot);
	if (counters)
		add(&counters->resets_sent, 1);
	return 0;
}

/* look_at_backlog: how many the queue held with the connection that has just been taken. */
INLINE void look_at_backlog(struct tcplife_counters *counters, struct sock *listener)
{
	__u32 waiting = 0, limit = 0;

	if (KERNEL_READ(&waiting, life_of(listener)->sk_ack_backlog) ||
	    KERNEL_READ(&limit, life_of(listener)->sk_max_ack_backlog))
		return;
	if (waiting + 1 > counters->backlog_max)
		counters->backlog_max = waiting + 1;
	if (limit > counters->backlog_limit)
		counters->backlog_limit = limit;
}

INLINE void accepts(struct tcplife_counters *counters, int slot, __u32 listening, __u32 fd)
{
	struct connection fresh = { .side = SERVER, .slot = slot };
	struct sock *sk = sock_of_fd(fd), *listener;
	__u64 now = bpf_ktime_get_ns();
	struct connection *known;
	__u8 state = 0;

	if (!is_tcp(sk))
		return;
	add(&counters->accepted, 1);
	listener = sock_of_fd(listening);
	if (is_tcp(listener))
		look_at_backlog(counters, listener);
	known = connection_of(sk);
	if (known) {
		known->slot = slot;
		known->accepted_ns = now;
		record(slot, ACCEPT_QUEUE, now - known->established_ns);
		return;
	}
	KERNEL_READ(&state, life_of(sk)->__sk_common.skc_state);
	if (state == TCP_CLOSE) {
		add(&counters->accepted_closed, 1);
		return;
	}
	add(&counters->accepted_preexisting, 1);
	fresh.path = state;
	fresh.accepted_ns = now;
	begins(sk, counters, &fresh);
}

/* A request is a turn: the server reads first or after it has written, the client writes first or
 * after it has read. */
INLINE void moves(struct sock *sk, enum direction direction)
{
	struct connection *c = connection_of(sk);

	if (!c || c->direction == direction)
		return;
	c->direction = direction;
	if (direction == (c->side == CLIENT ? WRITE : READ))
		add(&c->requests, 1);
}

INLINE void writes(int slot, __u32 fd)
{
	struct tcplife_counters *counters = counters_of(slot);
	struct sock *sk = sock_of_fd(fd);

	if (!counters || !is_tcp(sk))
		return;
	moves(sk, WRITE);
	if (held_by_nagle(sk))
		add(&counters->nagle_holds, 1);
}

SEC("tp_btf/sys_exit")
int tcplife_exit(__u64 *ctx)
{
	struct pt_regs *regs = (struct pt_regs *)ctx[0];
	struct tcplife_counters *counters;
	long result = (long)ctx[1];
	int slot = observed_slot();

	if (slot < 0 || result < 0)
		return 0;
	switch ((int)syscall_number(regs)) {
	case SYS_accept:
	case SYS_accept4:
		counters = counters_of(slot);
		if (counters)
			accepts(counters, slot, syscall_arg0(regs), result);
		return 0;
	case SYS_read:
	case SYS_readv:
	case SYS_recvfrom:
	case SYS_recvmsg:
		if (result)
			moves(sock_of_fd(syscall_arg0(regs)), READ);
		return 0;
	case SYS_write:
	case SYS_writev:
	case SYS_sendto:
	case SYS_sendmsg:
	case SYS_sendfile:
		if (result)
			writes(slot, syscall_arg0(regs));
		return 0;
	}
	return 0;
}

const char license_name[] SEC("license") = "Dual BSD/GPL";

/* SPDX-License-Identifier: Dual BSD/GPL */
/*
 * What tcplife keeps: a connection from its first state in the window to its last, the ports that
 * a target listens on, the ways connections took, and counters.
 *
 * Most of a connection's states change in softirq, under whatever task runs there, which can be
 * in the middle of a program of this probe: additions are therefore atomic. The fields of a
 * connection have one writer each: the state changes, which the socket's lock keeps apart, or the
 * thread that reads and writes.
 */
#ifndef POLLGATE_TCPLIFE_CONNECTION_H
#define POLLGATE_TCPLIFE_CONNECTION_H

/* include/net/tcp_states.h */
enum tcp_state {
	TCP_ESTABLISHED = 1, TCP_SYN_SENT, TCP_SYN_RECV, TCP_FIN_WAIT1, TCP_FIN_WAIT2,
	TCP_TIME_WAIT, TCP_CLOSE, TCP_CLOSE_WAIT, TCP_LAST_ACK, TCP_LISTEN, TCP_CLOSING,
};

#define ETIMEDOUT 110
#define ECONNREFUSED 111
#define SOCK_DONE_FLAG (1UL << 1) /* enum sock_flags in include/net/sock.h: a FIN has come */

/* Orders that probes/tcplife/tcplife.go has as well. */
enum side { SERVER, CLIENT, SIDES };
enum first { LOCAL_FIN, REMOTE_FIN, LOCAL_RESET, REMOTE_RESET, TIMEOUT, FIRSTS };
enum metric {
	ACCEPT_QUEUE, CONNECT, ACCEPT_TO_CLOSE, LIFE, RECEIVED, SENT, REQUESTS, METRICS
};
enum direction { NEITHER, READ, WRITE };

struct connection {
	__u64 born_ns;	      /* SYN_SENT, or ESTABLISHED at the server; 0: before the window */
	__u64 established_ns; /* 0: not yet, or before the window */
	__u64 accepted_ns;
	__u64 path; /* the states, 4 bits each, the latest lowest */
	__u64 requests;
	__u32 slot;
	__u32 side;
	__u32 first; /* enum first + 1 */
	__u32 direction;
};

struct side_counters {
	__u64 established;
	__u64 closed;
	__u64 closed_first[FIRSTS];
	__u64 received_bytes;
	__u64 sent_bytes;
	__u64 time_waits;
	__u64 requests;
};

struct tcplife_counters {
	struct side_counters sides[SIDES];
	__u64 connects;
	__u64 refused;
	__u64 connects_timed_out;
	__u64 connects_failed;
	__u64 accepted;
	__u64 accepted_preexisting;
	__u64 accepted_closed;
	__u64 closed_unaccepted;
	__u64 closed_preexisting;
	__u64 retransmits;
	__u64 retransmits_older; /* of them, on connections from before the window */
	__u64 syn_retransmits;
	__u64 nagle_holds;
	__u64 resets_sent;
	__u64 resets_received;
	__u64 backlog_max;
	__u64 backlog_limit;
	__u64 connections_full;
	__u64 listeners_full;
	__u64 paths_full;
	__u64 older_full;
	__u64 unreadable;
};

/* Beside the socket's address nothing tells connections apart; it is given anew only after CLOSE. */
struct {
	__uint(type, MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__type(key, __u64);
	__type(value, struct connection);
} connections SEC(".maps");

struct listener {
	__u32 network; /* inode of the network namespace */
	__u32 port;
};

struct {
	__uint(type, MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct listener);
	__type(value, __u32);
} listeners SEC(".maps");

/* Whose the connections from before the window are. Of those that were there when the probe was attached
 * /proc tells the two ports; of those that the target asked for since, the socket is known. */
struct ends {
	struct listener local;
	__u32 remote_port;
};

struct {
	__uint(type, MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__uint(map_flags, MAP_NO_PREALLOC);
	__type(key, struct ends);
	__type(value, __u32);
} older_ends SEC(".maps");

struct {
	__uint(type, MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__uint(map_flags, MAP_NO_PREALLOC);
	__type(key, __u64);
	__type(value, __u32);
} older_sockets SEC(".maps");

struct path {
	__u64 states;
	__u32 slot;
	__u32 side;
};

struct {
	__uint(type, MAP_TYPE_HASH);
	__uint(max_entries, 512);
	__type(key, struct path);
	__type(value, __u64);
} paths SEC(".maps");

struct {
	__uint(type, MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, MAX_TARGETS);
	__type(key, __u32);
	__type(value, struct tcplife_counters);
} tcplife_counters SEC(".maps");

struct {
	__uint(type, MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, MAX_TARGETS * METRICS);
	__type(key, __u32);
	__type(value, struct histogram);
} tcplife_histograms SEC(".maps");

INLINE struct tcplife_counters *counters_of(__u32 slot)
{
	return bpf_map_lookup_elem(&tcplife_counters, &slot);
}

INLINE void add(__u64 *counter, __u64 n) { __sync_fetch_and_add(counter, n); }

INLINE void record(__u32 slot, enum metric metric, __u64 value)
{
	__u32 index = slot * METRICS + metric;
	struct histogram *h = bpf_map_lookup_elem(&tcplife_histograms, &index);

	if (h)
		histogram_record_preemptible(h, value);
}

INLINE struct connection *connection_of(const void *sk)
{
	__u64 key = (__u64)sk;

	return key ? bpf_map_lookup_elem(&connections, &key) : 0;
}

INLINE void count_path(struct tcplife_counters *counters, const struct connection *c)
{
	struct path key = { .states = c->path, .slot = c->slot, .side = c->side };
	__u64 *count = bpf_map_lookup_elem(&paths, &key), zero = 0;

	if (!count) {
		bpf_map_update_elem(&paths, &key, &zero, UPDATE_NOEXIST);
		count = bpf_map_lookup_elem(&paths, &key);
	}
	if (count)
		add(count, 1);
	else
		add(&counters->paths_full, 1);
}

#endif /* POLLGATE_TCPLIFE_CONNECTION_H */

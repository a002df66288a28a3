/* SPDX-License-Identifier: Dual BSD/GPL */
/*
 * What the kernel's sockets tell tcplife. The structures of include/sock.bpf.h have what every
 * probe needs; these flavours of the same ones (the loader ignores what follows ___) add the rest.
 */
#ifndef POLLGATE_TCPLIFE_SOCKET_H
#define POLLGATE_TCPLIFE_SOCKET_H

struct ns_common {
	unsigned int inum;
} RELOCATED;

struct net {
	struct ns_common ns;
} RELOCATED;

typedef struct {
	struct net *net;
} RELOCATED possible_net_t;

struct sock_common___life {
	__u16 skc_dport; /* network order */
	possible_net_t skc_net;
	__u8 skc_state;
	unsigned long skc_flags;
} RELOCATED;

struct sock___life {
	struct sock_common___life __sk_common;
	int sk_err;
	__u32 sk_ack_backlog;
	__u32 sk_max_ack_backlog;
} RELOCATED;

struct inet_sock {
	__u16 inet_sport; /* network order; outlives the binding, which ends before CLOSE is told */
} RELOCATED;

/* include/net/tcp.h: Nagle's algorithm is switched off. */
#define TCP_NAGLE_OFF 1

struct tcp_sock {
	__u8 nonagle : 4;
	__u32 write_seq; /* the end of what was written */
	__u32 snd_nxt;	 /* the end of what was sent */
	__u32 packets_out;
	__u32 mss_cache;
	__u64 bytes_received;
	__u64 bytes_sent;
	__u64 bytes_retrans;
} RELOCATED;

INLINE struct sock___life *life_of(const void *sk) { return (struct sock___life *)sk; }

/* is_tcp tells TCP over IPv4 or IPv6 from every other kind of socket. */
INLINE int is_tcp(struct sock *sk)
{
	__u16 family = 0, protocol = 0;

	return sk && !KERNEL_READ(&family, sk->__sk_common.skc_family) &&
	       !KERNEL_READ(&protocol, sk->sk_protocol) &&
	       (family == AF_INET || family == AF_INET6) && (__u8)protocol == IPPROTO_TCP;
}

/* local_port fills in where the socket's own end is; 0 if it could. */
INLINE int local_port(struct sock *sk, struct listener *at)
{
	struct net *net = 0;
	__u16 port = 0;

	if (KERNEL_READ(&net, life_of(sk)->__sk_common.skc_net.net) ||
	    KERNEL_READ(&at->network, net->ns.inum) ||
	    KERNEL_READ(&port, ((struct inet_sock *)sk)->inet_sport))
		return -1;
	at->port = __builtin_bswap16(port);
	return 0;
}

/* ends_of fills in both ends of a connection; 0 if it could. */
INLINE int ends_of(struct sock *sk, struct ends *ends)
{
	__u16 port = 0;

	if (local_port(sk, &ends->local) || KERNEL_READ(&port, life_of(sk)->__sk_common.skc_dport))
		return -1;
	ends->remote_port = __builtin_bswap16(port);
	return 0;
}

/* held_by_nagle tells whether less than a segment waits until what was sent before it is acknowledged. */
INLINE int held_by_nagle(struct sock *sk)
{
	__u32 written = 0, sent = 0, unacknowledged = 0, mss = 0;
	struct tcp_sock *tcp = (struct tcp_sock *)sk;
	__u64 nonagle = 0;

	/* Go switches it off on every connection, which ends most looks here. */
	if (KERNEL_READ_BITS(&nonagle, tcp, nonagle) || nonagle & TCP_NAGLE_OFF)
		return 0;
	return !KERNEL_READ(&written, tcp->write_seq) && !KERNEL_READ(&sent, tcp->snd_nxt) &&
	       !KERNEL_READ(&unacknowledged, tcp->packets_out) && !KERNEL_READ(&mss, tcp->mss_cache) &&
	       unacknowledged && written != sent && written - sent < mss;
}

/* transferred is the payload that went each way. The kernel counts a FIN that came as a byte. */
INLINE int transferred(struct sock *sk, __u64 *received, __u64 *sent)
{
	struct tcp_sock *tcp = (struct tcp_sock *)sk;
	unsigned long flags = 0;
	__u64 again = 0;

	if (KERNEL_READ(received, tcp->bytes_received) || KERNEL_READ(sent, tcp->bytes_sent) ||
	    KERNEL_READ(&again, tcp->bytes_retrans) || KERNEL_READ(&flags, life_of(sk)->__sk_common.skc_flags))
		return -1;
	if ((flags & SOCK_DONE_FLAG) && *received)
		*received -= 1;
	*sent -= again;
	return 0;
}

#endif /* POLLGATE_TCPLIFE_SOCKET_H */

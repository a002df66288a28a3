/* SPDX-License-Identifier: Dual BSD/GPL */
/*
 * What the kernel keeps of an io_uring and its requests, and where each kernel's tracepoints have
 * them among their arguments.
 */
#ifndef POLLGATE_URING_KERNEL_BPF_H
#define POLLGATE_URING_KERNEL_BPF_H

#define IORING_OP_SEND_ZC 47
#define IORING_OP_SENDMSG_ZC 48
#define IORING_CQE_F_MORE (1 << 1)
#define IORING_CQE_F_NOTIF (1 << 3)
#define REQ_F_CQE_SKIP (1 << 6) /* answers only if it fails */
#define ECANCELED 125

struct io_uring {
	__u32 head;
	__u32 tail;
} RELOCATED;

struct io_rings {
	struct io_uring cq;
	__u32 cq_ring_entries;
} RELOCATED;

struct io_ring_ctx {
	struct io_rings *rings;
	__u32 cached_cq_tail;
} RELOCATED;

struct io_cqe {
	__u64 user_data;
} RELOCATED;

struct io_kiocb {
	__u8 opcode;
	__u32 flags;
	struct io_cqe cqe;
	struct io_ring_ctx *ctx;
} RELOCATED;

/* Before Linux 5.19. */
struct io_kiocb___before_cqe {
	__u64 user_data;
} RELOCATED;

struct io_uring_cqe {
	__u64 user_data;
	__s32 res;
	__u32 flags;
} RELOCATED;

#define FIELD_EXISTS 2

/* Which argument of the tracepoint is the request: chosen by the kernel's BTF before loading. */
const volatile __u32 submit_request_at;
const volatile __u32 refused_request_at;
const volatile __u32 punted_request_at;

/* How io_uring_complete tells a completion; probes/uring/variants.go has the same order. */
enum complete_args { COMPLETE_CQE, COMPLETE_VALUES, COMPLETE_WITHOUT_REQUEST };
const volatile __u32 complete_args;

/* Not 0 where a completion that overflows the queue is told by io_uring_cqe_overflow alone. */
const volatile __u32 overflow_completes;

/* ARGUMENT reads one argument. The barrier keeps the compiler from making one load with a computed
 * place out of several, which the verifier refuses. */
#define ARGUMENT(args, at)                                \
	({                                                \
		__u64 _value = (args)[at];                \
		asm volatile("" : "+r"(_value));          \
		_value;                                   \
	})

struct told {
	__u64 user_data;
	__u64 ctx;
	__u32 flags;
	__u8 opcode;
};

/* read_request copies what is needed of a request; 0 if it could be read. */
INLINE int read_request(struct io_kiocb *req, struct told *told)
{
	struct io_kiocb___before_cqe *old = (void *)req;
	struct io_ring_ctx *ctx = 0;
	long err;

	if (__builtin_preserve_field_info(req->cqe, FIELD_EXISTS))
		err = KERNEL_READ(&told->user_data, req->cqe.user_data);
	else
		err = KERNEL_READ(&told->user_data, old->user_data);
	err |= KERNEL_READ(&ctx, req->ctx) | KERNEL_READ(&told->flags, req->flags) |
	       KERNEL_READ(&told->opcode, req->opcode);
	told->ctx = (__u64)ctx;
	return err || !ctx;
}

/* backlog_of is how many completions nobody has taken yet, -1 if it cannot be read. */
INLINE __s64 backlog_of(__u64 address)
{
	struct io_ring_ctx *ctx = (void *)address;
	struct io_rings *rings = 0;
	__u32 head = 0, tail = 0;

	if (KERNEL_READ(&rings, ctx->rings) || KERNEL_READ(&tail, ctx->cached_cq_tail) ||
	    KERNEL_READ(&head, rings->cq.head))
		return -1;
	return tail - head;
}

INLINE __u32 cq_entries_of(__u64 address)
{
	struct io_ring_ctx *ctx = (void *)address;
	struct io_rings *rings = 0;
	__u32 entries = 0;

	if (KERNEL_READ(&rings, ctx->rings) || KERNEL_READ(&entries, rings->cq_ring_entries))
		return 0;
	return entries;
}

#endif /* POLLGATE_URING_KERNEL_BPF_H */

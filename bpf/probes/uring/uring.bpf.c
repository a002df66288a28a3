//go:build ignore

// SPDX-License-Identifier: Dual BSD/GPL
/*
 * uring: the requests of an io_uring from their submission to their completion.
 *
 *   io_uring_submit_req (before Linux 6.4 io_uring_submit_sqe)  -> under way
 *   io_uring_req_failed     refused as it was read              -> under way: a completion follows
 *   io_uring_complete       with F_MORE: counted                -> else ended
 *   io_uring_cqe_overflow   the queue is full                   -> the same, told by user data only
 */
#include "kernel.h"
#include "histogram.bpf.h"
#include "target.bpf.h"
#include "kernel.bpf.h"
#include "book.bpf.h"

/* forget_user_data takes a request that has ended out of the index. */
INLINE void forget_user_data(__u64 address, struct request *r)
{
	struct user_key key = { .ctx = r->ctx, .user_data = r->user_data };
	__u64 *latest = bpf_map_lookup_elem(&by_user_data, &key), older = r->older;
	struct request *before;

	if (!latest || *latest != address)
		return;
	before = older ? bpf_map_lookup_elem(&requests, &older) : 0;
	if (before && before->ctx == r->ctx && before->user_data == r->user_data)
		*latest = older;
	else
		bpf_map_delete_elem(&by_user_data, &key);
}

/* take_out copies a request and removes it; 0 if it was there. */
INLINE int take_out(__u64 address, struct request *into)
{
	struct request *found = bpf_map_lookup_elem(&requests, &address);

	if (!found)
		return -1;
	*into = *found;
	if (bpf_map_delete_elem(&requests, &address))
		return -1; /* another CPU was first */
	if (!into->quiet)
		forget_user_data(address, into);
	return 0;
}

/* end_unseen: the kernel gives the memory of a request anew, so the request has ended. */
INLINE void end_unseen(__u64 address, __u64 now)
{
	struct operation *operation;
	struct request r = {};
	struct ring *ring;

	if (take_out(address, &r) || r.quiet)
		return;
	operation = operation_of(r.slot, r.opcode);
	ring = find_ring(r.ctx);
	if (operation)
		operation->ended_unseen++;
	if (ring)
		ring_completes(ring, now);
}

INLINE void enter(struct uring_counters *counters, __u64 address, struct request *r)
{
	struct user_key key = { .ctx = r->ctx, .user_data = r->user_data };
	__u64 *latest;

	if (!r->quiet) {
		latest = bpf_map_lookup_elem(&by_user_data, &key);
		if (latest)
			r->older = *latest;
	}
	if (bpf_map_update_elem(&requests, &address, r, UPDATE_ANY)) {
		counters->requests_full++;
		return;
	}
	if (!r->quiet && bpf_map_update_elem(&by_user_data, &key, &address, UPDATE_ANY))
		counters->user_data_full++;
}

INLINE int submit(__u64 address, int refused)
{
	struct uring_counters *counters;
	struct operation *operation;
	struct request r = {};
	struct told told = {};
	struct ring *ring;
	int slot = observed_slot();

	if (slot < 0)
		return 0;
	counters = counters_of(slot);
	if (!counters)
		return 0;
	if (read_request((void *)address, &told)) {
		counters->unreadable++;
		return 0;
	}
	operation = operation_of(slot, told.opcode);
	if (!operation)
		return 0;
	r.ctx = told.ctx;
	r.user_data = told.user_data;
	r.submitted_ns = bpf_ktime_get_ns();
	r.slot = slot;
	r.opcode = told.opcode;
	r.quiet = !refused && told.flags & REQ_F_CQE_SKIP;
	operation->submitted++;
	if (refused)
		operation->refused++;
	if (r.quiet)
		operation->quiet++;
	end_unseen(address, r.submitted_ns);
	enter(counters, address, &r);
	ring = enter_ring(told.ctx, slot);
	if (!ring)
		counters->rings_full++;
	else if (!r.quiet)
		ring_submits(ring, r.submitted_ns);
	return 0;
}

SEC("tp_btf/io_uring_submit_req")
int uring_submit(__u64 *args)
{
	__u64 request;

	if (submit_request_at == 1)
		request = ARGUMENT(args, 1);
	else
		request = ARGUMENT(args, 0);
	return submit(request, 0);
}

SEC("tp_btf/io_uring_req_failed")
int uring_refused(__u64 *args)
{
	__u64 request;

	if (refused_request_at == 2)
		request = ARGUMENT(args, 2);
	else
		request = ARGUMENT(args, 1);
	return submit(request, 1);
}

INLINE void count_end(struct operation *operation, struct request *r, __s32 res, __u64 now)
{
	__u64 took = now - r->submitted_ns;

	operation->completed++;
	if (res == -ECANCELED)
		operation->cancelled++;
	else if (res < 0)
		operation->failed++;
	if (r->more) {
		operation->multishots++;
		record(r->slot, PER_MULTISHOT, r->more + (res >= 0));
		return;
	}
	operation->latencies++;
	operation->latency_sum += took;
	if (took > operation->latency_max)
		operation->latency_max = took;
	if (!operation->latency_min || took < operation->latency_min)
		operation->latency_min = took;
	record(r->slot, metric_of(r->opcode), took);
}

INLINE void end(__u64 address, __s32 res, __u64 now)
{
	struct operation *operation;
	struct request r = {};
	struct ring *ring;

	if (take_out(address, &r))
		return;
	operation = operation_of(r.slot, r.opcode);
	if (!operation)
		return;
	if (r.quiet) { /* under way for nobody: see struct operation in details.go */
		operation->quiet_failed++;
		return;
	}
	count_end(operation, &r, res, now);
	ring = find_ring(r.ctx);
	if (ring)
		ring_completes(ring, now);
}

/* request_of is the address of the latest request with this user data, 0 if none is known. */
INLINE __u64 request_of(__u64 ctx, __u64 user_data)
{
	struct user_key key = { .ctx = ctx, .user_data = user_data };
	__u64 *latest = bpf_map_lookup_elem(&by_user_data, &key);

	return latest ? *latest : 0;
}

/* progress counts a completion that promises more; 0 if it ends the request all the same. */
INLINE int progress(__u64 address, int named)
{
	struct request *r = bpf_map_lookup_elem(&requests, &address);
	struct operation *operation;

	if (!r)
		return 1;
	/* A zero-copy send is over; more is the notice that its buffer is free. */
	if (named && (r->opcode == IORING_OP_SEND_ZC || r->opcode == IORING_OP_SENDMSG_ZC))
		return 0;
	__sync_fetch_and_add(&r->more, 1);
	operation = operation_of(r->slot, r->opcode);
	if (operation)
		operation->more++;
	return 1;
}

/* completed books a completion; address is 0 where the kernel does not name the request. */
INLINE void completed(struct uring_counters *counters, __u64 ctx, __u64 address, __u64 user_data,
		      __s32 res, __u32 flags, __u64 now)
{
	__u64 known = address;

	if (flags & IORING_CQE_F_NOTIF) {
		counters->notifications++;
		return;
	}
	if (!known)
		known = request_of(ctx, user_data);
	if (!known || !bpf_map_lookup_elem(&requests, &known)) {
		counters->unknown++;
		return;
	}
	if (flags & IORING_CQE_F_MORE && progress(known, address != 0))
		return;
	end(known, res, now);
}

SEC("tp_btf/io_uring_complete")
int uring_complete(__u64 *args)
{
	__u64 ctx = ARGUMENT(args, 0), address = 0, user_data, now;
	struct uring_counters *counters;
	struct ring *ring = find_ring(ctx);
	__u32 flags;
	__s32 res;

	if (!ring || !window_open())
		return 0;
	counters = counters_of(ring->slot);
	if (!counters)
		return 0;
	if (complete_args == COMPLETE_CQE) {
		struct io_uring_cqe *cqe = (void *)ARGUMENT(args, 2);

		address = ARGUMENT(args, 1);
		if (KERNEL_READ(&user_data, cqe->user_data) || KERNEL_READ(&res, cqe->res) ||
		    KERNEL_READ(&flags, cqe->flags)) {
			counters->unreadable++;
			return 0;
		}
	} else if (complete_args == COMPLETE_VALUES) {
		address = ARGUMENT(args, 1);
		user_data = ARGUMENT(args, 2);
		res = ARGUMENT(args, 3);
		flags = ARGUMENT(args, 4);
	} else {
		user_data = ARGUMENT(args, 1);
		res = ARGUMENT(args, 2);
		flags = ARGUMENT(args, 3);
	}
	now = bpf_ktime_get_ns();
	ring_backlog(ring, ctx, counters, now);
	/* Of no request and without more to come: a message from another ring. */
	if (!address && complete_args != COMPLETE_WITHOUT_REQUEST && !(flags & IORING_CQE_F_MORE))
		counters->messages++;
	else
		completed(counters, ctx, address, user_data, res, flags, now);
	return 0;
}

SEC("tp_btf/io_uring_cqe_overflow")
int uring_overflow(__u64 *args)
{
	__u64 ctx = ARGUMENT(args, 0), user_data = ARGUMENT(args, 1), now;
	struct ring *ring = find_ring(ctx);
	struct uring_counters *counters;
	__s32 res = ARGUMENT(args, 2);
	__u32 flags = ARGUMENT(args, 3);

	if (!ring || !window_open())
		return 0;
	counters = counters_of(ring->slot);
	if (!counters)
		return 0;
	now = bpf_ktime_get_ns();
	counters->overflowed++;
	if (!ARGUMENT(args, 4))
		counters->overflow_lost++;
	add(&ring->overflowed, 1);
	add(&ring_window(ring, now)->overflowed, 1);
	ring_backlog(ring, ctx, counters, now);
	if (overflow_completes)
		completed(counters, ctx, 0, user_data, res, flags, now);
	return 0;
}

SEC("tp_btf/io_uring_queue_async_work")
int uring_punt(__u64 *args)
{
	struct operation *operation;
	struct request *r;
	__u64 address;

	if (punted_request_at == 2)
		address = ARGUMENT(args, 2);
	else if (punted_request_at == 1)
		address = ARGUMENT(args, 1);
	else
		address = ARGUMENT(args, 0);
	r = bpf_map_lookup_elem(&requests, &address);
	if (!r || !window_open())
		return 0;
	operation = operation_of(r->slot, r->opcode);
	if (operation)
		operation->punted++;
	return 0;
}

INLINE int task_work(__u32 items)
{
	struct uring_counters *counters;
	int slot = observed_slot();

	if (slot < 0)
		return 0;
	counters = counters_of(slot);
	if (counters) {
		counters->task_work_runs++;
		counters->task_work_items += items;
	}
	return 0;
}

SEC("tp_btf/io_uring_task_work_run")
int uring_task_work(__u64 *args) { return task_work(ARGUMENT(args, 1)); }

SEC("tp_btf/io_uring_local_work_run")
int uring_local_work(__u64 *args) { return task_work(ARGUMENT(args, 1)); }

const char license_name[] SEC("license") = "Dual BSD/GPL";

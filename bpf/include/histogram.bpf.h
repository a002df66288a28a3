/* SPDX-License-Identifier: Dual BSD/GPL */
/*
 * Bucket scheme "log-linear-32": values below 32 are exact, above that every power of two is cut
 * into 32 equal parts, so a bucket is at most 1/32 (3.1 %) of its value wide. The same scheme is
 * in internal/hist (Go); include/histogram-vectors.json binds both and every other reader.
 *
 * Usable by the host's compiler too, see internal/hist/testdata/hosttest.c.
 */
#ifndef POLLGATE_HISTOGRAM_BPF_H
#define POLLGATE_HISTOGRAM_BPF_H

#define HISTOGRAM_SUB_BITS 5
#define HISTOGRAM_SUB_BUCKETS (1 << HISTOGRAM_SUB_BITS)
/* The largest 64-bit value falls into 1,919; the array is rounded up to a power of two. */
#define HISTOGRAM_SLOTS 2048

/* One per metric, target and CPU. The count is the sum of the buckets and the overflow: one
 * number less to keep up to date on the hot path, and it can never disagree with them. */
struct histogram {
	__u64 sum;
	__u64 max;
	__u64 overflow;
	__u64 buckets[HISTOGRAM_SLOTS];
};

/* histogram_msb is the number of the highest bit set, 0 for v = 0. Written out as five
 * compares because the BPF instruction set has no count-leading-zeros. */
INLINE __u32 histogram_msb(__u64 v)
{
	__u32 msb = 0;

	if (v >> 32) { msb += 32; v >>= 32; }
	if (v >> 16) { msb += 16; v >>= 16; }
	if (v >> 8) { msb += 8; v >>= 8; }
	if (v >> 4) { msb += 4; v >>= 4; }
	if (v >> 2) { msb += 2; v >>= 2; }
	return msb + (__u32)(v >> 1);
}

INLINE __u32 histogram_index(__u64 v)
{
	__u32 msb;

	if (v < HISTOGRAM_SUB_BUCKETS)
		return (__u32)v;
	msb = histogram_msb(v);
	return ((msb - HISTOGRAM_SUB_BITS + 1) << HISTOGRAM_SUB_BITS) +
	       ((__u32)(v >> (msb - HISTOGRAM_SUB_BITS)) & (HISTOGRAM_SUB_BUCKETS - 1));
}

/* histogram_record is for tracepoint programs: they run with preemption off, so plain additions
 * to this CPU's copy cannot be interrupted by another writer of the same copy. */
INLINE void histogram_record(struct histogram *h, __u64 v)
{
	__u32 index = histogram_index(v);

	h->sum += v;
	if (v > h->max)
		h->max = v;
	if (index < HISTOGRAM_SLOTS)
		h->buckets[index]++;
	else
		h->overflow++;
}

/* histogram_record_preemptible is for uprobe programs: the kernel pins them to a CPU but may
 * preempt them in the middle of an addition, and the thread that runs next can hit the same
 * probe on the same CPU. The additions are therefore atomic; as the cache line never leaves the
 * CPU this costs a few nanoseconds beside the 400 of the trap. A maximum lost to three lost
 * races in a row would be understated, never a count. */
INLINE void histogram_record_preemptible(struct histogram *h, __u64 v)
{
	__u32 index = histogram_index(v);
	int attempt;

	__sync_fetch_and_add(&h->sum, v);
	for (attempt = 0; attempt < 3; attempt++) {
		__u64 seen = h->max;

		if (v <= seen || __sync_val_compare_and_swap(&h->max, seen, v) == seen)
			break;
	}
	if (index < HISTOGRAM_SLOTS)
		__sync_fetch_and_add(&h->buckets[index], 1);
	else
		__sync_fetch_and_add(&h->overflow, 1);
}

#endif /* POLLGATE_HISTOGRAM_BPF_H */

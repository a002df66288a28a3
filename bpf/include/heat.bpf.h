/* SPDX-License-Identifier: Dual BSD/GPL */
/*
 * Joint distributions over the last minute: how often two values came together.
 *
 * Each axis is cut in every power of two into 4 equal parts (values below 4 are exact), so a cell
 * is at most 1/4 of its value wide. Only cells that occur are kept. A cell is a ring of slices of
 * 4 s; the slice's number is kept beside its count in one word, so a slice that comes round again
 * is begun anew by whoever hits it first, and nobody has to clear anything.
 */
#ifndef POLLGATE_HEAT_BPF_H
#define POLLGATE_HEAT_BPF_H

#define HEAT_SUB_BITS 2
#define HEAT_SLICES 16 /* the running one and 15 whole ones: at least 60 s */
#define HEAT_SLICE_NS 4000000000ULL
#define HEAT_CELLS 8192

enum heat_map { HEAT_LOOP, HEAT_FOUND };

struct heat_cell {
	__u64 slices[HEAT_SLICES]; /* number of the slice in the high half, count in the low half */
};

struct {
	__uint(type, MAP_TYPE_HASH);
	__uint(max_entries, HEAT_CELLS);
	__type(key, __u64);
	__type(value, struct heat_cell);
} heat_cells SEC(".maps");

const struct heat_cell no_heat = {};

INLINE __u64 heat_index(__u64 v)
{
	__u32 msb;

	if (v < (1 << HEAT_SUB_BITS))
		return v;
	msb = histogram_msb(v);
	return ((msb - HEAT_SUB_BITS + 1) << HEAT_SUB_BITS) +
	       ((v >> (msb - HEAT_SUB_BITS)) & ((1 << HEAT_SUB_BITS) - 1));
}

/* heat counts x and y together at the time now; 0 if it could. For uprobe programs, which run at
 * once on several CPUs and may be preempted: the word is exchanged as a whole. */
INLINE int heat(int slot, enum heat_map map, __u64 x, __u64 y, __u64 now)
{
	__u64 key = ((__u64)slot << 32) | ((__u64)map << 16) | (heat_index(x) << 8) | heat_index(y);
	struct heat_cell *cell = bpf_map_lookup_elem(&heat_cells, &key);
	__u64 slice = now / HEAT_SLICE_NS, seen, next;
	int attempt;

	if (!cell) {
		bpf_map_update_elem(&heat_cells, &key, &no_heat, UPDATE_NOEXIST);
		cell = bpf_map_lookup_elem(&heat_cells, &key);
		if (!cell)
			return -1;
	}
	for (attempt = 0; attempt < 8; attempt++) {
		seen = *(volatile __u64 *)&cell->slices[slice % HEAT_SLICES];
		next = seen >> 32 == (__u32)slice ? seen + 1 : slice << 32 | 1;
		if (__sync_val_compare_and_swap(&cell->slices[slice % HEAT_SLICES], seen, next) ==
		    seen)
			return 0;
	}
	return -1;
}

#endif /* POLLGATE_HEAT_BPF_H */

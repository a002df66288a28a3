//go:build ignore

// SPDX-License-Identifier: Dual BSD/GPL
/*
 * goroutines: which go statement makes goroutines, and which of them never end.
 *
 *   runtime.newproc.func1, its call of runqput(pp, newg, next)    a goroutine is born
 *   runtime.newcoro.func1, behind its call of newproc1            a coroutine is born (iter.Pull)
 *   runtime.gdestroy(gp)                                          a goroutine ends
 *
 * Two hits a life. At the call of runqput the new g is filled in and not yet visible to any other
 * thread, so its end can only come later; and the frame pointer still leads from the runtime's own
 * stack to that of the creator. A g is reused only after gdestroy. So every g address is live at
 * most once, and a birth on a live one means that an end was missed.
 *
 * What a goroutine waits for is not hooked: runtime.gopark is passed at every wait of every
 * goroutine. The runtime keeps the reason in the g, and the observer reads it at the end.
 */
#include "kernel.h"
#include "target.bpf.h"
#include "goabi.bpf.h"
#include "stack.bpf.h"

/* User addresses have at most 56 bits on both architectures; the target's slot goes above. */
#define SLOT_SHIFT 56

struct g_layout {
	__u32 goid;
	__u32 go_pc;
	__u32 start_pc;
};

/* Who made a goroutine: the go statement, the function given to it, and the way there. */
struct creation {
	__u64 go_pc;
	__u64 start_pc;
	__s32 stack; /* negative: could not be kept */
	__u32 slot;
};

struct balance {
	__u64 births;
	__u64 deaths;
};

struct goroutine {
	__u64 goid;
	__u64 born_ns;
	struct creation creation;
};

/* The end of a goroutine that was born before the window. */
struct older_end {
	__u64 go_pc;
	__u64 start_pc;
	__u64 ended_ns;
};

struct goroutine_counters {
	__u64 births;
	__u64 coroutines;
	__u64 deaths;
	__u64 deaths_missed;
	__u64 unreadable;
	__u64 stacks_lost;
	__u64 live_full;
	__u64 creations_full;
	__u64 older_full;
};

const volatile struct g_layout g_layout[MAX_TARGETS];

struct {
	__uint(type, MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, MAX_TARGETS);
	__type(key, __u32);
	__type(value, struct goroutine_counters);
} goroutine_counters SEC(".maps");

/* The goroutines born in the window that have not ended, by address and slot. */
struct {
	__uint(type, MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__type(key, __u64);
	__type(value, struct goroutine);
} live_goroutines SEC(".maps");

/* By address and slot too: a g ends as an older one at most once. */
struct {
	__uint(type, MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__type(key, __u64);
	__type(value, struct older_end);
} older_ends SEC(".maps");

struct {
	__uint(type, MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct creation);
	__type(value, struct balance);
} creations SEC(".maps");

INLINE struct goroutine_counters *counters_of(__u32 slot)
{
	return bpf_map_lookup_elem(&goroutine_counters, &slot);
}

INLINE long read_word(__u64 *dst, __u64 address)
{
	return bpf_probe_read_user(dst, sizeof(*dst), (const void *)address);
}

INLINE struct balance *balance_of(const struct creation *creation)
{
	struct balance none = {};
	struct balance *balance = bpf_map_lookup_elem(&creations, creation);

	if (balance)
		return balance;
	/* Another thread may be first: whoever put it there, it is there now, or there is no room. */
	bpf_map_update_elem(&creations, creation, &none, UPDATE_NOEXIST);
	return bpf_map_lookup_elem(&creations, creation);
}

INLINE void born(void *ctx, struct goroutine_counters *counters, int slot, __u64 g)
{
	struct goroutine new = { .creation.slot = slot };
	struct balance *balance;
	__u64 key;
	long err;

	if (read_word(&new.goid, g + g_layout[slot].goid) ||
	    read_word(&new.creation.go_pc, g + g_layout[slot].go_pc) ||
	    read_word(&new.creation.start_pc, g + g_layout[slot].start_pc))
		__sync_fetch_and_add(&counters->unreadable, 1);
	new.born_ns = bpf_ktime_get_ns();
	new.creation.stack = user_stack(ctx);
	if (new.creation.stack < 0) {
		new.creation.stack = -1;
		__sync_fetch_and_add(&counters->stacks_lost, 1);
	}
	balance = balance_of(&new.creation);
	if (balance)
		__sync_fetch_and_add(&balance->births, 1);
	else
		__sync_fetch_and_add(&counters->creations_full, 1);

	key = g | (__u64)slot << SLOT_SHIFT;
	err = bpf_map_update_elem(&live_goroutines, &key, &new, UPDATE_NOEXIST);
	if (err == -EEXIST) {
		__sync_fetch_and_add(&counters->deaths_missed, 1);
		err = bpf_map_update_elem(&live_goroutines, &key, &new, UPDATE_ANY);
	}
	if (err)
		__sync_fetch_and_add(&counters->live_full, 1);
}

SEC("uprobe")
int on_goroutine(struct go_regs *ctx)
{
	int slot = observed_slot();
	struct goroutine_counters *counters;

	if (slot < 0 || slot >= MAX_TARGETS)
		return 0;
	counters = counters_of(slot);
	if (!counters)
		return 0;
	__sync_fetch_and_add(&counters->births, 1);
	born(ctx, counters, slot, GO_ARG1(ctx));
	return 0;
}

SEC("uprobe")
int on_coroutine(struct go_regs *ctx)
{
	int slot = observed_slot();
	struct goroutine_counters *counters;

	if (slot < 0 || slot >= MAX_TARGETS)
		return 0;
	counters = counters_of(slot);
	if (!counters)
		return 0;
	__sync_fetch_and_add(&counters->coroutines, 1);
	born(ctx, counters, slot, GO_ARG0(ctx));
	return 0;
}

INLINE void ended_older(struct goroutine_counters *counters, int slot, __u64 g, __u64 key)
{
	struct older_end end = {};

	if (read_word(&end.go_pc, g + g_layout[slot].go_pc) ||
	    read_word(&end.start_pc, g + g_layout[slot].start_pc))
		__sync_fetch_and_add(&counters->unreadable, 1);
	end.ended_ns = bpf_ktime_get_ns();
	if (bpf_map_update_elem(&older_ends, &key, &end, UPDATE_NOEXIST))
		__sync_fetch_and_add(&counters->older_full, 1);
}

SEC("uprobe")
int on_gdestroy(struct go_regs *ctx)
{
	int slot = observed_slot();
	__u64 g = GO_ARG0(ctx);
	struct goroutine_counters *counters;
	struct creation creation;
	struct goroutine *known;
	struct balance *balance;
	__u64 key;

	if (slot < 0 || slot >= MAX_TARGETS)
		return 0;
	counters = counters_of(slot);
	if (!counters)
		return 0;
	__sync_fetch_and_add(&counters->deaths, 1);
	key = g | (__u64)slot << SLOT_SHIFT;
	known = bpf_map_lookup_elem(&live_goroutines, &key);
	if (!known) {
		ended_older(counters, slot, g, key);
		return 0;
	}
	/* Copied: the entry may be given to another goroutine once it is deleted. */
	creation = known->creation;
	if (bpf_map_delete_elem(&live_goroutines, &key))
		__sync_fetch_and_add(&counters->deaths_missed, 1);
	balance = bpf_map_lookup_elem(&creations, &creation);
	if (balance)
		__sync_fetch_and_add(&balance->deaths, 1);
	return 0;
}

const char license_name[] SEC("license") = "Dual BSD/GPL";

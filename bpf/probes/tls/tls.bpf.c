//go:build ignore

// SPDX-License-Identifier: Dual BSD/GPL
/*
 * tls: how long the handshakes of crypto/tls take, and how many fail.
 *
 *   crypto/tls.(*Conn).serverHandshake(ctx), clientHandshake(ctx)  -> stamp
 *   each of their return instructions                              -> record
 *
 * The key is the address of the g, never the thread: a handshake waits for its peer several times. A
 * handshake takes hundreds of microseconds, so a return may cost what a single-stepped instruction does.
 */
#include "kernel.h"
#include "histogram.bpf.h"
#include "target.bpf.h"
#include "goabi.bpf.h"

/* User addresses have at most 56 bits on both architectures; the target's slot goes above. */
#define SLOT_SHIFT 56

/* Order of the histograms of one target in the map; probes/tls/tls.go has the same. */
enum side { SERVER, CLIENT, SIDES };

struct tls_counters {
	__u64 begun[SIDES];
	__u64 returned[SIDES]; /* hits of return instructions, also of handshakes that began before */
	__u64 failed[SIDES];
	__u64 map_full;
};

/* When a handshake began, by address of its g and slot. */
struct {
	__uint(type, MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__type(key, __u64);
	__type(value, __u64);
} tls_began_at SEC(".maps");

struct {
	__uint(type, MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, MAX_TARGETS * SIDES);
	__type(key, __u32);
	__type(value, struct histogram);
} tls_histograms SEC(".maps");

struct {
	__uint(type, MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, MAX_TARGETS);
	__type(key, __u32);
	__type(value, struct tls_counters);
} tls_counters SEC(".maps");

INLINE struct tls_counters *counters_of(int slot)
{
	__u32 index = slot;

	return slot < 0 ? 0 : bpf_map_lookup_elem(&tls_counters, &index);
}

INLINE int begins(struct go_regs *ctx, enum side side)
{
	int slot = observed_slot();
	struct tls_counters *counters = counters_of(slot);
	__u64 key = GO_G(ctx) | (__u64)slot << SLOT_SHIFT, now;

	if (!counters)
		return 0;
	__sync_fetch_and_add(&counters->begun[side], 1);
	now = bpf_ktime_get_ns();
	/* One of a goroutine that panicked in its handshake may be there still. */
	if (bpf_map_update_elem(&tls_began_at, &key, &now, UPDATE_ANY))
		__sync_fetch_and_add(&counters->map_full, 1);
	return 0;
}

/* ends is at a return: the first result is an error, nil where its first word is 0. */
INLINE int ends(struct go_regs *ctx, enum side side)
{
	int slot = observed_slot();
	struct tls_counters *counters = counters_of(slot);
	__u64 key = GO_G(ctx) | (__u64)slot << SLOT_SHIFT;
	__u64 *began, began_ns;
	struct histogram *h;
	__u32 index = slot * SIDES + side;

	if (!counters)
		return 0;
	__sync_fetch_and_add(&counters->returned[side], 1);
	began = bpf_map_lookup_elem(&tls_began_at, &key);
	if (!began)
		return 0;
	began_ns = *began;
	bpf_map_delete_elem(&tls_began_at, &key);
	if (GO_ARG0(ctx)) {
		__sync_fetch_and_add(&counters->failed[side], 1);
		return 0;
	}
	h = bpf_map_lookup_elem(&tls_histograms, &index);
	if (h)
		histogram_record_preemptible(h, bpf_ktime_get_ns() - began_ns);
	return 0;
}

SEC("uprobe")
int on_server_begin(struct go_regs *ctx) { return begins(ctx, SERVER); }

SEC("uprobe")
int on_server_end(struct go_regs *ctx) { return ends(ctx, SERVER); }

SEC("uprobe")
int on_client_begin(struct go_regs *ctx) { return begins(ctx, CLIENT); }

SEC("uprobe")
int on_client_end(struct go_regs *ctx) { return ends(ctx, CLIENT); }

const char license_name[] SEC("license") = "Dual BSD/GPL";

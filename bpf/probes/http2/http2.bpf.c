//go:build ignore

// SPDX-License-Identifier: Dual BSD/GPL
/*
 * http2: how many streams each connection carries, by the address of Go's structure for it.
 *
 *   server  serve -> begun, newStream -> one more, resetStream(REFUSED_STREAM) -> refused,
 *           closeAllStreamsOnConnClose -> ended
 *   client  readLoop -> begun, awaitOpenSlotForStreamLocked -> one more, cleanup of the read loop -> ended
 *
 * A client may open its first stream before the read loop runs. So whoever comes first makes the
 * entry, and only the begin says that it was seen from there on.
 */
#include "kernel.h"
#include "histogram.bpf.h"
#include "target.bpf.h"
#include "goabi.bpf.h"

/* User addresses have at most 56 bits on both architectures; the target's slot goes above. */
#define SLOT_SHIFT 56
/* RFC 9113, section 7. */
#define REFUSED_STREAM 7

/* Order of the histograms of one target in the map; probes/http2/http2.go has the same. */
enum side { SERVER, CLIENT, SIDES };

struct connection {
	__u64 streams;
	__u32 side;
	__u32 begun; /* inside the window */
};

struct http2_side {
	__u64 begun;
	__u64 ended;
	__u64 ended_older; /* of those that ended, begun before the window */
	__u64 streams;
	__u64 resets; /* hits of resetStream */
	__u64 refused;
	__u64 full;
	__u64 unreadable;
};

struct {
	__uint(type, MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__uint(map_flags, MAP_NO_PREALLOC);
	__type(key, __u64);
	__type(value, struct connection);
} http2_connections SEC(".maps");

struct {
	__uint(type, MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, MAX_TARGETS * SIDES);
	__type(key, __u32);
	__type(value, struct histogram);
} http2_histograms SEC(".maps");

struct {
	__uint(type, MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, MAX_TARGETS * SIDES);
	__type(key, __u32);
	__type(value, struct http2_side);
} http2_sides SEC(".maps");

INLINE struct http2_side *side_of(int slot, enum side side)
{
	__u32 index = slot * SIDES + side;

	return slot < 0 ? 0 : bpf_map_lookup_elem(&http2_sides, &index);
}

INLINE __u64 key_of(__u64 address, int slot) { return address | (__u64)slot << SLOT_SHIFT; }

INLINE void count(__u64 *counter) { __sync_fetch_and_add(counter, 1); }

/* connection_of is the entry of a connection, made if there is none; 0 if there is no room. */
INLINE struct connection *connection_of(struct http2_side *counts, __u64 key, enum side side)
{
	struct connection *found = bpf_map_lookup_elem(&http2_connections, &key);
	struct connection none = { .side = side };

	if (found)
		return found;
	bpf_map_update_elem(&http2_connections, &key, &none, UPDATE_NOEXIST);
	found = bpf_map_lookup_elem(&http2_connections, &key);
	if (!found)
		count(&counts->full);
	return found;
}

INLINE void begins(struct http2_side *counts, __u64 key, enum side side)
{
	struct connection *c;

	count(&counts->begun);
	c = connection_of(counts, key, side);
	if (c)
		c->begun = 1;
}

INLINE int opens_stream(struct go_regs *ctx, enum side side)
{
	int slot = observed_slot();
	struct http2_side *counts = side_of(slot, side);
	struct connection *c;

	if (!counts)
		return 0;
	count(&counts->streams);
	c = connection_of(counts, key_of(GO_ARG0(ctx), slot), side);
	if (c)
		count(&c->streams);
	return 0;
}

INLINE void ends(struct http2_side *counts, __u64 key, int slot, enum side side)
{
	struct connection *c = bpf_map_lookup_elem(&http2_connections, &key);
	__u32 index = slot * SIDES + side;
	struct histogram *h;

	count(&counts->ended);
	if (!c || !c->begun) {
		count(&counts->ended_older);
	} else {
		h = bpf_map_lookup_elem(&http2_histograms, &index);
		if (h)
			histogram_record_preemptible(h, c->streams);
	}
	bpf_map_delete_elem(&http2_connections, &key);
}

SEC("uprobe")
int on_serve(struct go_regs *ctx)
{
	int slot = observed_slot();
	struct http2_side *counts = side_of(slot, SERVER);

	if (counts)
		begins(counts, key_of(GO_ARG0(ctx), slot), SERVER);
	return 0;
}

SEC("uprobe")
int on_server_stream(struct go_regs *ctx) { return opens_stream(ctx, SERVER); }

/* resetStream(StreamError): the stream's number and the code come in registers of their own. */
SEC("uprobe")
int on_server_reset(struct go_regs *ctx)
{
	struct http2_side *counts = side_of(observed_slot(), SERVER);

	if (!counts)
		return 0;
	count(&counts->resets);
	if ((__u32)GO_ARG2(ctx) == REFUSED_STREAM)
		count(&counts->refused);
	return 0;
}

SEC("uprobe")
int on_server_end(struct go_regs *ctx)
{
	int slot = observed_slot();
	struct http2_side *counts = side_of(slot, SERVER);

	if (counts)
		ends(counts, key_of(GO_ARG0(ctx), slot), slot, SERVER);
	return 0;
}

SEC("uprobe")
int on_read_loop(struct go_regs *ctx)
{
	int slot = observed_slot();
	struct http2_side *counts = side_of(slot, CLIENT);

	if (counts)
		begins(counts, key_of(GO_ARG0(ctx), slot), CLIENT);
	return 0;
}

SEC("uprobe")
int on_client_stream(struct go_regs *ctx) { return opens_stream(ctx, CLIENT); }

/* cleanup is told the read loop, whose first word is its connection. */
SEC("uprobe")
int on_client_end(struct go_regs *ctx)
{
	int slot = observed_slot();
	struct http2_side *counts = side_of(slot, CLIENT);
	__u64 connection = 0;

	if (!counts)
		return 0;
	if (bpf_probe_read_user(&connection, sizeof(connection), (void *)GO_ARG0(ctx)))
		count(&counts->unreadable);
	ends(counts, key_of(connection, slot), slot, CLIENT);
	return 0;
}

const char license_name[] SEC("license") = "Dual BSD/GPL";

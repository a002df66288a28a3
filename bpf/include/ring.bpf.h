/* SPDX-License-Identifier: Dual BSD/GPL */
/*
 * The ring buffer that carries single events (slow calls, leaks) to user space.
 *
 * An event wakes nobody: a wake-up from within a probe costs the observed program more than the
 * event. internal/attach drains the ring in time and at the end of the window.
 */
#ifndef POLLGATE_RING_BPF_H
#define POLLGATE_RING_BPF_H

#define RING_NO_WAKEUP 1

struct {
	__uint(type, MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} events SEC(".maps");

#endif /* POLLGATE_RING_BPF_H */

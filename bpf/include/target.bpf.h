/* SPDX-License-Identifier: Dual BSD/GPL */
/*
 * Who is observed and when: the filter that every program runs first.
 *
 * target_slot() compares the thread group of the running task with at most MAX_TARGETS constants.
 * They are written into the read-only section before loading, so the verifier knows them: unused
 * places are cut out of the program and no memory is read for the others.
 *
 * The window is one word shared by all programs of all probes: 0 until `begin`, 1 until `end`,
 * then 0 for good. Nothing is written to any map while it is 0, so the counters of a window start
 * at zero because nobody ever touched them, not because somebody cleared them in time.
 */
#ifndef POLLGATE_TARGET_BPF_H
#define POLLGATE_TARGET_BPF_H

#define MAX_TARGETS 8

const volatile __u32 target_tgid[MAX_TARGETS];
/* Set only when the observer runs in a PID namespace of its own: device and inode of it. */
const volatile __u64 pid_namespace_dev;
const volatile __u64 pid_namespace_ino;

struct {
	__uint(type, MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} window SEC(".maps");

struct namespaced_pid {
	__u32 pid;
	__u32 tgid;
};

INLINE __u32 current_tgid(void)
{
	struct namespaced_pid ids = {};

	if (!pid_namespace_ino)
		return bpf_get_current_pid_tgid() >> 32;
	if (bpf_get_ns_current_pid_tgid(pid_namespace_dev, pid_namespace_ino, &ids, sizeof(ids)))
		return 0;
	return ids.tgid;
}

/* target_slot is the index of the running task's process in the target list, -1 if it has none. */
INLINE int target_slot(void)
{
	__u32 tgid = current_tgid();
	int slot;

#pragma unroll
	for (slot = 0; slot < MAX_TARGETS; slot++) {
		if (!target_tgid[slot])
			break;
		if (tgid == target_tgid[slot])
			return slot;
	}
	return -1;
}

INLINE int window_open(void)
{
	__u32 zero = 0;
	volatile __u32 *open = bpf_map_lookup_elem(&window, &zero);

	return open && *open;
}

/* observed_slot is target_slot() while the window is open, -1 otherwise. */
INLINE int observed_slot(void)
{
	int slot = target_slot();

	if (slot < 0 || !window_open())
		return -1;
	return slot;
}

#endif /* POLLGATE_TARGET_BPF_H */

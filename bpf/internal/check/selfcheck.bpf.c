//go:build ignore

// SPDX-License-Identifier: Dual BSD/GPL
/* selfcheck: one program of each kind that the probes use; each counts the events it sees. */
#include "kernel.h"
#include "target.bpf.h"
#include "syscall.bpf.h"

enum { SYS_ENTER, SYS_EXIT, UPROBE, EVENTS };

struct {
	__uint(type, MAP_TYPE_ARRAY);
	__uint(max_entries, EVENTS);
	__type(key, __u32);
	__type(value, __u64);
} seen SEC(".maps");

struct {
	__uint(type, MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, MAP_NO_PREALLOC);
	__type(key, __s32);
	__type(value, __u64);
} selfcheck_threads SEC(".maps");

INLINE void count(__u32 event)
{
	__u64 *n = bpf_map_lookup_elem(&seen, &event);

	if (n)
		__sync_fetch_and_add(n, 1);
}

/* Counts only what it can also keep a state for, as the probes do. */
SEC("tp_btf/sys_enter")
int check_sys_enter(__u64 *ctx)
{
	if (observed_slot() < 0)
		return 0;
	if (bpf_task_storage_get(&selfcheck_threads, bpf_get_current_task_btf(), 0,
				 TASK_STORAGE_CREATE))
		count(SYS_ENTER);
	return 0;
}

SEC("tp_btf/sys_exit")
int check_sys_exit(__u64 *ctx)
{
	if (observed_slot() >= 0 && syscall_number((struct pt_regs *)ctx[0]) >= 0)
		count(SYS_EXIT);
	return 0;
}

SEC("uprobe")
int check_uprobe(void *ctx)
{
	if (observed_slot() >= 0)
		count(UPROBE);
	return 0;
}

const char license_name[] SEC("license") = "Dual BSD/GPL";

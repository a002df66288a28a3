//go:build ignore

// SPDX-License-Identifier: Dual BSD/GPL
/*
 * calibrate: programs that do what an ordinary probe does on one event, to time what an event
 * costs on this machine: the filter, a state or a counter, a clock reading, one histogram entry.
 */
#include "kernel.h"
#include "histogram.bpf.h"
#include "target.bpf.h"

struct {
	__uint(type, MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, MAX_TARGETS);
	__type(key, __u32);
	__type(value, struct histogram);
} calibration SEC(".maps");

struct {
	__uint(type, MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, MAP_NO_PREALLOC);
	__type(key, __s32);
	__type(value, __u64);
} calibration_threads SEC(".maps");

INLINE struct histogram *histogram_of(int slot)
{
	__u32 index = slot;

	return bpf_map_lookup_elem(&calibration, &index);
}

SEC("tp_btf/sys_enter")
int calibrate_sys_enter(__u64 *ctx)
{
	__u64 *entered;

	if (observed_slot() < 0)
		return 0;
	entered = bpf_task_storage_get(&calibration_threads, bpf_get_current_task_btf(), 0,
				       TASK_STORAGE_CREATE);
	if (entered)
		*entered = bpf_ktime_get_ns();
	return 0;
}

SEC("tp_btf/sys_exit")
int calibrate_sys_exit(__u64 *ctx)
{
	int slot = observed_slot();
	struct histogram *h;
	__u64 *entered;

	if (slot < 0)
		return 0;
	h = histogram_of(slot);
	entered = bpf_task_storage_get(&calibration_threads, bpf_get_current_task_btf(), 0, 0);
	if (h && entered)
		histogram_record(h, bpf_ktime_get_ns() - *entered);
	return 0;
}

SEC("uprobe")
int calibrate_uprobe(void *ctx)
{
	int slot = observed_slot();
	struct histogram *h;

	if (slot < 0)
		return 0;
	h = histogram_of(slot);
	if (h)
		histogram_record_preemptible(h, bpf_ktime_get_ns() & 1023);
	return 0;
}

const char license_name[] SEC("license") = "Dual BSD/GPL";

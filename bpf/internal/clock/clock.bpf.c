//go:build ignore

// SPDX-License-Identifier: Dual BSD/GPL
/* clock: reads the clock of all probes when user space calls the function that this hangs on. */
#include "kernel.h"
#include "target.bpf.h"

struct {
	__uint(type, MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} reading SEC(".maps");

SEC("uprobe")
int read_clock(void *ctx)
{
	__u32 zero = 0;
	__u64 *ns = bpf_map_lookup_elem(&reading, &zero);

	if (ns && target_slot() >= 0)
		*ns = bpf_ktime_get_ns();
	return 0;
}

const char license_name[] SEC("license") = "Dual BSD/GPL";

/* SPDX-License-Identifier: Dual BSD/GPL */
/*
 * The few kernel types, helpers and map macros that the probes use, kept by hand.
 *
 * A generated vmlinux.h is 3 MB of declarations of one kernel; these are the ones that matter,
 * and everything read from kernel memory is marked preserve_access_index, so the loader moves
 * each access to where the running kernel keeps the field.
 */
#ifndef POLLGATE_KERNEL_H
#define POLLGATE_KERNEL_H

typedef unsigned char __u8;
typedef unsigned short __u16;
typedef unsigned int __u32;
typedef int __s32;
typedef unsigned long long __u64;
typedef long long __s64;

#define SEC(name) __attribute__((section(name), used))
#define INLINE static inline __attribute__((always_inline))
#define RELOCATED __attribute__((preserve_access_index))

/* Map definitions by BTF: see the kernel's Documentation/bpf/btf.rst. */
#define __uint(name, val) int(*name)[val]
#define __type(name, val) typeof(val) *name

#define MAP_TYPE_HASH 1
#define MAP_TYPE_ARRAY 2
#define MAP_TYPE_PERCPU_ARRAY 6
#define MAP_TYPE_STACK_TRACE 7
#define MAP_TYPE_LRU_HASH 9
#define MAP_TYPE_RINGBUF 27
#define MAP_TYPE_TASK_STORAGE 29
#define MAP_NO_PREALLOC 1

#define UPDATE_ANY 0
#define UPDATE_NOEXIST 1
#define TASK_STORAGE_CREATE 1

#define EBADF 9
#define EEXIST 17

/* Registers as the kernel saved them at the entry of a system call. */
#if defined(__TARGET_ARCH_x86)
struct pt_regs {
	unsigned long r10, r9, r8, dx, si, di, orig_ax;
} RELOCATED;
#elif defined(__TARGET_ARCH_arm64)
struct pt_regs {
	__u64 regs[31];
	__u64 orig_x0;
	__s32 syscallno;
} RELOCATED;
#else
#error "unknown architecture: the probes read registers of amd64 and arm64 only"
#endif

struct task_struct;

/* KERNEL_READ copies a field of a kernel structure, wherever the running kernel keeps it; 0 if it
 * could be read. Works in every kind of program. */
#define KERNEL_READ(dst, field) \
	bpf_probe_read_kernel((dst), sizeof(*(dst)), __builtin_preserve_access_index(&(field)))

/* KERNEL_READ_BITS is KERNEL_READ for a bit field, which has no address: into a __u64. The kinds are
 * those of enum bpf_core_relo_kind; both architectures are little endian. */
#define KERNEL_READ_BITS(dst, structure, field)                                                    \
	({                                                                                         \
		long failed_ = bpf_probe_read_kernel(                                              \
			(dst), __builtin_preserve_field_info((structure)->field, 1),               \
			(void *)(structure) + __builtin_preserve_field_info((structure)->field, 0)); \
		*(dst) <<= __builtin_preserve_field_info((structure)->field, 4);                   \
		*(dst) >>= __builtin_preserve_field_info((structure)->field, 5);                   \
		failed_;                                                                           \
	})

/* Helper numbers are ABI: include/uapi/linux/bpf.h, __BPF_FUNC_MAPPER. */
static void *(*const bpf_map_lookup_elem)(void *map, const void *key) = (void *)1;
static long (*const bpf_map_update_elem)(void *map, const void *key, const void *value,
					 __u64 flags) = (void *)2;
static long (*const bpf_map_delete_elem)(void *map, const void *key) = (void *)3;
static __u64 (*const bpf_ktime_get_ns)(void) = (void *)5;
static __u64 (*const bpf_get_current_pid_tgid)(void) = (void *)14;
static long (*const bpf_get_stackid)(void *ctx, void *map, __u64 flags) = (void *)27;
static long (*const bpf_get_stack)(void *ctx, void *buffer, __u32 size, __u64 flags) = (void *)67;
static long (*const bpf_probe_read_user)(void *dst, __u32 size, const void *src) = (void *)112;
static long (*const bpf_probe_read_kernel)(void *dst, __u32 size, const void *src) = (void *)113;
static long (*const bpf_get_ns_current_pid_tgid)(__u64 dev, __u64 ino, void *out,
						 __u32 size) = (void *)120;
static void *(*const bpf_ringbuf_reserve)(void *ring, __u64 size, __u64 flags) = (void *)131;
static void (*const bpf_ringbuf_submit)(void *data, __u64 flags) = (void *)132;
static void (*const bpf_ringbuf_discard)(void *data, __u64 flags) = (void *)133;
static void *(*const bpf_task_storage_get)(void *map, struct task_struct *task, void *value,
					   __u64 flags) = (void *)156;
static struct task_struct *(*const bpf_get_current_task_btf)(void) = (void *)158;
static struct pt_regs *(*const bpf_task_pt_regs)(struct task_struct *task) = (void *)175;
static long (*const bpf_for_each_map_elem)(void *map, void *callback, void *ctx,
					   __u64 flags) = (void *)164;

#endif /* POLLGATE_KERNEL_H */

/* SPDX-License-Identifier: Dual BSD/GPL */
/*
 * What a request of an io_uring opens or closes, from the request as the kernel has prepared it.
 */
#ifndef POLLGATE_FDLEAK_REQUESTS_BPF_H
#define POLLGATE_FDLEAK_REQUESTS_BPF_H

#define IORING_OP_ACCEPT 13
#define IORING_OP_OPENAT 18
#define IORING_OP_CLOSE 19
#define IORING_OP_OPENAT2 28
#define IORING_OP_SOCKET 45

struct io_cmd_data {
	struct file *file;
} RELOCATED;

struct io_kiocb {
	struct io_cmd_data cmd;
	__u8 opcode;
} RELOCATED;

struct io_accept {
	__u32 file_slot;
} RELOCATED;

struct io_open {
	__u32 file_slot;
} RELOCATED;

struct io_socket {
	__u32 file_slot;
} RELOCATED;

struct io_close {
	int fd;
	__u32 file_slot;
} RELOCATED;

/* COMMAND is the part of a request that belongs to its operation. */
#define COMMAND(type, request)                                                            \
	((struct type *)((void *)(request) +                                              \
			 __builtin_preserve_field_info(((struct io_kiocb *)0)->cmd,       \
						       FIELD_BYTE_OFFSET)))

#endif /* POLLGATE_FDLEAK_REQUESTS_BPF_H */

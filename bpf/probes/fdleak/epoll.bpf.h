/* SPDX-License-Identifier: Dual BSD/GPL */
/*
 * Registrations with epoll, as the kernel itself keeps them at each file. They belong to a pair of
 * number and file and end with the file: close() of a number ends none if a copy keeps the file.
 */
#ifndef POLLGATE_FDLEAK_EPOLL_BPF_H
#define POLLGATE_FDLEAK_EPOLL_BPF_H

#include "sock.bpf.h"

#define FIELD_BYTE_OFFSET 0
#define FIELD_EXISTS 2
#define MOST_REGISTRATIONS 8

struct hlist_node {
	struct hlist_node *next;
} RELOCATED;

struct hlist_head {
	struct hlist_node *first;
} RELOCATED;

/* What the two are in is struct epoll_filefd, since Linux 7.3 struct epoll_key. */
struct epitem {
	struct {
		int fd;
	} ffd;
	struct hlist_node fllink;
} RELOCATED;

struct file___epoll {
	struct hlist_head *f_ep;
} RELOCATED;

/* Until Linux 6.12: the number of references. */
struct file___counted {
	struct {
		long counter;
	} f_count;
} RELOCATED;

/* From 6.13: one less, and negative when the last is gone. */
struct file___reference {
	struct {
		struct {
			long counter;
		} refcnt;
	} f_ref;
} RELOCATED;

INLINE long references(struct file *file)
{
	long n = 0;

	if (__builtin_preserve_field_info(((struct file___reference *)0)->f_ref, FIELD_EXISTS)) {
		if (KERNEL_READ(&n, ((struct file___reference *)file)->f_ref.refcnt.counter))
			return 0;
		return n < 0 ? 0 : n + 1;
	}
	KERNEL_READ(&n, ((struct file___counted *)file)->f_count.counter);
	return n;
}

/* is_registered tells whether an epoll waits for this file under this number. Of a file that is
 * registered many times only MOST_REGISTRATIONS are looked at. */
INLINE int is_registered(struct file *file, __u32 fd)
{
	struct hlist_head *head = 0;
	struct hlist_node *node = 0;
	struct epitem *item;
	int i, number;

	if (KERNEL_READ(&head, ((struct file___epoll *)file)->f_ep) || !head ||
	    KERNEL_READ(&node, head->first))
		return 0;
	for (i = 0; i < MOST_REGISTRATIONS && node; i++) {
		item = (void *)node - __builtin_preserve_field_info(((struct epitem *)0)->fllink,
								    FIELD_BYTE_OFFSET);
		number = -1;
		if (!KERNEL_READ(&number, item->ffd.fd) && (__u32)number == fd)
			return 1;
		if (KERNEL_READ(&node, node->next))
			return 0;
	}
	return 0;
}

#endif /* POLLGATE_FDLEAK_EPOLL_BPF_H */

/* SPDX-License-Identifier: Dual BSD/GPL */
/*
 * From a descriptor of the running process to its file and its socket.
 */
#ifndef POLLGATE_SOCK_BPF_H
#define POLLGATE_SOCK_BPF_H

#define S_IFMT 0170000
#define S_IFSOCK 0140000

#define AF_INET 2
#define AF_INET6 10
#define IPPROTO_TCP 6

struct in6_addr {
	__u8 bytes[16];
};

struct sock_common {
	__u32 skc_daddr;
	__u32 skc_rcv_saddr;
	__u16 skc_dport; /* network order */
	__u16 skc_num;	 /* local port, host order */
	__u16 skc_family;
	volatile __u8 skc_state;
	struct in6_addr skc_v6_daddr;
	struct in6_addr skc_v6_rcv_saddr;
} RELOCATED;

struct sock {
	struct sock_common __sk_common;
	__u16 sk_protocol;
} RELOCATED;

struct socket {
	struct sock *sk;
} RELOCATED;

struct inode {
	__u16 i_mode;
	unsigned long i_ino;
} RELOCATED;

struct file {
	struct inode *f_inode;
	void *private_data;
} RELOCATED;

struct fdtable {
	unsigned int max_fds;
	struct file **fd;
} RELOCATED;

struct files_struct {
	struct fdtable *fdt;
} RELOCATED;

struct task_struct {
	struct files_struct *files;
} RELOCATED;

/* file_of_fd is the file behind a descriptor of the running process, 0 if there is none. */
INLINE struct file *file_of_fd(__u32 fd)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct files_struct *files = 0;
	struct fdtable *table = 0;
	struct file **entries = 0, *file = 0;
	unsigned int size = 0;

	if (KERNEL_READ(&files, task->files) || KERNEL_READ(&table, files->fdt) ||
	    KERNEL_READ(&size, table->max_fds) || KERNEL_READ(&entries, table->fd) || fd >= size)
		return 0;
	bpf_probe_read_kernel(&file, sizeof(file), &entries[fd]);
	return file;
}

/* sock_of_fd is the socket behind a descriptor of the running process, 0 if it is none. */
INLINE struct sock *sock_of_fd(__u32 fd)
{
	struct file *file = file_of_fd(fd);
	struct inode *inode = 0;
	struct socket *socket = 0;
	struct sock *sk = 0;
	__u16 mode = 0;

	if (!file || KERNEL_READ(&inode, file->f_inode) || KERNEL_READ(&mode, inode->i_mode) ||
	    (mode & S_IFMT) != S_IFSOCK || KERNEL_READ(&socket, file->private_data))
		return 0;
	KERNEL_READ(&sk, socket->sk);
	return sk;
}

#endif /* POLLGATE_SOCK_BPF_H */

/* SPDX-License-Identifier: Dual BSD/GPL */
/*
 * System calls as tp_btf/sys_enter and tp_btf/sys_exit show them: number, arguments, result.
 *
 * At the exit the argument registers still hold what the caller passed (only the register of the
 * result has been overwritten, and the kernel keeps a copy of it where that was an argument), so
 * a probe that needs no starting time can do with the exit alone.
 *
 * Numbers that an architecture does not have are given as negative ones, which never match.
 * A test compares this table with golang.org/x/sys/unix.
 */
#ifndef POLLGATE_SYSCALL_BPF_H
#define POLLGATE_SYSCALL_BPF_H

#if defined(__TARGET_ARCH_x86)

INLINE long syscall_number(struct pt_regs *regs) { return (int)regs->orig_ax; }
INLINE __u64 syscall_arg0(struct pt_regs *regs) { return regs->di; }
INLINE __u64 syscall_arg1(struct pt_regs *regs) { return regs->si; }
INLINE __u64 syscall_arg2(struct pt_regs *regs) { return regs->dx; }
INLINE __u64 syscall_arg3(struct pt_regs *regs) { return regs->r10; }
INLINE __u64 syscall_arg4(struct pt_regs *regs) { return regs->r8; }
INLINE __u64 syscall_arg5(struct pt_regs *regs) { return regs->r9; }

#define SYS_read 0
#define SYS_pread64 17
#define SYS_readv 19
#define SYS_preadv 295
#define SYS_preadv2 327
#define SYS_recvfrom 45
#define SYS_recvmsg 47
#define SYS_recvmmsg 299
#define SYS_write 1
#define SYS_pwrite64 18
#define SYS_writev 20
#define SYS_pwritev 296
#define SYS_pwritev2 328
#define SYS_sendto 44
#define SYS_sendmsg 46
#define SYS_sendmmsg 307
#define SYS_sendfile 40
#define SYS_epoll_wait 232
#define SYS_epoll_pwait 281
#define SYS_epoll_pwait2 441
#define SYS_io_uring_enter 426
#define SYS_socket 41
#define SYS_socketpair 53
#define SYS_accept 43
#define SYS_accept4 288
#define SYS_open 2
#define SYS_openat 257
#define SYS_openat2 437
#define SYS_creat 85
#define SYS_open_by_handle_at 304
#define SYS_pipe 22
#define SYS_pipe2 293
#define SYS_epoll_create 213
#define SYS_epoll_create1 291
#define SYS_eventfd 284
#define SYS_eventfd2 290
#define SYS_io_uring_setup 425
#define SYS_dup 32
#define SYS_dup2 33
#define SYS_dup3 292
#define SYS_fcntl 72
#define SYS_close 3
#define SYS_close_range 436
#define SYS_memfd_create 319
#define SYS_memfd_secret 447
#define SYS_timerfd_create 283
#define SYS_signalfd 282
#define SYS_signalfd4 289
#define SYS_inotify_init 253
#define SYS_inotify_init1 294
#define SYS_fanotify_init 300
#define SYS_userfaultfd 323
#define SYS_perf_event_open 298
#define SYS_pidfd_open 434
#define SYS_pidfd_getfd 438
#define SYS_clone 56
#define SYS_clone3 435
#define SYS_open_tree 428
#define SYS_fsopen 430
#define SYS_fsmount 432
#define SYS_fspick 433
#define SYS_landlock_create_ruleset 444

#elif defined(__TARGET_ARCH_arm64)

INLINE long syscall_number(struct pt_regs *regs) { return regs->syscallno; }
INLINE __u64 syscall_arg0(struct pt_regs *regs) { return regs->orig_x0; }
INLINE __u64 syscall_arg1(struct pt_regs *regs) { return regs->regs[1]; }
INLINE __u64 syscall_arg2(struct pt_regs *regs) { return regs->regs[2]; }
INLINE __u64 syscall_arg3(struct pt_regs *regs) { return regs->regs[3]; }
INLINE __u64 syscall_arg4(struct pt_regs *regs) { return regs->regs[4]; }
INLINE __u64 syscall_arg5(struct pt_regs *regs) { return regs->regs[5]; }

#define SYS_read 63
#define SYS_pread64 67
#define SYS_readv 65
#define SYS_preadv 69
#define SYS_preadv2 286
#define SYS_recvfrom 207
#define SYS_recvmsg 212
#define SYS_recvmmsg 243
#define SYS_write 64
#define SYS_pwrite64 68
#define SYS_writev 66
#define SYS_pwritev 70
#define SYS_pwritev2 287
#define SYS_sendto 206
#define SYS_sendmsg 211
#define SYS_sendmmsg 269
#define SYS_sendfile 71
#define SYS_epoll_wait -2
#define SYS_epoll_pwait 22
#define SYS_epoll_pwait2 441
#define SYS_io_uring_enter 426
#define SYS_socket 198
#define SYS_socketpair 199
#define SYS_accept 202
#define SYS_accept4 242
#define SYS_open -3
#define SYS_openat 56
#define SYS_openat2 437
#define SYS_creat -4
#define SYS_open_by_handle_at 265
#define SYS_pipe -5
#define SYS_pipe2 59
#define SYS_epoll_create -6
#define SYS_epoll_create1 20
#define SYS_eventfd -7
#define SYS_eventfd2 19
#define SYS_io_uring_setup 425
#define SYS_dup 23
#define SYS_dup2 -8
#define SYS_dup3 24
#define SYS_fcntl 25
#define SYS_close 57
#define SYS_close_range 436
#define SYS_memfd_create 279
#define SYS_memfd_secret 447
#define SYS_timerfd_create 85
#define SYS_signalfd -9
#define SYS_signalfd4 74
#define SYS_inotify_init -10
#define SYS_inotify_init1 26
#define SYS_fanotify_init 262
#define SYS_userfaultfd 282
#define SYS_perf_event_open 241
#define SYS_pidfd_open 434
#define SYS_pidfd_getfd 438
#define SYS_clone 220
#define SYS_clone3 435
#define SYS_open_tree 428
#define SYS_fsopen 430
#define SYS_fsmount 432
#define SYS_fspick 433
#define SYS_landlock_create_ruleset 444

#endif

#endif /* POLLGATE_SYSCALL_BPF_H */

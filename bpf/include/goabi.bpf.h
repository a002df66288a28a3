/* SPDX-License-Identifier: Dual BSD/GPL */
/*
 * Arguments of a Go function in the register ABI (ABIInternal), as a uprobe sees them.
 *
 * The register file of a uprobe is user-space ABI, so it is read by fixed offset and not
 * relocated. The registers hold the arguments only until the function body reuses them: the site
 * chooser (internal/gosym) never picks an instruction behind a write to one of them.
 */
#ifndef POLLGATE_GOABI_BPF_H
#define POLLGATE_GOABI_BPF_H

#if defined(__TARGET_ARCH_x86)
struct go_regs {
	__u64 r15, r14, r13, r12, bp, bx, r11, r10, r9, r8, ax, cx, dx, si, di;
	__u64 orig_ax, ip, cs, flags, sp, ss;
};
#define GO_ARG0(ctx) ((ctx)->ax)
#define GO_ARG1(ctx) ((ctx)->bx)
#define GO_ARG2(ctx) ((ctx)->cx)
#define GO_G(ctx) ((ctx)->r14) /* the running goroutine */
#elif defined(__TARGET_ARCH_arm64)
struct go_regs {
	__u64 regs[31];
	__u64 sp, pc, pstate;
};
#define GO_ARG0(ctx) ((ctx)->regs[0])
#define GO_ARG1(ctx) ((ctx)->regs[1])
#define GO_ARG2(ctx) ((ctx)->regs[2])
#define GO_G(ctx) ((ctx)->regs[28])
#endif

#endif /* POLLGATE_GOABI_BPF_H */

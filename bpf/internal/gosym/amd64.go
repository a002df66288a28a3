package gosym

import (
	"strings"

	"golang.org/x/arch/x86/x86asm"
)

// amd64Args has the argument registers of Go's ABIInternal, by number of the argument, under all
// the names that an instruction can use for them.
var amd64Args = map[x86asm.Reg]uint8{
	x86asm.RAX: 1 << 0, x86asm.EAX: 1 << 0, x86asm.AX: 1 << 0, x86asm.AL: 1 << 0, x86asm.AH: 1 << 0,
	x86asm.RBX: 1 << 1, x86asm.EBX: 1 << 1, x86asm.BX: 1 << 1, x86asm.BL: 1 << 1, x86asm.BH: 1 << 1,
	x86asm.RCX: 1 << 2, x86asm.ECX: 1 << 2, x86asm.CX: 1 << 2, x86asm.CL: 1 << 2, x86asm.CH: 1 << 2,
}

// amd64Plain are instructions that write their first operand at most and always go on to the
// next. Anything that is not listed somewhere in describeAMD64 ends the walk.
var amd64Plain = map[x86asm.Op]bool{
	x86asm.MOV: true, x86asm.MOVZX: true, x86asm.MOVSX: true, x86asm.MOVSXD: true,
	x86asm.LEA: true, x86asm.SUB: true, x86asm.ADD: true, x86asm.AND: true, x86asm.OR: true,
	x86asm.XOR: true, x86asm.XORPS: true, x86asm.MOVUPS: true, x86asm.MOVAPS: true,
	x86asm.INC: true, x86asm.DEC: true, x86asm.SHL: true, x86asm.SHR: true,
}

func decodeAMD64(code []byte) []instruction {
	var line []instruction
	comparesStack := false
	for at := 0; at < len(code); {
		decoded, err := x86asm.Decode(code[at:], 64)
		if err != nil {
			break
		}
		in := describeAMD64(decoded, code[at:at+decoded.Len])
		in.offset = uint64(at)
		// The stack check is `cmp rsp, [r14+16]` (big frames compare a copy in r12) and `jbe`.
		in.stackCheck = in.ends && comparesStack && decoded.Op == x86asm.JBE
		in.ends = in.ends && !in.stackCheck
		comparesStack = decoded.Op == x86asm.CMP &&
			(decoded.Args[0] == x86asm.RSP || decoded.Args[0] == x86asm.R12)
		line = append(line, in)
		if in.ends {
			break
		}
		at += decoded.Len
	}
	return line
}

// describeAMD64 follows the kernel's arch/x86/kernel/uprobes.c (push_setup_xol_ops,
// branch_setup_xol_ops): it emulates one-byte pushes of a register, with or without the REX.B
// prefix, the one-byte nop, and conditional jumps. Jumps and calls too, but they end the line.
func describeAMD64(decoded x86asm.Inst, raw []byte) instruction {
	in := instruction{mnemonic: strings.ToLower(decoded.Op.String())}
	switch op := decoded.Op; {
	case op == x86asm.PUSH:
		_, register := decoded.Args[0].(x86asm.Reg)
		in.emulated = register && (len(raw) == 1 || len(raw) == 2 && raw[0] == 0x41)
	case op == x86asm.NOP:
		in.emulated = len(raw) == 1
	case op == x86asm.CMP, op == x86asm.TEST:
		in.forbidden = true
	case op == x86asm.RET:
		in.forbidden, in.ends = true, true
	case isConditionalAMD64(raw):
		in.emulated, in.ends = true, true
	case amd64Plain[op]:
		if register, ok := decoded.Args[0].(x86asm.Reg); ok {
			in.clobbers = amd64Args[register]
		}
	default:
		in.ends = true
	}
	return in
}

func isConditionalAMD64(raw []byte) bool {
	return len(raw) == 2 && raw[0]&0xf0 == 0x70 ||
		len(raw) == 6 && raw[0] == 0x0f && raw[1]&0xf0 == 0x80
}

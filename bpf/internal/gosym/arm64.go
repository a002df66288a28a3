package gosym

import (
	"encoding/binary"
	"strings"

	"golang.org/x/arch/arm64/arm64asm"
)

// arm64Args has the argument registers of Go's ABIInternal, by number of the argument.
var arm64Args = map[arm64asm.Reg]uint8{
	arm64asm.X0: 1 << 0, arm64asm.W0: 1 << 0,
	arm64asm.X1: 1 << 1, arm64asm.W1: 1 << 1,
	arm64asm.X2: 1 << 2, arm64asm.W2: 1 << 2,
}

func decodeARM64(code []byte) []instruction {
	var line []instruction
	comparesStack := false
	for at := 0; at+4 <= len(code); at += 4 {
		decoded, err := arm64asm.Decode(code[at:])
		if err != nil {
			break
		}
		word := binary.LittleEndian.Uint32(code[at:])
		in := describeARM64(decoded, word)
		in.offset = uint64(at)
		// The stack check is `cmp sp, x16` (big frames compare a copy in x17) and `b.ls`.
		in.stackCheck = comparesStack && isConditionalARM64(word)
		in.ends = in.ends && !in.stackCheck
		comparesStack = decoded.Op == arm64asm.CMP && comparesStackARM64(decoded)
		line = append(line, in)
		if in.ends {
			break
		}
	}
	return line
}

func comparesStackARM64(decoded arm64asm.Inst) bool {
	name := strings.ToUpper(decoded.Args[0].String())
	return name == "SP" || name == "X17"
}

// describeARM64 follows the kernel's arch/arm64/kernel/probes/decode-insn.c: it simulates
// branches, adr, adrp and literal loads, nothing else of a prologue (in particular not stp; nop
// only since Linux 6.13, so it does not count here).
func describeARM64(decoded arm64asm.Inst, word uint32) instruction {
	in := instruction{mnemonic: strings.ToLower(decoded.Op.String())}
	switch {
	case isConditionalARM64(word):
		in.emulated, in.ends = true, true
	case word&0x1f000000 == 0x10000000, // adr, adrp
		word&0xbf000000 == 0x18000000: // ldr of a literal, general registers
		in.emulated = true
		in.clobbers = writtenARM64(decoded)
	case decoded.Op == arm64asm.RET:
		in.forbidden, in.ends = true, true
	case decoded.Op == arm64asm.CMP, decoded.Op == arm64asm.CMN, decoded.Op == arm64asm.TST:
		in.forbidden = true
	case word&0x7c000000 == 0x14000000, word&0xfe000000 == 0xd6000000: // b, bl, br, blr
		in.ends = true
	default:
		in.clobbers = writtenARM64(decoded)
	}
	return in
}

// isConditionalARM64: b.cond, cbz, cbnz, tbz, tbnz.
func isConditionalARM64(word uint32) bool {
	return word&0xff000010 == 0x54000000 || word&0x7e000000 == 0x34000000 ||
		word&0x7e000000 == 0x36000000
}

// writtenARM64 has the argument registers that an instruction writes: its first operand, for
// pair loads its second too. Stores only read theirs.
func writtenARM64(decoded arm64asm.Inst) uint8 {
	name := decoded.Op.String()
	if strings.HasPrefix(name, "ST") || strings.HasPrefix(name, "PRF") {
		return 0
	}
	written := registerARM64(decoded.Args[0])
	if strings.HasPrefix(name, "LDP") {
		written |= registerARM64(decoded.Args[1])
	}
	return written
}

func registerARM64(arg arm64asm.Arg) uint8 {
	switch register := arg.(type) {
	case arm64asm.Reg:
		return arm64Args[register]
	case arm64asm.RegSP:
		return arm64Args[arm64asm.Reg(register)]
	}
	return 0
}

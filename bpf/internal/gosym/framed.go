package gosym

import (
	"debug/elf"
	"encoding/binary"

	"golang.org/x/arch/x86/x86asm"
)

// Framed tells whether the walk by frame pointers finds who called the function that was interrupted
// at address. It does not where the function has no frame of its own, as many short ones and those
// in assembly, or has not set it up yet, or has given it up: then the return address is on top of
// the stack (amd64) or in the link register (arm64). True too where nothing is known of the function.
func (b *Binary) Framed(address uint64) bool {
	if b.table == nil {
		return true
	}
	fn := b.table.PCToFunc(address)
	if fn == nil {
		return true
	}
	// Prologues are short: what is not set up in the first bytes is a function without a frame.
	code, _, err := b.code(function{fn.Entry, fn.End - fn.Entry})
	if err != nil {
		return true
	}
	at := address - fn.Entry
	here, _, err := b.code(function{address, fn.End - address})
	if err != nil {
		return true
	}
	switch b.file.Machine {
	case elf.EM_X86_64:
		return framedAMD64(code, at) && here[0] != retAMD64
	case elf.EM_AARCH64:
		return framedARM64(code, at) && len(here) >= 4 && binary.LittleEndian.Uint32(here) != retARM64
	default:
		return true
	}
}

const (
	retAMD64 = 0xc3
	retARM64 = 0xd65f03c0
)

// framedAMD64 looks for what sets RBP before offset at: `mov rbp, rsp` behind its push, or
// `lea rbp, [rsp+…]` before Go 1.21.
func framedAMD64(code []byte, at uint64) bool {
	for offset := 0; offset < len(code) && uint64(offset) < at; {
		decoded, err := x86asm.Decode(code[offset:], 64)
		if err != nil {
			return true
		}
		if (decoded.Op == x86asm.MOV || decoded.Op == x86asm.LEA) && decoded.Args[0] == x86asm.RBP {
			return true
		}
		offset += decoded.Len
	}
	return false
}

// framedARM64 looks for what sets X29 before offset at: `sub x29, sp, #…` of Go, `add x29, sp, #…`
// or `mov x29, sp` (which is the same) of others.
func framedARM64(code []byte, at uint64) bool {
	for offset := 0; offset+4 <= len(code) && uint64(offset) < at; offset += 4 {
		word := binary.LittleEndian.Uint32(code[offset:])
		if word&0xbf8003ff == 0x910003fd&0xbf8003ff {
			return true
		}
	}
	return false
}

// Text is where the code of the file lies, from its first address to behind its last; 0 and 0 if it
// has none.
func (b *Binary) Text() (from, to uint64) {
	section := b.file.Section(".text")
	if section == nil {
		return 0, 0
	}
	return section.Addr, section.Addr + section.Size
}

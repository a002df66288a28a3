package gosym

import (
	"debug/elf"
	"encoding/binary"
	"fmt"
	"io"

	"golang.org/x/arch/x86/x86asm"
)

// callSearchLimit is how many bytes of a function are searched for a call: more than the functions
// of the runtime have that are asked for.
const callSearchLimit = 4096

// CallSite is the instruction in the function named symbol that calls the one named callee. There
// must be exactly one. A probe on it sees the callee's arguments in their registers, and the kernel
// emulates calls on both architectures.
func (b *Binary) CallSite(symbol, callee string) (Site, error) {
	at, code, err := b.findCall(symbol, callee)
	if err != nil {
		return Site{}, err
	}
	mnemonic := map[elf.Machine]string{elf.EM_X86_64: "call", elf.EM_AARCH64: "bl"}[b.file.Machine]
	return Site{Symbol: symbol, Offset: at.offset, FileOffset: code.fileOffset + at.offset,
		Instruction: mnemonic, Class: Emulated}, nil
}

// ReturnSite is an instruction in the function named symbol behind its only call of callee, where
// the callee's first result still is in the first argument's register.
func (b *Binary) ReturnSite(symbol, callee string) (Site, error) {
	at, code, err := b.findCall(symbol, callee)
	if err != nil {
		return Site{}, err
	}
	behind := at.offset + at.size
	picked, err := choosers[b.file.Machine](code.bytes[behind:], 1)
	if err != nil {
		return Site{}, fmt.Errorf("symbol %s, behind its call of %s: %w", symbol, callee, err)
	}
	offset := behind + picked.offset
	return Site{Symbol: symbol, Offset: offset, FileOffset: code.fileOffset + offset,
		Instruction: picked.mnemonic, Class: picked.class}, nil
}

type call struct{ offset, size uint64 }

type code struct {
	bytes      []byte
	fileOffset uint64
}

func (b *Binary) findCall(symbol, callee string) (call, code, error) {
	caller, ok := b.symbols[symbol]
	if !ok {
		return call{}, code{}, b.noSymbol(symbol)
	}
	called, ok := b.symbols[callee]
	if !ok {
		return call{}, code{}, b.noSymbol(callee)
	}
	text, err := b.codeOf(caller, callSearchLimit)
	if err != nil {
		return call{}, code{}, err
	}
	var calls []call
	switch b.file.Machine {
	case elf.EM_X86_64:
		calls = callsAMD64(text.bytes, caller.Value, called.Value)
	case elf.EM_AARCH64:
		calls = callsARM64(text.bytes, caller.Value, called.Value)
	}
	if len(calls) != 1 {
		return call{}, code{}, fmt.Errorf("symbol %s: %d calls of %s, expected 1 "+
			"(built for another architecture, with an optimisation that moves code, or by a Go version "+
			"whose runtime differs)", symbol, len(calls), callee)
	}
	return calls[0], text, nil
}

// codeOf is a function's code, at most limit bytes of it.
func (b *Binary) codeOf(fn elf.Symbol, limit uint64) (code, error) {
	for _, segment := range b.file.Progs {
		if segment.Type != elf.PT_LOAD || segment.Flags&elf.PF_X == 0 ||
			fn.Value < segment.Vaddr || fn.Value >= segment.Vaddr+segment.Filesz {
			continue
		}
		inside := fn.Value - segment.Vaddr
		bytes := make([]byte, min(fn.Size, limit, segment.Filesz-inside))
		if _, err := io.ReadFull(io.NewSectionReader(segment, int64(inside), int64(len(bytes))),
			bytes); err != nil {
			return code{}, fmt.Errorf("read code of %s: %w", fn.Name, err)
		}
		return code{bytes, segment.Off + inside}, nil
	}
	return code{}, fmt.Errorf("symbol %s lies in no executable segment", fn.Name)
}

// callsAMD64 decodes from the start, because a call's bytes may also occur inside an instruction.
// It ends at what it cannot decode.
func callsAMD64(text []byte, start, callee uint64) []call {
	var found []call
	for at := 0; at < len(text); {
		decoded, err := x86asm.Decode(text[at:], 64)
		if err != nil {
			break
		}
		next := at + decoded.Len
		if text[at] == 0xe8 && decoded.Len == 5 {
			relative := int64(int32(binary.LittleEndian.Uint32(text[at+1:])))
			if start+uint64(next)+uint64(relative) == callee {
				found = append(found, call{uint64(at), 5})
			}
		}
		at = next
	}
	return found
}

func callsARM64(text []byte, start, callee uint64) []call {
	var found []call
	for at := 0; at+4 <= len(text); at += 4 {
		word := binary.LittleEndian.Uint32(text[at:])
		relative := int64(int32(word<<6)>>6) * 4
		if word&0xfc000000 == 0x94000000 && start+uint64(at)+uint64(relative) == callee {
			found = append(found, call{uint64(at), 4})
		}
	}
	return found
}

package gosym

import (
	"debug/elf"
	"encoding/binary"
	"fmt"

	"golang.org/x/arch/x86/x86asm"
)

// returnSearchLimit is how long a function may be whose returns are asked for.
const returnSearchLimit = 64 << 10

// Returns are the instructions with which the function named symbol returns: there its results are in
// the registers of the first arguments. On amd64 the kernel single-steps them, so they are for functions
// that are called seldom. A panic, or a goroutine's exit, passes none of them.
func (b *Binary) Returns(symbol string) ([]Site, error) {
	fn, ok := b.symbols[symbol]
	if !ok {
		return nil, b.noSymbol(symbol)
	}
	text, err := b.codeOf(fn, returnSearchLimit)
	if err != nil {
		return nil, err
	}
	var offsets []uint64
	class := Emulated
	switch b.file.Machine {
	case elf.EM_X86_64:
		class = SingleStepped
		if offsets, err = returnsAMD64(text.bytes); err != nil {
			return nil, fmt.Errorf("symbol %s: %w", symbol, err)
		}
	case elf.EM_AARCH64:
		offsets = returnsARM64(text.bytes)
	}
	if len(offsets) == 0 || fn.Size > returnSearchLimit {
		return nil, fmt.Errorf("symbol %s: %d returns in %d bytes of code, expected one at least in at most %d",
			symbol, len(offsets), fn.Size, returnSearchLimit)
	}
	var sites []Site
	for _, offset := range offsets {
		sites = append(sites, Site{Symbol: symbol, Offset: offset, FileOffset: text.fileOffset + offset,
			Instruction: "ret", Class: class})
	}
	return sites, nil
}

func returnsAMD64(text []byte) (offsets []uint64, err error) {
	for at := 0; at < len(text); {
		decoded, err := x86asm.Decode(text[at:], 64)
		if err != nil {
			return nil, fmt.Errorf("instruction at %d: %w", at, err)
		}
		if decoded.Op == x86asm.RET {
			offsets = append(offsets, uint64(at))
		}
		at += decoded.Len
	}
	return offsets, nil
}

func returnsARM64(text []byte) (offsets []uint64) {
	const ret = 0xd65f03c0 // of x30, which is how Go returns
	for at := 0; at+4 <= len(text); at += 4 {
		if binary.LittleEndian.Uint32(text[at:]) == ret {
			offsets = append(offsets, uint64(at))
		}
	}
	return offsets
}

// Package gosym reads a Go program's ELF file and says where in it a probe may sit and how the
// runtime lays out the structures that a probe reads.
//
// A probe never sits at a function's address by default. The kernel emulates a few instructions
// under a uprobe and single-steps all others, which costs 5 to 40 times as much, so the place is
// chosen by disassembly of the program at hand.
package gosym

import (
	"debug/buildinfo"
	"debug/elf"
	gotable "debug/gosym"
	"errors"
	"fmt"
	"io"
)

// Binary is an ELF executable. It need not be a Go program: then GoVersion is empty.
type Binary struct {
	// Path is where the file was opened.
	Path string
	// GoVersion is as the linker wrote it: "go1.26.8", or "devel …".
	GoVersion string

	file    *elf.File
	symbols map[string]elf.Symbol
	// table is nil where tableErr says why.
	table     *gotable.Table
	tableErr  error
	functions Functions
}

// ErrNoSymbol tells that neither the symbol table nor the runtime's own table has a function: the
// program is no Go program, has inlined the function away, or has tables that cannot be read.
var ErrNoSymbol = errors.New("not found")

// Open reads the headers and the symbol table of the ELF file at path.
func Open(path string) (*Binary, error) {
	file, err := elf.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read executable: %w", err)
	}
	b := &Binary{Path: path, file: file, symbols: map[string]elf.Symbol{}}
	if info, err := buildinfo.ReadFile(path); err == nil {
		b.GoVersion = info.GoVersion
	}
	symbols, err := file.Symbols()
	if err != nil && !errors.Is(err, elf.ErrNoSymbols) {
		file.Close()
		return nil, fmt.Errorf("read symbol table of %s: %w", path, err)
	}
	var text *uint64
	for _, s := range symbols {
		if s.Name == "runtime.text" {
			text = &s.Value
		}
		if elf.ST_TYPE(s.Info) == elf.STT_FUNC && s.Size > 0 {
			b.symbols[s.Name] = s
		}
	}
	b.addLineTable(text)
	b.functions = sortFunctions(b.symbols)
	return b, nil
}

// Close releases the file. Sites and layouts found before stay valid.
func (b *Binary) Close() error { return b.file.Close() }

// Site is an instruction that a uprobe can be put on.
type Site struct {
	Symbol string
	// Offset is in bytes from the start of the function.
	Offset uint64
	// FileOffset is where the instruction lies in the file: what the kernel wants to be told.
	FileOffset uint64
	// Instruction is its mnemonic in lower case.
	Instruction string
	Class       Class
}

// Class says how the kernel executes an instruction that carries a uprobe.
type Class string

// The two classes. A hit costs well under a microsecond on an emulated instruction and several on
// a single-stepped one (a debug trap more, which is dear in virtual machines).
const (
	Emulated      Class = "emulated"
	SingleStepped Class = "single-stepped"
)

// Site chooses where in the function named symbol a probe sits. At that place the first args
// integer arguments (at most three) still are in their registers, and it is passed exactly once
// in each call.
func (b *Binary) Site(symbol string, args int) (Site, error) {
	fn, ok := b.symbols[symbol]
	if !ok {
		return Site{}, b.noSymbol(symbol)
	}
	site, err := b.siteIn(symbol, function{fn.Value, fn.Size}, args)
	if err != nil {
		return Site{}, fmt.Errorf("symbol %s: %w", symbol, err)
	}
	return site, nil
}

// noSymbol says that a function was not found, and why it cannot be where that is known.
func (b *Binary) noSymbol(symbol string) error {
	if b.GoVersion != "" && b.tableErr != nil {
		return fmt.Errorf("symbol %s %w: %w", symbol, ErrNoSymbol, b.tableErr)
	}
	return fmt.Errorf("symbol %s %w", symbol, ErrNoSymbol)
}

// SiteAt chooses a site in the function that starts at an offset of the file, for programs that
// know their own functions without a symbol table.
func (b *Binary) SiteAt(fileOffset uint64) (Site, error) {
	for _, segment := range b.file.Progs {
		if segment.Type == elf.PT_LOAD && segment.Off <= fileOffset &&
			fileOffset < segment.Off+segment.Filesz {
			return b.siteIn("", function{segment.Vaddr + fileOffset - segment.Off, prologueLimit}, 0)
		}
	}
	return Site{}, fmt.Errorf("offset %#x lies in no segment of the file", fileOffset)
}

type function struct{ address, size uint64 }

func (b *Binary) siteIn(symbol string, fn function, args int) (Site, error) {
	choose, ok := choosers[b.file.Machine]
	if !ok {
		return Site{}, fmt.Errorf("no site chooser for %s (amd64 and arm64 only)", b.file.Machine)
	}
	code, fileOffset, err := b.code(fn)
	if err != nil {
		return Site{}, err
	}
	picked, err := choose(code, args)
	if err != nil {
		return Site{}, err
	}
	return Site{
		Symbol:      symbol,
		Offset:      picked.offset,
		FileOffset:  fileOffset + picked.offset,
		Instruction: picked.mnemonic,
		Class:       picked.class,
	}, nil
}

// code is at most prologueLimit bytes of a function's code, and its file offset.
func (b *Binary) code(fn function) ([]byte, uint64, error) {
	for _, segment := range b.file.Progs {
		if segment.Type != elf.PT_LOAD || segment.Flags&elf.PF_X == 0 ||
			fn.address < segment.Vaddr || fn.address >= segment.Vaddr+segment.Filesz {
			continue
		}
		inside := fn.address - segment.Vaddr
		code := make([]byte, min(fn.size, prologueLimit, segment.Filesz-inside))
		if _, err := io.ReadFull(io.NewSectionReader(segment, int64(inside), int64(len(code))),
			code); err != nil {
			return nil, 0, fmt.Errorf("read code at %#x: %w", fn.address, err)
		}
		return code, segment.Off + inside, nil
	}
	return nil, 0, fmt.Errorf("address %#x lies in no executable segment", fn.address)
}

// EntryPoint is the address of the first instruction, as the file has it.
func (b *Binary) EntryPoint() uint64 { return b.file.Entry }

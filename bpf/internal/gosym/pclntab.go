package gosym

import (
	"cmp"
	"debug/elf"
	gotable "debug/gosym"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// lineTableSections hold the table of functions and lines that the runtime itself needs, so that
// stripping leaves it; the second is that of a program that may lie anywhere.
var lineTableSections = []string{".gopclntab", ".data.rel.ro.gopclntab"}

// readLineTable reads the functions of a Go program from the table that its runtime has. text is
// the address of runtime.text, nil where no symbol tells it.
func readLineTable(file *elf.File, text *uint64) (*gotable.Table, error) {
	var section *elf.Section
	for _, name := range lineTableSections {
		if section = file.Section(name); section != nil {
			break
		}
	}
	code := file.Section(".text")
	if section == nil || code == nil {
		return nil, errors.New("no table of Go functions in the file")
	}
	data, err := section.Data()
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", section.Name, err)
	}
	// Entries count from runtime.text. The table's own note of it may be unrelocated, and is 0 from
	// Go 1.26 on; the first Go function lies at the beginning of the code unless C's come before.
	start := code.Addr
	if text != nil {
		start = *text
	}
	table, err := gotable.NewTable(nil, gotable.NewLineTable(data, start))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", section.Name, err)
	}
	if len(table.Funcs) == 0 {
		return nil, fmt.Errorf("%s has no functions", section.Name)
	}
	// A wrong start would shift every name. Where nothing names it, the entry point must tell.
	if entry := table.PCToFunc(file.Entry); text == nil &&
		(entry == nil || entry.Entry != file.Entry || !strings.HasPrefix(entry.Name, "_rt0_")) {
		return nil, errors.New("stripped, and begins with code that is not Go's (cgo): where its Go functions begin is not known")
	}
	return table, nil
}

// addLineTable takes from the runtime's table the functions that the symbol table lacks.
func (b *Binary) addLineTable(text *uint64) {
	b.table, b.tableErr = readLineTable(b.file, text)
	if b.tableErr != nil {
		return
	}
	for i := range b.table.Funcs {
		fn := &b.table.Funcs[i]
		if _, known := b.symbols[fn.Name]; !known && fn.End > fn.Entry {
			b.symbols[fn.Name] = elf.Symbol{Name: fn.Name, Value: fn.Entry, Size: fn.End - fn.Entry}
		}
	}
}

// Frame is one function on a stack.
type Frame struct {
	// Function is its full name, or the address in hexadecimal where nothing names it.
	Function string `json:"function"`
	// File and Line are those of the call that leads further in; empty and 0 for code that is not
	// Go's.
	File string `json:"file"`
	Line int    `json:"line"`
}

// CompareFrames orders stacks by function, file and line of their frames.
func CompareFrames(x, y []Frame) int {
	return slices.CompareFunc(x, y, func(a, b Frame) int {
		return cmp.Or(cmp.Compare(a.Function, b.Function), cmp.Compare(a.File, b.File),
			cmp.Compare(a.Line, b.Line))
	})
}

// Frames names the functions of a stack, innermost first. What was inlined stands under the
// function that it was inlined into, with the line of the inlined code.
//
// The addresses are as the file has them. All but the first are return addresses: they lie behind
// their call, perhaps already in the next line or function, and are looked up one byte lower.
func (b *Binary) Frames(addresses []uint64) []Frame {
	frames := make([]Frame, len(addresses))
	for i, address := range addresses {
		if i > 0 {
			address--
		}
		frames[i] = b.FrameAt(address)
	}
	return frames
}

// FrameAt names the function that has address, of the file, in its code.
func (b *Binary) FrameAt(address uint64) Frame {
	if b.table != nil {
		if file, line, fn := b.table.PCToLine(address); fn != nil {
			return Frame{Function: fn.Name, File: file, Line: line}
		}
	}
	if name := b.Functions().At(address); name != "" {
		return Frame{Function: name}
	}
	return Frame{Function: fmt.Sprintf("%#x", address)}
}

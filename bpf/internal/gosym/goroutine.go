package gosym

import (
	"debug/elf"
	"errors"
	"fmt"
)

// Goroutine is where the fields of a runtime.g lie that tell what a goroutine is and does, in
// bytes from its start.
type Goroutine struct {
	StackHigh uint32
	// SavedSP, SavedPC and SavedFP are the registers of a goroutine that does not run.
	SavedSP, SavedPC, SavedFP uint32
	Status                    uint32
	GoID                      uint32
	WaitReason                uint32
	// GoPC is the address of the go statement that made the goroutine, StartPC of its function.
	GoPC, StartPC uint32
}

// goroutineFields has where each offset comes from, for those that are not in every version at
// one place.
var goroutineFields = []struct {
	name string
	of   func(*Goroutine) *uint32
}{
	{"atomicstatus", func(g *Goroutine) *uint32 { return &g.Status }},
	{"goid", func(g *Goroutine) *uint32 { return &g.GoID }},
	{"waitreason", func(g *Goroutine) *uint32 { return &g.WaitReason }},
	{"gopc", func(g *Goroutine) *uint32 { return &g.GoPC }},
	{"startpc", func(g *Goroutine) *uint32 { return &g.StartPC }},
}

// Goroutine is the layout of runtime.g in this program: from its DWARF, else from the table of
// released versions.
func (b *Binary) Goroutine() (Goroutine, error) {
	layout, err := b.goroutineByDWARF()
	if err == nil {
		return layout, nil
	}
	table, err := b.released("runtime.g", err)
	return table.Goroutine, err
}

func (b *Binary) goroutineByDWARF() (Goroutine, error) {
	fields, err := b.structOffsets("runtime.g")
	if err != nil {
		return Goroutine{}, err
	}
	var layout Goroutine
	for _, field := range goroutineFields {
		offset, ok := fields[field.name]
		if !ok {
			return Goroutine{}, fmt.Errorf("runtime.g has no field %s", field.name)
		}
		*field.of(&layout) = offset
	}
	saved, err := b.structOffsets("runtime.gobuf")
	if err != nil {
		return Goroutine{}, err
	}
	stack, err := b.structOffsets("runtime.stack")
	if err != nil {
		return Goroutine{}, err
	}
	for _, field := range []string{"sp", "pc", "bp"} {
		if _, ok := saved[field]; !ok {
			return Goroutine{}, fmt.Errorf("runtime.gobuf has no field %s", field)
		}
	}
	sched, hasSched := fields["sched"]
	own, hasStack := fields["stack"]
	high, hasHigh := stack["hi"]
	if !hasSched || !hasStack || !hasHigh {
		return Goroutine{}, errors.New("runtime.g has no field sched or stack.hi")
	}
	layout.SavedSP, layout.SavedPC, layout.SavedFP = sched+saved["sp"], sched+saved["pc"], sched+saved["bp"]
	layout.StackHigh = own + high
	return layout, nil
}

// Variable is the address and the size in bytes of a package-level variable, as the file has
// them: a program that is loaded elsewhere has it as much higher as its code.
func (b *Binary) Variable(name string) (address, size uint64, err error) {
	symbols, err := b.file.Symbols()
	if err != nil && !errors.Is(err, elf.ErrNoSymbols) {
		return 0, 0, err
	}
	for _, s := range symbols {
		if s.Name == name && elf.ST_TYPE(s.Info) == elf.STT_OBJECT {
			return s.Value, s.Size, nil
		}
	}
	return 0, 0, fmt.Errorf("variable %s %w", name, ErrNoSymbol)
}

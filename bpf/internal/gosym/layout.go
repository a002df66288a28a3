package gosym

import (
	"debug/dwarf"
	"errors"
	"fmt"
	"go/version"
	"io"
	"maps"
	"slices"
)

// Layouts are where Go's runtime keeps what the probes read.
type Layouts struct {
	PollDesc  PollDesc
	Goroutine Goroutine
}

// PollDesc is where in a runtime.pollDesc the number of the descriptor lies, and the two words that
// name the waiting goroutines, in bytes from its start.
type PollDesc struct{ FD, ReadG, WriteG uint32 }

// PollDesc is the layout of runtime.pollDesc in this program: from its DWARF, else from the table of
// released versions.
func (b *Binary) PollDesc() (PollDesc, error) {
	layout, err := b.pollDescByDWARF()
	if err == nil {
		return layout, nil
	}
	table, err := b.released("runtime.pollDesc", err)
	return table.PollDesc, err
}

// LayoutsByDWARF are the layouts as the program's own debug information has them.
func (b *Binary) LayoutsByDWARF() (Layouts, error) {
	pollDesc, err := b.pollDescByDWARF()
	if err != nil {
		return Layouts{}, err
	}
	goroutine, err := b.goroutineByDWARF()
	return Layouts{pollDesc, goroutine}, err
}

// released is the row of the table for a program without DWARF. Versions that are not listed are
// refused, never guessed. So are toolchains with experiments ("go1.26.8 X:…"), which may change the
// runtime.
func (b *Binary) released(structure string, dwarfErr error) (Layouts, error) {
	if layouts, ok := layoutsByVersion[version.Lang(b.GoVersion)]; ok {
		return layouts, nil
	}
	versions := slices.SortedFunc(maps.Keys(layoutsByVersion), version.Compare)
	return Layouts{}, fmt.Errorf("layout of %s unknown: DWARF: %w; version %q is not in the table (%s to %s)",
		structure, dwarfErr, b.GoVersion, versions[0], versions[len(versions)-1])
}

func (b *Binary) pollDescByDWARF() (PollDesc, error) {
	fields, err := b.structOffsets("runtime.pollDesc")
	if err != nil {
		return PollDesc{}, err
	}
	var layout PollDesc
	for name, place := range map[string]*uint32{
		"fd": &layout.FD, "rg": &layout.ReadG, "wg": &layout.WriteG,
	} {
		offset, ok := fields[name]
		if !ok {
			return PollDesc{}, fmt.Errorf("runtime.pollDesc has no field %s", name)
		}
		*place = offset
	}
	return layout, nil
}

// structOffsets has the byte offset of each field of the Go struct type with that name.
func (b *Binary) structOffsets(name string) (map[string]uint32, error) {
	if b.file.Section(".debug_info") == nil && b.file.Section(".zdebug_info") == nil {
		return nil, errors.New("none in the file")
	}
	data, err := b.file.DWARF()
	if err != nil {
		return nil, err
	}
	reader := data.Reader()
	for {
		entry, err := reader.Next()
		if err != nil {
			return nil, err
		}
		if entry == nil {
			return nil, fmt.Errorf("no type %s", name)
		}
		switch {
		case entry.Tag == dwarf.TagCompileUnit:
			continue // its children are the types and functions
		case entry.Tag == dwarf.TagStructType && entry.Val(dwarf.AttrName) == name:
			return fieldOffsets(reader)
		default:
			reader.SkipChildren()
		}
	}
}

func fieldOffsets(reader *dwarf.Reader) (map[string]uint32, error) {
	offsets := map[string]uint32{}
	for {
		entry, err := reader.Next()
		if err != nil {
			return nil, err
		}
		if entry == nil {
			return nil, io.ErrUnexpectedEOF
		}
		if entry.Tag == 0 {
			return offsets, nil
		}
		name, _ := entry.Val(dwarf.AttrName).(string)
		if offset, ok := entry.Val(dwarf.AttrDataMemberLoc).(int64); ok {
			offsets[name] = uint32(offset)
		}
		reader.SkipChildren()
	}
}

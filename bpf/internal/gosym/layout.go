package gosym

import (
	"debug/dwarf"
	"errors"
	"fmt"
	"go/version"
	"io"
)

// PollDesc is where the two words of a runtime.pollDesc lie that name the waiting goroutines, in
// bytes from its start.
type PollDesc struct {
	ReadG  uint32
	WriteG uint32
}

// pollDescByVersion is for programs without DWARF. Each row was read from the DWARF of a program
// built with that version; versions that are not listed are refused, never guessed. So are
// toolchains with experiments ("go1.26.8 X:…"), which may change the runtime.
var pollDescByVersion = map[string]PollDesc{
	"go1.22": {32, 40},
	"go1.23": {32, 40},
	"go1.24": {32, 40},
	"go1.25": {32, 40},
	"go1.26": {32, 40},
	"go1.27": {32, 40},
}

// PollDesc is the layout of runtime.pollDesc in this program: from its DWARF, else from the table
// of released versions.
func (b *Binary) PollDesc() (PollDesc, error) {
	fields, dwarfErr := b.structOffsets("runtime.pollDesc")
	if dwarfErr == nil {
		rg, hasRead := fields["rg"]
		wg, hasWrite := fields["wg"]
		if hasRead && hasWrite {
			return PollDesc{ReadG: rg, WriteG: wg}, nil
		}
		dwarfErr = errors.New("runtime.pollDesc has no field rg or wg")
	}
	if layout, ok := pollDescByVersion[version.Lang(b.GoVersion)]; ok {
		return layout, nil
	}
	return PollDesc{}, fmt.Errorf("layout of runtime.pollDesc unknown: DWARF: %w; "+
		"version %q is not in the table (go1.22 to go1.27)", dwarfErr, b.GoVersion)
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

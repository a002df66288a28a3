package gosym

import (
	"cmp"
	"debug/elf"
	"maps"
	"slices"
	"sort"
)

// Functions names addresses. What was inlined has the name of the function
// that it was inlined into.
type Functions []elf.Symbol

// Functions are all that the program's tables name, by address.
func (b *Binary) Functions() Functions { return b.functions }

func sortFunctions(symbols map[string]elf.Symbol) Functions {
	return slices.SortedFunc(maps.Values(symbols), func(x, y elf.Symbol) int {
		return cmp.Compare(x.Value, y.Value)
	})
}

// At is the name of the function that has address in its code, empty if none has.
func (f Functions) At(address uint64) string {
	above := sort.Search(len(f), func(i int) bool { return f[i].Value > address })
	if above == 0 || address >= f[above-1].Value+f[above-1].Size {
		return ""
	}
	return f[above-1].Name
}

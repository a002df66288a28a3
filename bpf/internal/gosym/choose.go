package gosym

import (
	"debug/elf"
	"errors"
)

// prologueLimit is how many bytes of a function are looked at. The prologue of a Go function and
// the first branch behind it fit into half of it.
const prologueLimit = 128

// errNoSite is a function whose start has no instruction that may carry a probe.
var errNoSite = errors.New("no instruction at its start can carry a probe: " +
	"neither an emulated one nor one other than a compare or a return")

// instruction is what the choice depends on, whatever the architecture.
type instruction struct {
	offset   uint64
	mnemonic string
	// emulated: the kernel carries it out itself instead of single-stepping a copy.
	emulated bool
	// forbidden: never worth a probe, whatever else there is (compares and returns).
	forbidden bool
	// stackCheck: the branch to runtime.morestack, after which the function starts again.
	stackCheck bool
	// clobbers has a bit for each argument register that is overwritten.
	clobbers uint8
	// ends: the straight line ends here (branch, call, return, or not understood).
	ends bool
}

type candidate struct {
	offset   uint64
	mnemonic string
	class    Class
}

// choosers decode the straight line from a function's first instruction on, per architecture.
var choosers = map[elf.Machine]func(code []byte, args int) (candidate, error){
	elf.EM_X86_64: func(code []byte, args int) (candidate, error) {
		return choose(decodeAMD64(code), args)
	},
	elf.EM_AARCH64: func(code []byte, args int) (candidate, error) {
		return choose(decodeARM64(code), args)
	},
}

// choose walks the instructions that every call executes exactly once, as long as the first args
// argument registers are intact, and takes the first emulated one; failing that, the first that
// is allowed at all.
//
// What lies before the stack check is left out: a call that has to grow its stack comes there
// twice.
func choose(line []instruction, args int) (candidate, error) {
	first := 0
	for i, in := range line {
		if in.stackCheck {
			first = i + 1
		}
	}
	needed := uint8(1)<<args - 1
	var clobbered uint8
	var fallback *candidate
	for i, in := range line {
		if clobbered&needed != 0 {
			break
		}
		clobbered |= in.clobbers
		if i < first || in.forbidden {
			continue
		}
		if in.emulated {
			return candidate{in.offset, in.mnemonic, Emulated}, nil
		}
		if fallback == nil && !in.ends {
			fallback = &candidate{in.offset, in.mnemonic, SingleStepped}
		}
	}
	if fallback == nil {
		return candidate{}, errNoSite
	}
	return *fallback, nil
}

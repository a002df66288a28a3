package oncpu

import (
	"slices"
	"strings"

	"pollgate/bpf/internal/gosym"
	"pollgate/bpf/internal/target"
)

// Frame is one function on a stack.
type Frame = gosym.Frame

// namer names addresses of one process.
type namer struct {
	target *target.Target
	code   target.Mappings
}

// stack puts together what the program took apart, innermost first.
func (n namer) stack(key oncpuUserStack) []Frame {
	addresses := key.Frames[:]
	if end := slices.Index(addresses, 0); end >= 0 {
		addresses = addresses[:end]
	}
	if len(addresses) > 0 && key.Caller != 0 && !n.target.Framed(addresses[0]) {
		addresses = slices.Insert(slices.Clone(addresses), 1, key.Caller)
	}
	frames := n.target.Frames(addresses)
	for i, frame := range frames {
		// An address of its own for each sample would tell nobody anything.
		if name := n.code.Name(addresses[i]); name != "" && strings.HasPrefix(frame.Function, "0x") {
			frames[i].Function = name
		}
	}
	return frames
}

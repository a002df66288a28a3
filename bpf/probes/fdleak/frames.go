package fdleak

import (
	"pollgate/bpf/internal/gosym"
	"pollgate/bpf/internal/target"
)

// Frame is one function on the stack of a call.
type Frame = gosym.Frame

func frames(t *target.Target, addresses []uint64) []Frame { return t.Frames(addresses) }

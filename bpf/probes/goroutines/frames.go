package goroutines

import (
	"pollgate/bpf/internal/gosym"
	"pollgate/bpf/internal/target"
)

// Frame is one function on a stack.
type Frame = gosym.Frame

// namer names addresses of one process.
type namer struct{ *target.Target }

// stack names return addresses, innermost first.
func (n namer) stack(addresses []uint64) []Frame { return n.Callers(addresses) }

// call is the function at a return address. It lies behind the call, so one byte lower is looked up.
func (n namer) call(address uint64) Frame { return n.FrameAt(address - 1) }

// function is the one that begins at address.
func (n namer) function(address uint64) Frame { return n.FrameAt(address) }

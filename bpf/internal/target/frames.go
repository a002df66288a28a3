package target

import "pollgate/bpf/internal/gosym"

// Frames names the functions on a stack of the process, innermost first; see gosym.Binary.Frames.
// Addresses are those of the running process.
func (t *Target) Frames(addresses []uint64) []gosym.Frame {
	inFile := make([]uint64, len(addresses))
	for i, address := range addresses {
		inFile[i] = address - t.bias
	}
	return t.Binary.Frames(inFile)
}

// FrameAt names the function that has address, of the running process, in its code.
func (t *Target) FrameAt(address uint64) gosym.Frame { return t.Binary.FrameAt(address - t.bias) }

// Callers names the functions that hold return addresses, innermost first. One lies behind its call, so one
// byte lower is looked up.
func (t *Target) Callers(addresses []uint64) []gosym.Frame {
	frames := make([]gosym.Frame, len(addresses))
	for i, address := range addresses {
		frames[i] = t.FrameAt(address - 1)
	}
	return frames
}

// Framed tells whether a stack that begins at address, of the running process, has the caller of its
// first function; see gosym.Binary.Framed.
func (t *Target) Framed(address uint64) bool { return t.Binary.Framed(address - t.bias) }

package attach

import (
	"errors"
	"fmt"

	"github.com/cilium/ebpf"
)

const stackDepth = 64 // STACK_DEPTH in include/stack.bpf.h

// ReadStack is the stack with a number that user_stack (include/stack.bpf.h) gave, innermost
// frame first, as addresses of the observed process; nil for a stack that could not be kept.
func ReadStack(stacks *ebpf.Map, number int32) ([]uint64, error) {
	if number < 0 {
		return nil, nil
	}
	var frames [stackDepth]uint64
	if err := stacks.Lookup(uint32(number), &frames); err != nil {
		if errors.Is(err, ebpf.ErrKeyNotExist) {
			return nil, nil
		}
		return nil, fmt.Errorf("read stack %d: %w", number, err)
	}
	for i, address := range frames {
		if address == 0 {
			return frames[:i], nil
		}
	}
	return frames[:], nil
}

package attach

import (
	"fmt"

	"github.com/cilium/ebpf/btf"
)

// KernelTypes are the types of a kernel, the running one or another whose types were recorded: what a
// probe needs to know to choose among variants of its programs.
type KernelTypes struct{ *btf.Spec }

// RunningKernel reads the types of the kernel that runs.
func RunningKernel() (KernelTypes, error) {
	spec, err := btf.LoadKernelSpec()
	if err != nil {
		return KernelTypes{}, fmt.Errorf("read the kernel's types: %w", err)
	}
	return KernelTypes{spec}, nil
}

// TracepointArgs is how many arguments a tracepoint hands to its programs, and whether it exists.
func (k KernelTypes) TracepointArgs(name string) (args int, exists bool) {
	proto := k.tracepoint(name)
	if proto == nil {
		return 0, false
	}
	return len(proto.Params) - 1, true // the first is the tracepoint's own data
}

// TracepointArgType is the name of the structure that an argument of a tracepoint points to, for
// variants that differ in kind only; empty if there is none. The first argument has index 0.
func (k KernelTypes) TracepointArgType(name string, index int) string {
	proto := k.tracepoint(name)
	if proto == nil || index+1 >= len(proto.Params) {
		return ""
	}
	argument, _ := btf.UnderlyingType(proto.Params[index+1].Type).(*btf.Pointer)
	if argument == nil {
		return ""
	}
	return btf.UnderlyingType(argument.Target).TypeName()
}

// tracepoint is how the programs of a tracepoint are called, nil if there is none of that name.
func (k KernelTypes) tracepoint(name string) *btf.FuncProto {
	var typedef *btf.Typedef
	if k.TypeByName("btf_trace_"+name, &typedef) != nil {
		return nil
	}
	pointer, _ := typedef.Type.(*btf.Pointer)
	if pointer == nil {
		return nil
	}
	proto, _ := pointer.Target.(*btf.FuncProto)
	return proto
}

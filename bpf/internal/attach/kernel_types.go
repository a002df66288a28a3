package attach

import (
	"fmt"

	"github.com/cilium/ebpf/btf"
)

// TracepointArgs is how many arguments a tracepoint hands to its programs, and whether it exists:
// what a probe needs to know to choose among variants of its program.
func TracepointArgs(name string) (args int, exists bool) {
	spec, err := btf.LoadKernelSpec()
	if err != nil {
		return 0, false
	}
	var typedef *btf.Typedef
	if err := spec.TypeByName("btf_trace_"+name, &typedef); err != nil {
		return 0, false
	}
	pointer, ok := typedef.Type.(*btf.Pointer)
	if !ok {
		return 0, false
	}
	proto, ok := pointer.Target.(*btf.FuncProto)
	if !ok {
		return 0, false
	}
	return len(proto.Params) - 1, true // the first is the tracepoint's own data
}

// TracepointArgType is the name of the structure that an argument of a tracepoint points to, for
// variants that differ in kind only; empty if there is none. The first argument has index 0.
func TracepointArgType(name string, index int) string {
	spec, err := btf.LoadKernelSpec()
	if err != nil {
		return ""
	}
	var typedef *btf.Typedef
	if err := spec.TypeByName("btf_trace_"+name, &typedef); err != nil {
		return ""
	}
	pointer, _ := typedef.Type.(*btf.Pointer)
	if pointer == nil {
		return ""
	}
	proto, _ := pointer.Target.(*btf.FuncProto)
	if proto == nil || index+1 >= len(proto.Params) {
		return ""
	}
	argument, _ := btf.UnderlyingType(proto.Params[index+1].Type).(*btf.Pointer)
	if argument == nil {
		return ""
	}
	return fmt.Sprint(argument.Target.TypeName())
}

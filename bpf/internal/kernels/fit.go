package kernels

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/btf"

	"pollgate/bpf/internal/attach"
)

// Misfits has a reason for each program of an object that a kernel with these types cannot run. The
// programs are known to run on the reference, with whose types the kernel's are compared.
func Misfits(
	spec *ebpf.CollectionSpec, kernel, reference attach.KernelTypes,
) (map[string]string, error) {
	misfits := map[string]string{}
	for name, program := range spec.Programs {
		reason := tracepointMisfit(program, kernel, reference)
		if reason == "" {
			var err error
			if reason, err = fieldMisfit(spec, program, kernel, reference); err != nil {
				return nil, fmt.Errorf("program %s: %w", name, err)
			}
		}
		if reason != "" {
			misfits[name] = reason
		}
	}
	return misfits, nil
}

// tracepointMisfit compares a tracepoint with what the program takes from it; empty if it fits.
func tracepointMisfit(program *ebpf.ProgramSpec, kernel, reference attach.KernelTypes) string {
	if program.Type != ebpf.Tracing {
		return ""
	}
	args, exists := kernel.TracepointArgs(program.AttachTo)
	if !exists {
		return "no tracepoint " + program.AttachTo
	}
	// The probe uring has chosen by their arguments: what its programs hold for others is not run.
	if strings.HasPrefix(program.AttachTo, "io_uring_") {
		return ""
	}
	for _, index := range argumentsRead(program.Instructions) {
		if index >= args {
			return fmt.Sprintf("tracepoint %s has %d arguments, argument %d is read",
				program.AttachTo, args, index+1)
		}
		here := kernel.TracepointArgType(program.AttachTo, index)
		there := reference.TracepointArgType(program.AttachTo, index)
		if _, known := reference.TracepointArgs(program.AttachTo); known && here != there {
			return fmt.Sprintf("tracepoint %s: argument %d is a %q, expected a %q",
				program.AttachTo, index+1, here, there)
		}
	}
	return ""
}

// argumentsRead has the places, from 0, of the words of its context that a program loads. The context
// is followed from register to register in the order of the instructions, which is how compilers lay
// it out: into a register that calls preserve, and never back to memory.
func argumentsRead(instructions asm.Instructions) []int {
	context := map[asm.Register]bool{asm.R1: true}
	places := map[int]bool{}
	for i := range instructions {
		ins := &instructions[i]
		if i > 0 && btf.FuncMetadata(ins) != nil {
			break // the functions that it calls
		}
		class := ins.OpCode.Class()
		switch {
		case class.IsLoad() && ins.OpCode.Mode() == asm.MemMode:
			if context[ins.Src] {
				places[int(ins.Offset)/8] = true
			}
			delete(context, ins.Dst)
		case class.IsALU() && ins.OpCode.ALUOp() == asm.Mov && ins.OpCode.Source() == asm.RegSource:
			if context[ins.Src] {
				context[ins.Dst] = true
			} else {
				delete(context, ins.Dst)
			}
		case ins.OpCode.JumpOp() == asm.Call:
			for register := asm.R0; register <= asm.R5; register++ {
				delete(context, register)
			}
		case class.IsALU() || class.IsLoad():
			delete(context, ins.Dst)
		}
	}
	return slices.Sorted(maps.Keys(places))
}

// fields are a program's accesses to structures of the kernel, as resolved for one kernel.
type fields struct {
	// missing has what cannot be read: the program's own declaration of the structure, and the places
	// of the members, such as "file___epoll[0:0]".
	missing map[string]bool
	// asked has whether that is there which the program asks about before it reads.
	asked map[string]bool
}

// fieldMisfit is a field that the program reads and the kernel does not have; empty if there is none.
//
// A program may ask whether a field exists, and read one of another declaration of the structure if not.
// Which reads hang on which question is not known; but where all answers are as on the reference, nothing
// may be missing that is there on the reference, and where an answer is otherwise, nothing but what
// belongs to a declaration that was asked about.
func fieldMisfit(
	spec *ebpf.CollectionSpec, program *ebpf.ProgramSpec, kernel, reference attach.KernelTypes,
) (string, error) {
	here, err := resolve(spec, program, kernel)
	if err != nil {
		return "", err
	}
	there, err := resolve(spec, program, reference)
	if err != nil {
		return "", err
	}
	same := true
	for question, answer := range here.asked {
		same = same && there.asked[question] == answer
	}
	var lacks []string
	for field := range here.missing {
		if same && there.missing[field] || !same && here.asksAbout(field) {
			continue
		}
		lacks = append(lacks, field)
	}
	if len(lacks) == 0 {
		return "", nil
	}
	slices.Sort(lacks)
	return "no field " + strings.Join(lacks, ", "), nil
}

// asksAbout tells whether a question is about the declaration that a field belongs to.
func (f fields) asksAbout(field string) bool {
	declaration, _, _ := strings.Cut(field, "[")
	for question := range f.asked {
		if strings.HasPrefix(question, declaration+"[") {
			return true
		}
	}
	return false
}

// relocation is how the library prints one: CORERelocation(byte_off, Struct:"file"[0:3], local_id=7).
var relocation = regexp.MustCompile(`^CORERelocation\((\w+), \w+:"([^"]+)"\[([0-9:]+)\]`)

func resolve(
	spec *ebpf.CollectionSpec, program *ebpf.ProgramSpec, kernel attach.KernelTypes,
) (fields, error) {
	var relocations []*btf.CORERelocation
	for i := range program.Instructions {
		if r := btf.CORERelocationMetadata(&program.Instructions[i]); r != nil {
			relocations = append(relocations, r)
		}
	}
	found := fields{map[string]bool{}, map[string]bool{}}
	fixups, err := btf.CORERelocate(relocations, []*btf.Spec{kernel.Spec}, program.ByteOrder,
		spec.Types.TypeID)
	if err != nil {
		return fields{}, err
	}
	for i, fixup := range fixups {
		parts := relocation.FindStringSubmatch(relocations[i].String())
		if parts == nil {
			return fields{}, fmt.Errorf("cannot read %s", relocations[i])
		}
		field := parts[2] + "[" + parts[3] + "]"
		if strings.HasSuffix(parts[1], "_exists") {
			found.asked[field] = !strings.HasSuffix(fixup.String(), "->0")
		} else if strings.HasSuffix(fixup.String(), "=poison") {
			found.missing[field] = true
		}
	}
	return found, nil
}

package attach

import (
	"errors"
	"fmt"
	"reflect"
	"slices"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/btf"
)

// joint is one program at a tracepoint that calls those of several probes, each as a function of its
// own. What a system call pays is mostly for the tracepoint and for each program that hangs on it,
// whatever the program does; a call from one function to the next is a thousandth of a microsecond.
type joint struct {
	parts map[string][]part // by tracepoint
	links Links
	// programs is how many programs hang on the ends of a system call.
	programs int
}

// part is one probe's program, as it was before it was loaded.
type part struct {
	program      *ebpf.Program // the same, loaded by itself: to attach where the joint one is refused
	instructions asm.Instructions
	// maps are those of the probe; constants are made anew for the joint program, from the same values.
	maps      map[string]*ebpf.Map
	constants map[string]constants
}

// constants are a section of them, with what was set before loading.
type constants struct {
	section   *ebpf.MapSpec
	variables []*ebpf.VariableSpec
}

// Join takes programs that Load has loaded and hangs them on their tracepoints together with those of
// other probes, when AttachJoint is called. It is the last step of attaching a probe: one that fails
// afterwards would leave programs here whose maps are closed.
func (s *Session) Join(programs ...*ebpf.Program) error {
	for _, program := range programs {
		loaded, known := s.loaded[program]
		if !known {
			return fmt.Errorf("%v is no program at the end of a system call that was loaded here", program)
		}
		s.joint.parts[loaded.tracepoint] = append(s.joint.parts[loaded.tracepoint], loaded.part)
	}
	return nil
}

// AttachJoint attaches what was joined. Where the kernel refuses a joint program, the probes' own are
// attached one by one: they see the same and cost more, which SystemCallPrograms tells.
func (s *Session) AttachJoint() error {
	for _, tracepoint := range []string{"sys_enter", "sys_exit"} {
		parts := s.joint.parts[tracepoint]
		programs := make([]*ebpf.Program, 0, len(parts))
		for _, p := range parts {
			programs = append(programs, p.program)
		}
		if len(parts) > 1 {
			if together, err := s.loadJoint(tracepoint, parts); err == nil {
				defer together.Close() // the link keeps it
				programs = []*ebpf.Program{together}
			}
		}
		s.joint.programs += len(programs)
		if err := s.joint.links.Tracepoints(programs...); err != nil {
			return err
		}
	}
	s.joint.parts = map[string][]part{}
	return nil
}

// DetachJoint takes off what AttachJoint has attached; before the maps of its probes are closed.
func (s *Session) DetachJoint() error { return s.joint.links.Close() }

// SystemCallPrograms is how many programs AttachJoint has hung on the two ends of a system call.
func (s *Session) SystemCallPrograms() int { return s.joint.programs }

// loadedProgram is a program that may be joined with others.
type loadedProgram struct {
	part
	tracepoint string
}

// remember keeps what joining needs of those programs of a spec that were assigned to objects.
func (s *Session) remember(spec *ebpf.CollectionSpec, objects any) {
	maps, programs := map[string]*ebpf.Map{}, map[string]*ebpf.Program{}
	assigned(reflect.ValueOf(objects), maps, programs)
	sections := map[string]constants{}
	for name, m := range spec.Maps {
		if maps[name] == nil && len(m.Contents) > 0 {
			sections[name] = constants{section: m}
		}
	}
	for _, v := range spec.Variables {
		if of, known := sections[v.SectionName]; known {
			of.variables = append(of.variables, v)
			sections[v.SectionName] = of
		}
	}
	for name, program := range programs {
		p := spec.Programs[name]
		if p == nil || p.Type != ebpf.Tracing || !IsSystemCall(p.AttachTo) {
			continue
		}
		s.loaded[program] = loadedProgram{
			part{program, slices.Clone(p.Instructions), maps, sections}, p.AttachTo}
	}
}

// assigned collects what LoadAndAssign has put into the fields of a struct, by their tags.
func assigned(v reflect.Value, maps map[string]*ebpf.Map, programs map[string]*ebpf.Program) {
	if v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	for i := range v.NumField() {
		field, name := v.Field(i), v.Type().Field(i).Tag.Get("ebpf")
		if field.Kind() == reflect.Struct {
			assigned(field, maps, programs)
			continue
		}
		switch value := field.Interface().(type) {
		case *ebpf.Map:
			maps[name] = value
		case *ebpf.Program:
			programs[name] = value
		}
	}
}

// loadJoint makes and loads the program that calls all parts with its own context.
func (s *Session) loadJoint(tracepoint string, parts []part) (*ebpf.Program, error) {
	name := "joint_" + tracepoint
	spec := &ebpf.CollectionSpec{Maps: map[string]*ebpf.MapSpec{},
		Variables: map[string]*ebpf.VariableSpec{}, Programs: map[string]*ebpf.ProgramSpec{}}
	calls := asm.Instructions{asm.Mov.Reg(asm.R6, asm.R1)}
	var functions asm.Instructions
	var signature *btf.Func
	for i, p := range parts {
		prefix := fmt.Sprintf("part%d_", i)
		function, entry, err := p.asFunction(prefix, spec)
		if err != nil {
			return nil, err
		}
		signature = entry
		functions = append(functions, function...)
		calls = append(calls, asm.Mov.Reg(asm.R1, asm.R6), asm.Call.Label(function[0].Symbol()))
	}
	calls = append(calls, asm.Mov.Imm(asm.R0, 0), asm.Return())
	main := *signature
	main.Name, main.Linkage = name, btf.GlobalFunc
	// Where functions have lines each must have one.
	calls[0] = btf.WithFuncMetadata(calls[0], &main).WithSymbol(name).WithSource(functions[0].Source())
	spec.Programs[name] = &ebpf.ProgramSpec{
		Name: name, Type: ebpf.Tracing, AttachType: ebpf.AttachTraceRawTp, AttachTo: tracepoint,
		License: "Dual BSD/GPL", Instructions: append(calls, functions...),
	}
	collection, err := ebpf.NewCollectionWithOptions(spec, ebpf.CollectionOptions{Cache: s.cache})
	if err != nil {
		return nil, err
	}
	defer collection.Close()
	return collection.DetachProgram(name), nil
}

// asFunction is the part with names of its own, its maps bound and its constants added to those of
// the joint program. entry is the type of its first function.
func (p part) asFunction(
	prefix string, joint *ebpf.CollectionSpec,
) (function asm.Instructions, entry *btf.Func, err error) {
	function = slices.Clone(p.instructions)
	for i := range function {
		ins := &function[i]
		if symbol := ins.Symbol(); symbol != "" {
			own := btf.FuncMetadata(ins)
			if own == nil {
				return nil, nil, errors.New("a function without a type")
			}
			if entry == nil {
				entry = own
			}
			// Static functions are verified where they are called, with what they are given there.
			static := *own
			static.Linkage = btf.StaticFunc
			*ins = btf.WithFuncMetadata(*ins, &static).WithSymbol(prefix + symbol)
		}
		reference := ins.Reference()
		switch {
		case ins.IsFunctionReference():
			*ins = ins.WithReference(prefix + reference)
		case ins.IsLoadFromMap() && reference != "" && p.maps[reference] != nil:
			if err := ins.AssociateMap(p.maps[reference]); err != nil {
				return nil, nil, err
			}
		case ins.IsLoadFromMap() && reference != "":
			values, known := p.constants[reference]
			if !known {
				return nil, nil, fmt.Errorf("the map %s is not among the probe's", reference)
			}
			values.addTo(joint, prefix, reference)
			*ins = ins.WithReference(prefix + reference)
		}
	}
	if entry == nil {
		return nil, nil, errors.New("a program without a name")
	}
	return function, entry, nil
}

// addTo makes the section one of the joint program's.
func (c constants) addTo(joint *ebpf.CollectionSpec, prefix, name string) {
	if joint.Maps[prefix+name] != nil {
		return
	}
	joint.Maps[prefix+name] = c.section.Copy()
	for _, v := range c.variables {
		own := v.Copy()
		own.SectionName = prefix + name
		joint.Variables[prefix+v.Name] = own
	}
}

package kernels

import (
	"slices"
	"strings"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"

	"pollgate/bpf/internal/attach"
	"pollgate/bpf/internal/probe"
)

// Needs is what the probes ask of a kernel's types.
type Needs struct {
	tracepoints []string
	// fields by the name of the structure that they are in.
	fields map[string]map[string]bool
}

// multiUprobe is in the types of kernels that can attach uprobes without CAP_SYS_ADMIN.
const multiUprobe = "bpf_uprobe_multi_link"

// NeedsOf collects what the objects of all probes declare.
func NeedsOf(probes []probe.Probe, objects []*ebpf.CollectionSpec) (Needs, error) {
	needs := Needs{fields: map[string]map[string]bool{multiUprobe: {}}}
	for _, p := range probes {
		for _, hook := range p.Manifest.Hooks {
			if hook.Type == "tp_btf" && !slices.Contains(needs.tracepoints, hook.Name) {
				needs.tracepoints = append(needs.tracepoints, hook.Name)
			}
		}
	}
	for _, object := range objects {
		for t, err := range object.Types.All() {
			if err != nil {
				return Needs{}, err
			}
			name, members := composite(t)
			// What follows ___ tells declarations of one structure apart.
			name, _, _ = strings.Cut(name, "___")
			if name == "" {
				continue
			}
			if needs.fields[name] == nil {
				needs.fields[name] = map[string]bool{}
			}
			for _, member := range members {
				needs.fields[name][member.Name] = true
			}
		}
	}
	return needs, nil
}

func composite(t btf.Type) (name string, members []btf.Member) {
	switch t := t.(type) {
	case *btf.Struct:
		return t.Name, t.Members
	case *btf.Union:
		return t.Name, t.Members
	}
	return "", nil
}

// Prune is what a kernel's types say about the needs, as BTF. Structures keep their sizes and the
// places of the fields that are needed.
func Prune(kernel attach.KernelTypes, needs Needs) ([]byte, error) {
	p := pruner{needs.fields, map[btf.Type]btf.Type{}}
	builder, err := btf.NewBuilder(nil, nil)
	if err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(slices.Values(needs.tracepoints)) {
		if typedef := p.tracepoint(kernel, name); typedef != nil {
			if _, err := builder.Add(typedef); err != nil {
				return nil, err
			}
		}
	}
	for t, err := range kernel.All() {
		if err != nil {
			return nil, err
		}
		if name, _ := composite(t); p.fields[name] != nil {
			if _, err := builder.Add(p.kept(t)); err != nil {
				return nil, err
			}
		}
	}
	return builder.Marshal(nil, nil)
}

type pruner struct {
	fields map[string]map[string]bool
	done   map[btf.Type]btf.Type
}

func (p pruner) tracepoint(kernel attach.KernelTypes, name string) *btf.Typedef {
	var typedef *btf.Typedef
	if kernel.TypeByName("btf_trace_"+name, &typedef) != nil {
		return nil
	}
	pointer, _ := typedef.Type.(*btf.Pointer)
	if pointer == nil {
		return nil
	}
	proto, _ := pointer.Target.(*btf.FuncProto)
	if proto == nil {
		return nil
	}
	pruned := &btf.FuncProto{Return: &btf.Void{}}
	for _, param := range proto.Params {
		pruned.Params = append(pruned.Params, btf.FuncParam{Name: param.Name, Type: p.kept(param.Type)})
	}
	return &btf.Typedef{Name: typedef.Name, Type: &btf.Pointer{Target: pruned}}
}

// kept is a type as something that is held by value.
func (p pruner) kept(t btf.Type) btf.Type {
	switch t := btf.UnderlyingType(t).(type) {
	case *btf.Pointer:
		return &btf.Pointer{Target: p.pointedTo(t.Target)}
	case *btf.Array:
		return &btf.Array{Index: t.Index, Type: p.kept(t.Type), Nelems: t.Nelems}
	case *btf.Enum:
		return &btf.Enum{Name: t.Name, Size: t.Size, Signed: t.Signed}
	case *btf.Struct, *btf.Union:
		return p.structure(t)
	default:
		return t
	}
}

func (p pruner) pointedTo(t btf.Type) btf.Type {
	t = btf.UnderlyingType(t)
	name, _ := composite(t)
	switch {
	case name != "" && p.fields[name] != nil:
		return p.structure(t)
	case name != "":
		kind := btf.FwdStruct
		if _, isUnion := t.(*btf.Union); isUnion {
			kind = btf.FwdUnion
		}
		return &btf.Fwd{Name: name, Kind: kind}
	default:
		return &btf.Void{}
	}
}

// structure keeps the members that are needed of a structure that the probes declare, and all of others.
func (p pruner) structure(t btf.Type) btf.Type {
	if done := p.done[t]; done != nil {
		return done
	}
	name, members := composite(t)
	wanted := p.fields[name]
	if wanted == nil { // held by value in a member that is wanted, perhaps for what is in it
		wanted = namesOf(members)
	}
	switch t := t.(type) {
	case *btf.Struct:
		pruned := &btf.Struct{Name: t.Name, Size: t.Size}
		p.done[t] = pruned // before its members, which may point back
		pruned.Members = p.members(t.Members, wanted)
		return pruned
	case *btf.Union:
		pruned := &btf.Union{Name: t.Name, Size: t.Size}
		p.done[t] = pruned
		pruned.Members = p.members(t.Members, wanted)
		return pruned
	}
	return t
}

func namesOf(members []btf.Member) map[string]bool {
	names := map[string]bool{}
	for _, m := range members {
		names[m.Name] = true
	}
	return names
}

// members keeps those with a wanted name. Those of structures without a name count as members of what
// they are in.
func (p pruner) members(all []btf.Member, wanted map[string]bool) []btf.Member {
	var kept []btf.Member
	for _, m := range all {
		if m.Name != "" {
			if wanted[m.Name] {
				m.Type = p.kept(m.Type)
				kept = append(kept, m)
			}
			continue
		}
		switch t := btf.UnderlyingType(m.Type).(type) {
		case *btf.Struct:
			m.Type = &btf.Struct{Size: t.Size, Members: p.members(t.Members, wanted)}
		case *btf.Union:
			m.Type = &btf.Union{Size: t.Size, Members: p.members(t.Members, wanted)}
		default:
			continue // padding of bit fields
		}
		if _, members := composite(m.Type); len(members) > 0 {
			kept = append(kept, m)
		}
	}
	return kept
}

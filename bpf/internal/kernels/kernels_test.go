package kernels

import (
	"bytes"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"

	"pollgate/bpf/internal/attach"
	"pollgate/bpf/probes"
)

const folder = "../../probes"

func TestTableIsWhatTheObjectsSay(t *testing.T) {
	want, err := Table(probes.All, folder)
	if err != nil {
		t.Fatal(err)
	}
	table, err := os.ReadFile("../../KERNELS.md")
	if err != nil {
		t.Fatal(err)
	}
	if string(table) != want {
		t.Error("KERNELS.md is not up to date; to mend it: cd bpf && go generate ./internal/kernels")
	}
}

// What needs no variant must fit every kernel from the oldest supported on, on both architectures.
func TestEveryProbeFitsEveryKernelInPartAtLeast(t *testing.T) {
	kernels, err := Recorded()
	if err != nil {
		t.Fatal(err)
	}
	reference, err := Reference(kernels)
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range kernels {
		for _, p := range probes.All {
			state, err := StateOf(p, folder, k, reference)
			if err != nil {
				t.Fatal(err)
			}
			if state.Word == "absent" {
				t.Errorf("%s %s: %s: %s", k.Release, k.Arch, state.Probe, state.Reason)
			}
		}
	}
}

// change gives the reference kernel with one thing otherwise, and what comes of it.
func misfitsAfter(t *testing.T, probe string, change func(btf.Type)) map[string]string {
	t.Helper()
	kernels, err := Recorded()
	if err != nil {
		t.Fatal(err)
	}
	reference, err := Reference(kernels)
	if err != nil {
		t.Fatal(err)
	}
	builder, err := btf.NewBuilder(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	for each, err := range reference.Copy().All() {
		if err != nil {
			t.Fatal(err)
		}
		if _, isVoid := each.(*btf.Void); isVoid {
			continue
		}
		change(each)
		if _, err := builder.Add(each); err != nil {
			t.Fatal(err)
		}
	}
	data, err := builder.Marshal(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	changed, err := btf.LoadSpecFromReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	spec, err := Load(folder, probe, "amd64")
	if err != nil {
		t.Fatal(err)
	}
	misfits, err := Misfits(spec, attach.KernelTypes{Spec: changed}, reference)
	if err != nil {
		t.Fatal(err)
	}
	return misfits
}

func TestMisfits(t *testing.T) {
	for name, c := range map[string]struct {
		probe, program, reason string
		change                 func(btf.Type)
	}{
		"nothing": {"tcplife", "", "", func(btf.Type) {}},
		"a tracepoint with another name": {"tcplife", "tcplife_state", "no tracepoint inet_sock_set_state",
			func(each btf.Type) {
				if typedef, ok := each.(*btf.Typedef); ok && typedef.Name == "btf_trace_inet_sock_set_state" {
					typedef.Name = "btf_trace_other"
				}
			}},
		"an argument less": {"tcplife", "tcplife_state", "has 2 arguments, argument 3 is read",
			func(each btf.Type) {
				if proto := protoOf(each, "btf_trace_inet_sock_set_state"); proto != nil {
					proto.Params = proto.Params[:3]
				}
			}},
		"an argument of another kind": {"tcplife", "tcplife_state", `argument 1 is a "sk_buff", expected a "sock"`,
			func(each btf.Type) {
				if proto := protoOf(each, "btf_trace_inet_sock_set_state"); proto != nil {
					proto.Params[1].Type = &btf.Pointer{
						Target: &btf.Struct{Name: "sk_buff", Size: 8}}
				}
			}},
		"a field with another name": {"tcplife", "tcplife_state", "no field sock[",
			func(each btf.Type) {
				if structure, ok := each.(*btf.Struct); ok && structure.Name == "sock_common" {
					rename(structure.Members, "skc_family")
				}
			}},
		"a field that is asked about": {"fdleak", "", "",
			func(each btf.Type) {
				if structure, ok := each.(*btf.Struct); ok && structure.Name == "file" {
					for i := range structure.Members {
						if structure.Members[i].Name == "f_ref" {
							// As until Linux 6.12.
							structure.Members[i].Name = "f_count"
							structure.Members[i].Type = &btf.Struct{Size: 8, Members: []btf.Member{{
								Name: "counter", Type: &btf.Int{Name: "long long", Size: 8, Encoding: btf.Signed}}}}
						}
					}
				}
			}},
	} {
		t.Run(name, func(t *testing.T) {
			misfits := misfitsAfter(t, c.probe, c.change)
			if c.program == "" {
				if len(misfits) > 0 {
					t.Errorf("%v, want none", misfits)
				}
				return
			}
			if reason := misfits[c.program]; !strings.Contains(reason, c.reason) {
				t.Errorf("%s: %q, want %q", c.program, reason, c.reason)
			}
		})
	}
}

func protoOf(each btf.Type, typedefName string) *btf.FuncProto {
	typedef, ok := each.(*btf.Typedef)
	if !ok || typedef.Name != typedefName {
		return nil
	}
	proto, _ := typedef.Type.(*btf.Pointer).Target.(*btf.FuncProto)
	return proto
}

func rename(members []btf.Member, name string) {
	for i := range members {
		if members[i].Name == name {
			members[i].Name += "_renamed"
		}
		if _, inner := composite(btf.UnderlyingType(members[i].Type)); members[i].Name == "" {
			rename(inner, name)
		}
	}
}

func TestArgumentsThatAreRead(t *testing.T) {
	spec, err := ebpf.LoadCollectionSpec(folder + "/blockio/blockio_x86_bpfel.o")
	if err != nil {
		t.Fatal(err)
	}
	// (request, error, bytes): probes/blockio/blockio.bpf.c.
	read := argumentsRead(spec.Programs["blockio_complete"].Instructions)
	if !slices.Contains(read, 0) || slices.Max(read) > 2 {
		t.Errorf("blockio_complete reads %v, want the request and nothing behind the third", read)
	}
}

package gosym

import (
	"errors"
	"go/version"
	"testing"
)

func TestCallSites(t *testing.T) {
	for _, arch := range []string{"amd64", "arm64"} {
		t.Run(arch, func(t *testing.T) {
			b := build(t, arch)
			want := map[string]string{"amd64": "call", "arm64": "bl"}[arch]
			site, err := b.CallSite("runtime.newproc.func1", "runtime.runqput")
			if err != nil || site.Instruction != want || site.Class != Emulated {
				t.Fatalf("%+v, %v; want an emulated %s", site, err, want)
			}
			checkByObjdump(t, b, site)

			death, err := b.CallSite("runtime.gdestroy", "runtime.casgstatus")
			if err != nil || death.Instruction != want {
				t.Errorf("%+v, %v; want a %s", death, err, want)
			}
			checkByObjdump(t, b, death)

			behind, err := b.ReturnSite("runtime.newproc.func1", "runtime.newproc1")
			if err != nil || behind.Offset >= site.Offset {
				t.Errorf("%+v, %v; want a place before the next call at %d", behind, err, site.Offset)
			}
			if _, err := b.CallSite("runtime.newproc.func1", "runtime.gdestroy"); err == nil {
				t.Error("found a call that is not there")
			}
			layouts, err := b.LayoutsByDWARF()
			if table, ok := layoutsByVersion[version.Lang(b.GoVersion)]; err != nil || ok && layouts != table {
				t.Errorf("layouts %+v, %v; the table has %+v", layouts, err, table)
			}
			if _, size, err := b.Variable("runtime.waitReasonStrings"); err != nil || size%16 != 0 || size == 0 {
				t.Errorf("runtime.waitReasonStrings: %d bytes, %v; want some strings", size, err)
			}
		})
	}
}

func TestReturns(t *testing.T) {
	for arch, class := range map[string]Class{"amd64": SingleStepped, "arm64": Emulated} {
		t.Run(arch, func(t *testing.T) {
			b := build(t, arch)
			sites, err := b.Returns("runtime.newproc1")
			if err != nil || len(sites) == 0 {
				t.Fatalf("%d returns, %v; want some", len(sites), err)
			}
			for _, site := range sites {
				if site.Class != class {
					t.Errorf("%+v, want it %s", site, class)
				}
				checkByObjdump(t, b, site)
			}
			if _, err := b.Returns("no.such"); !errors.Is(err, ErrNoSymbol) {
				t.Errorf("%v, want %v", err, ErrNoSymbol)
			}
		})
	}
}

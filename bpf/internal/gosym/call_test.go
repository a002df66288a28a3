package gosym

import (
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
			layout, err := b.Goroutine()
			if table, ok := goroutineByVersion[version.Lang(b.GoVersion)]; err != nil || ok && layout != table {
				t.Errorf("runtime.g %+v, %v; the table has %+v", layout, err, table)
			}
			if _, size, err := b.Variable("runtime.waitReasonStrings"); err != nil || size%16 != 0 || size == 0 {
				t.Errorf("runtime.waitReasonStrings: %d bytes, %v; want some strings", size, err)
			}
		})
	}
}

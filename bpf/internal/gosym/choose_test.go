package gosym

import (
	"debug/elf"
	"errors"
	"testing"
)

// Prologues as compilers write them, and such as none should meet. Offsets are counted by hand.
func TestChoiceOnAMD64(t *testing.T) {
	for name, c := range map[string]struct {
		code string
		args int
		want candidate
	}{
		"usual: stack check, then push": {
			"\x49\x3b\x66\x10" + // cmp rsp, [r14+16]
				"\x76\x20" + // jbe morestack
				"\x55" + // push rbp
				"\x48\x89\xe5", 3, candidate{6, "push", Emulated}},
		"nosplit: push at once": {"\x55\x48\x89\xe5", 3, candidate{0, "push", Emulated}},
		"big frame: checks r12": {
			"\x4c\x8d\xa4\x24\x78\xff\xff\xff" + // lea r12, [rsp-136]
				"\x4d\x3b\x66\x10" + // cmp r12, [r14+16]
				"\x0f\x86\x00\x01\x00\x00" + // jbe morestack (long)
				"\x55", 1, candidate{18, "push", Emulated}},
		"push of r12 has a prefix and is emulated too": {
			"\x41\x54\x55", 3, candidate{0, "push", Emulated}},
		"push of memory is single-stepped": {
			"\xff\x75\x08" + // push [rbp+8]
				"\xc3", 0, candidate{0, "push", SingleStepped}},
		"no frame: first branch": {
			"\x84\x03" + // test [rbx], al
				"\x74\x02", 3, candidate{2, "je", Emulated}},
		"no frame, no branch: not on the compare, single-stepped": {
			"\x48\x83\xf8\x05" + // cmp rax, 5
				"\x48\x89\xc3" + // mov rbx, rax
				"\xc3", 1, candidate{4, "mov", SingleStepped}},
		"not behind a write to an argument": {
			"\x48\x89\xcb" + // mov rbx, rcx: the second argument is gone
				"\x55", 2, candidate{0, "mov", SingleStepped}},
		"behind a write to an argument that nobody reads": {
			"\x48\x89\xcb\x55", 1, candidate{3, "push", Emulated}},
		"a nop of several bytes is not counted on": {
			"\x0f\x1f\x44\x00\x00" + "\xc3", 0, candidate{0, "nop", SingleStepped}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := choosers[elf.EM_X86_64]([]byte(c.code), c.args)
			if err != nil || got != c.want {
				t.Errorf("chose %+v (%v), want %+v", got, err, c.want)
			}
		})
	}
}

func TestNoSiteOnAMD64(t *testing.T) {
	for name, code := range map[string]string{
		"return only":           "\xc3",
		"compare and return":    "\x48\x83\xf8\x05\xc3",
		"call only":             "\xe8\x00\x00\x00\x00",
		"only the stack check":  "\x49\x3b\x66\x10\x76\x20\xc3",
		"not an instruction":    "\x06",
		"no code":               "",
		"compare cut off short": "\x48\x83",
	} {
		t.Run(name, func(t *testing.T) {
			got, err := choosers[elf.EM_X86_64]([]byte(code), 0)
			if !errors.Is(err, errNoSite) {
				t.Errorf("chose %+v (%v), want errNoSite", got, err)
			}
		})
	}
}

func TestChoiceOnARM64(t *testing.T) {
	const (
		loadLimit  = "\x90\x0b\x40\xf9" // ldr x16, [x28, #16]
		checkStack = "\xff\x63\x30\xeb" // cmp sp, x16
		toMore     = "\x09\x10\x00\x54" // b.ls morestack
		storeLink  = "\xfe\x0f\x1b\xf8" // str x30, [sp, #-80]!
		address    = "\xdb\x0d\x00\xd0" // adrp x27
		branchEq   = "\x60\x00\x00\x54" // b.eq
		compare    = "\x5f\xc8\x01\x71" // cmp w2, #114
		clearX0    = "\xe0\x03\x1f\xaa" // mov x0, xzr
		ret        = "\xc0\x03\x5f\xd6"
	)
	for name, c := range map[string]struct {
		code string
		args int
		want candidate
	}{
		"address behind the stack check": {loadLimit + checkStack + toMore + storeLink + address, 1,
			candidate{16, "adrp", Emulated}},
		"nosplit: first branch": {storeLink + compare + branchEq, 3, candidate{8, "b", Emulated}},
		"store, single-stepped": {storeLink + ret, 3, candidate{0, "str", SingleStepped}},
		"not behind a lost argument": {storeLink + clearX0 + address, 1,
			candidate{0, "str", SingleStepped}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := choosers[elf.EM_AARCH64]([]byte(c.code), c.args)
			if err != nil || got != c.want {
				t.Errorf("chose %+v (%v), want %+v", got, err, c.want)
			}
		})
	}
	if got, err := choosers[elf.EM_AARCH64]([]byte(ret), 0); !errors.Is(err, errNoSite) {
		t.Errorf("return only: chose %+v (%v), want errNoSite", got, err)
	}
}

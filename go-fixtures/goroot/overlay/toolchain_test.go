package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestExperimentIsAFieldWithItsConstants(t *testing.T) {
	o, err := generate(stock(t), netpoller())
	if err != nil {
		t.Fatal(err)
	}
	if o, err = o.withExperiment(); err != nil {
		t.Fatal(err)
	}
	if flags := o.files["internal/goexperiment/flags.go"]; !strings.Contains(flags, "\n\tIO_Uring bool\n") {
		t.Errorf("flags.go has no field IO_Uring:\n%s", flags)
	}
	for name, want := range map[string]string{
		"internal/goexperiment/exp_io_uring_off.go": "//go:build !goexperiment.io_uring\n\npackage goexperiment\n\nconst IO_Uring = false\nconst IO_UringInt = 0\n",
		"internal/goexperiment/exp_io_uring_on.go":  "//go:build goexperiment.io_uring\n\npackage goexperiment\n\nconst IO_Uring = true\nconst IO_UringInt = 1\n",
	} {
		if !strings.HasSuffix(o.files[name], want) {
			t.Errorf("%s: got %q, want it to end with %q", name, o.files[name], want)
		}
	}
}

// The constants have the form that the toolchain's own generator gives the others.
func TestConstantsLookLikeThoseOfTheToolchain(t *testing.T) {
	tc := stock(t)
	o, err := generate(tc, netpoller())
	if err != nil {
		t.Fatal(err)
	}
	if o, err = o.withExperiment(); err != nil {
		t.Fatal(err)
	}
	for _, state := range []string{"off", "on"} {
		dir := filepath.Join(tc.GOROOT, "src", "internal", "goexperiment")
		theirs, err := os.ReadFile(filepath.Join(dir, "exp_arenas_"+state+".go"))
		if err != nil {
			t.Fatal(err)
		}
		want := strings.NewReplacer("goexperiment.arenas", buildTag, "Arenas", "IO_Uring").Replace(string(theirs))
		if got := o.files["internal/goexperiment/exp_io_uring_"+state+".go"]; got != want {
			t.Errorf("%s: got %q, want %q", state, got, want)
		}
	}
}

func TestFarmIsAGOROOTOfLinksAndEdits(t *testing.T) {
	tc := stock(t)
	o, err := generate(tc, netpoller())
	if err != nil {
		t.Fatal(err)
	}
	root := filepath.Join(t.TempDir(), "goroot")
	if err := o.farm(root); err != nil {
		t.Fatal(err)
	}
	for name, content := range o.files {
		got, err := os.ReadFile(filepath.Join(root, "src", name))
		if err != nil || string(got) != content {
			t.Errorf("%s is not the edited one (%v)", name, err)
		}
	}
	link, err := os.Readlink(filepath.Join(root, "src", "net", "net.go"))
	if err != nil || link != filepath.Join(tc.GOROOT, "src", "net", "net.go") {
		t.Errorf("src/net/net.go: got a link to %q (%v), want the stock one", link, err)
	}
	if info, err := os.Lstat(filepath.Join(root, "src", "os", "testdata", "dirfs", "a")); err != nil || !info.Mode().IsRegular() {
		t.Errorf("src/os/testdata/dirfs/a is no file of its own (%v): os.TestRootDirFS would fail", err)
	}
	if info, err := os.Lstat(filepath.Join(root, "src", "net")); err != nil || !info.IsDir() {
		t.Errorf("src/net is no folder (%v): patterns would not reach below it", err)
	}
}

func TestAToolchainThatIsNotCompleteIsNone(t *testing.T) {
	dir := t.TempDir()
	if _, ok := readMark(dir); ok {
		t.Error("an empty folder was taken for a toolchain")
	}
	writeFile(t, filepath.Join(dir, completeMark), "{torn")
	if _, ok := readMark(dir); ok {
		t.Error("a torn mark was taken for a toolchain")
	}
}

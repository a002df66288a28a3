package main

import (
	"encoding/json"
	"go/format"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// stock returns the installed toolchain as if it ran on linux/amd64.
func stock(t *testing.T) toolchain {
	t.Helper()
	tc, err := installedGo()
	if err != nil {
		t.Fatal(err)
	}
	tc.GOOS, tc.GOARCH = "linux", "amd64"
	return tc
}

// copied returns a toolchain whose GOROOT holds copies of just the files that
// the edits name.
func copied(t *testing.T) toolchain {
	t.Helper()
	tc := stock(t)
	root := t.TempDir()
	for _, e := range runtimeEdits {
		name := filepath.FromSlash(e.file)
		content, err := os.ReadFile(filepath.Join(tc.GOROOT, "src", name))
		if err != nil {
			t.Fatal(err)
		}
		writeFile(t, filepath.Join(root, "src", name), string(content))
	}
	tc.GOROOT = root
	return tc
}

func writeFile(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestNetpollerIsFormatted(t *testing.T) {
	for name, content := range netpoller() {
		formatted, err := format.Source([]byte(content))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if string(formatted) != content {
			t.Errorf("%s is not formatted: run gofmt -w _runtime", name)
		}
	}
}

func TestGenerateExcludesEpollUnderTheTag(t *testing.T) {
	o, err := generate(stock(t), netpoller())
	if err != nil {
		t.Fatal(err)
	}
	if got := o.names(); strings.Join(got, " ") != "runtime/netpoll.go runtime/netpoll_epoll.go "+
		"runtime/netpoll_iouring.go runtime/netpoll_iouring_arming.go runtime/netpoll_iouring_fds.go "+
		"runtime/netpoll_iouring_off.go runtime/netpoll_iouring_ring.go" {
		t.Errorf("files of the overlay: %q", got)
	}
	constraint, _, _ := strings.Cut(o.files["runtime/netpoll_epoll.go"], "\n\npackage")
	if !strings.HasSuffix(constraint, "//go:build linux && !goexperiment.io_uring") {
		t.Errorf("netpoll_epoll.go begins %q", constraint)
	}
	original, err := os.ReadFile(o.target("runtime/netpoll_epoll.go"))
	if err != nil {
		t.Fatal(err)
	}
	if len(o.files["runtime/netpoll_epoll.go"]) != len(original)+len(" && !goexperiment.io_uring") {
		t.Error("netpoll_epoll.go was changed beyond its build constraint")
	}
}

func TestATrialBringsItsSourceAndFurtherEdits(t *testing.T) {
	dir := t.TempDir()
	if _, _, err := trial(dir); err == nil || !strings.Contains(err.Error(), "no Go file") {
		t.Errorf("an empty folder: got error %v", err)
	}
	writeFile(t, filepath.Join(dir, "netpoll_trial.go"), "package runtime\n")
	writeFile(t, filepath.Join(dir, "edits.json"), `[{"file": "runtime/netpoll.go", "old": "errno := netpollopen(fd, pd)", "new": "errno := trial(fd, pd)"}]`)
	poller, further, err := trial(dir)
	if err != nil {
		t.Fatal(err)
	}
	o, err := generate(stock(t), poller, further...)
	if err != nil {
		t.Fatal(err)
	}
	if o.files["runtime/netpoll_trial.go"] != "package runtime\n" {
		t.Error("the trial's source is not in the overlay")
	}
	// Beside the release's own edit of the same file, not in place of it.
	for _, text := range []string{"errno := trial(fd, pd)", "if iouringArms {"} {
		if strings.Count(o.files["runtime/netpoll.go"], text) != 1 {
			t.Errorf("netpoll.go does not hold %q once", text)
		}
	}
	writeFile(t, filepath.Join(dir, "edits.json"), "[")
	if _, _, err := trial(dir); err == nil || !strings.Contains(err.Error(), "edits.json") {
		t.Errorf("a torn list: got error %v", err)
	}
}

func TestGenerateRefusesAnotherRelease(t *testing.T) {
	for _, version := range []string{"go1.25.12", "go1.28", "go1.2", "devel go1.29-abcdef", ""} {
		tc := stock(t)
		tc.GOVERSION = version
		_, err := generate(tc, netpoller())
		wantError(t, err, "unsupported Go version "+version, "go1.26", "go1.27")
	}
}

func TestGenerateAcceptsEveryFormOfASupportedVersion(t *testing.T) {
	for _, version := range []string{"go1.26", "go1.26.8", "go1.26rc1", "go1.26.8-X:nocoverageredesign", "go1.27.4"} {
		tc := stock(t)
		tc.GOVERSION = version
		if _, err := generate(tc, netpoller()); err != nil {
			t.Errorf("%s: %v", version, err)
		}
	}
}

func TestGenerateRefusesAnotherPlatform(t *testing.T) {
	tc := stock(t)
	tc.GOARCH = "s390x"
	_, err := generate(tc, netpoller())
	wantError(t, err, "linux/s390x", "linux/amd64", "linux/arm64")
}

func TestGenerateNamesTheAnchorThatChanged(t *testing.T) {
	for _, e := range runtimeEdits {
		for name, text := range map[string]string{"missing": "", "twice": e.old + e.old} {
			tc := copied(t)
			path := filepath.Join(tc.GOROOT, "src", filepath.FromSlash(e.file))
			content, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			writeFile(t, path, strings.Replace(string(content), e.old, text, 1))
			_, err = generate(tc, netpoller())
			first, _, _ := strings.Cut(strings.TrimSpace(e.old), "\n")
			t.Logf("%s, %s: %v", e.file, name, err)
			wantError(t, err, path, "anchor", first, "expected once")
		}
	}
}

func TestGenerateNamesTheSourceThatIsMissing(t *testing.T) {
	tc := copied(t)
	path := filepath.Join(tc.GOROOT, "src", "runtime", "netpoll.go")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	_, err := generate(tc, netpoller())
	wantError(t, err, path)
}

func TestGenerateRefusesAPatchedGOROOT(t *testing.T) {
	tc := copied(t)
	path := filepath.Join(tc.GOROOT, "src", "runtime", "netpoll_iouring.go")
	writeFile(t, path, "package runtime\n")
	_, err := generate(tc, netpoller())
	wantError(t, err, path, "not a stock one")
}

func wantError(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Error("no error")
		return
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error %q does not name %q", err, part)
		}
	}
}

func TestWriteListsAbsolutePathsOfBothSides(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	o, res := generated(t, stock(t), "sub dir")
	if want := filepath.Join(dir, "sub dir", "overlay.json"); res.Overlay != want {
		t.Errorf("overlay at %q, want %q", res.Overlay, want)
	}
	raw, err := os.ReadFile(res.Overlay)
	if err != nil {
		t.Fatal(err)
	}
	var list struct{ Replace map[string]string }
	if err := json.Unmarshal(raw, &list); err != nil {
		t.Fatal(err)
	}
	if len(list.Replace) != len(o.files) {
		t.Errorf("%d replacements for %d files", len(list.Replace), len(o.files))
	}
	for _, name := range o.names() {
		replacement := list.Replace[o.target(name)]
		content, err := os.ReadFile(replacement)
		if err != nil || !filepath.IsAbs(replacement) {
			t.Errorf("%s -> %q: %v", name, replacement, err)
		}
		if string(content) != o.files[name] {
			t.Errorf("%s: other content on disk", name)
		}
	}
}

func TestWriteLeavesEqualContentUntouched(t *testing.T) {
	dir := t.TempDir()
	_, first := generated(t, stock(t), dir)
	before := inodes(t, dir)
	_, second := generated(t, stock(t), dir)
	if first != second {
		t.Errorf("second result %+v, first %+v", second, first)
	}
	after := inodes(t, dir)
	if len(after) != len(before) {
		t.Errorf("%d files after the second run, %d before", len(after), len(before))
	}
	for path, info := range before {
		if !os.SameFile(info, after[path]) || !info.ModTime().Equal(after[path].ModTime()) {
			t.Errorf("%s was written again", path)
		}
	}
}

func TestWriteReplacesOtherContent(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "runtime", "netpoll_iouring.go")
	writeFile(t, path, "package torn")
	o, _ := generated(t, stock(t), dir)
	content, err := os.ReadFile(path)
	if err != nil || string(content) != o.files["runtime/netpoll_iouring.go"] {
		t.Errorf("content after write: %.20q, %v", content, err)
	}
	if n := len(inodes(t, dir)); n != len(o.files)+1 {
		t.Errorf("%d files in the directory, want %d: a temporary one was left", n, len(o.files)+1)
	}
}

func TestHashDependsOnContentOnly(t *testing.T) {
	_, here := generated(t, stock(t), t.TempDir())
	_, there := generated(t, copied(t), t.TempDir())
	if here.SHA256 != there.SHA256 {
		t.Error("hash differs between two places with equal sources")
	}
	poller := netpoller()
	poller["runtime/netpoll_iouring.go"] += "// changed\n"
	o, err := generate(stock(t), poller)
	if err != nil {
		t.Fatal(err)
	}
	if o.hash() == here.SHA256 {
		t.Error("hash is blind to the netpoller")
	}
	o.version += "0"
	if changed := o.hash(); changed == here.SHA256 {
		t.Error("hash is blind to the Go version")
	}
}

func generated(t *testing.T, tc toolchain, dir string) (overlay, result) {
	t.Helper()
	o, err := generate(tc, netpoller())
	if err != nil {
		t.Fatal(err)
	}
	res, err := o.write(dir)
	if err != nil {
		t.Fatal(err)
	}
	return o, res
}

// inodes returns all regular files under dir.
func inodes(t *testing.T, dir string) map[string]fs.FileInfo {
	t.Helper()
	files := map[string]fs.FileInfo{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		files[path], err = d.Info()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

package main

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// netpollerFS holds the source of the io_uring netpoller. The folder's name
// keeps it out of ./... , since it compiles only as part of package runtime.
//
//go:embed _runtime/*.go
var netpollerFS embed.FS

// netpoller returns the source files of the netpoller, which join package
// runtime: path relative to GOROOT/src -> content.
func netpoller() map[string]string {
	files, err := sources(netpollerFS, "_runtime")
	if err != nil {
		panic(err) // cannot be: it is embedded
	}
	return files
}

// sources returns the Go files in dir as files of package runtime.
func sources(from fs.FS, dir string) (map[string]string, error) {
	names, err := fs.Glob(from, path.Join(dir, "*.go"))
	if err != nil {
		return nil, err
	}
	files := make(map[string]string, len(names))
	for _, name := range names {
		content, err := fs.ReadFile(from, name)
		if err != nil {
			return nil, err
		}
		files["runtime/"+path.Base(name)] = string(content)
	}
	return files, nil
}

// buildTag selects the netpoller; `go build -tags` must name it.
const buildTag = "goexperiment.io_uring"

// edit replaces one text, which must occur exactly once, by another. An edit
// whose two texts are equal only asserts: the netpoller relies on that text.
type edit struct {
	file     string // relative to GOROOT/src, with slashes
	old, new string
}

// releases maps a Go release to the edits that put the netpoller into it. The
// assertions are the parts of the netpoll contract that the compiler would not
// notice to have changed.
var releases = map[string][]edit{
	"go1.26": runtimeEdits,
	"go1.27": runtimeEdits,
}

var runtimeEdits = []edit{
	{
		file: "runtime/netpoll_epoll.go",
		old:  "//go:build linux\n\npackage runtime\n",
		new:  "//go:build linux && !" + buildTag + "\n\npackage runtime\n",
	},
	{ // A poll is armed when a goroutine waits.
		file: "runtime/netpoll.go",
		old:  "\t\tnetpollarm(pd, mode)\n\t}\n",
		new:  "\t\tnetpollarm(pd, mode)\n\t}\n\tif iouringArms {\n\t\tnetpollarm(pd, mode)\n\t}\n",
	},
	{ // An operation begins.
		file: "runtime/netpoll.go",
		old:  "\tif mode == 'r' {\n\t\tpd.rg.Store(pdNil)\n",
		new:  "\tiouringProgress(pd, mode)\n\tif mode == 'r' {\n\t\tpd.rg.Store(pdNil)\n",
	},
	keep("runtime/netpoll.go", "//     This must never return an empty list with a non-zero delta.\n"),
	keep("runtime/netpoll.go", "\tnetpollclose(pd.fd)\n\tpollcache.free(pd)\n"),
	keep("runtime/netpoll.go", "\tfdseq = (fdseq + 1) & (1<<tagBits - 1)\n"),
	keep("runtime/netpoll.go", "\terrno := netpollopen(fd, pd)\n"),
	keep("runtime/proc.go", "\tif sched.lastpoll.Load() == 0 {\n"),
}

func keep(file, text string) edit { return edit{file: file, old: text, new: text} }

// toolchain is the Go installation whose runtime is edited.
type toolchain struct {
	GOROOT    string
	GOVERSION string // as `go env GOVERSION` prints it
	GOOS      string
	GOARCH    string
}

// overlay is a set of files that replace or join those of a GOROOT.
type overlay struct {
	goroot  string
	version string
	files   map[string]string // path relative to GOROOT/src -> content
}

// result is what the command prints.
type result struct {
	Overlay   string `json:"overlay"`   // absolute path of overlay.json
	GoVersion string `json:"goVersion"` // for example go1.26.8
	SHA256    string `json:"sha256"`    // of version and contents, not of paths
}

// generate makes the overlay for tc, adding the files of the netpoller and
// making further edits after those of the release. It refuses a release,
// platform or source text that it was not written for.
func generate(tc toolchain, poller map[string]string, further ...edit) (overlay, error) {
	edits, ok := releases[release(tc.GOVERSION)]
	if !ok {
		return overlay{}, fmt.Errorf("unsupported Go version %s; supported are %s: install one of them, or check the netpoll contract of this one and add it to releases in generate.go",
			tc.GOVERSION, strings.Join(supported(), ", "))
	}
	if tc.GOOS != "linux" || tc.GOARCH != "amd64" && tc.GOARCH != "arm64" {
		return overlay{}, fmt.Errorf("unsupported platform %s/%s; supported are linux/amd64 and linux/arm64: set GOOS and GOARCH",
			tc.GOOS, tc.GOARCH)
	}
	o := overlay{
		goroot:  tc.GOROOT,
		version: tc.GOVERSION,
		files:   maps.Clone(poller),
	}
	for _, name := range o.names() {
		if _, err := os.Stat(o.target(name)); !errors.Is(err, fs.ErrNotExist) {
			return overlay{}, fmt.Errorf("%s exists already: this GOROOT is not a stock one; use an unmodified Go", o.target(name))
		}
	}
	for _, e := range slices.Concat(edits, further) {
		if err := o.apply(e); err != nil {
			return overlay{}, err
		}
	}
	return o, nil
}

// apply makes one edit, reading the file from GOROOT the first time.
func (o overlay) apply(e edit) error {
	content, edited := o.files[e.file]
	if !edited {
		raw, err := os.ReadFile(o.target(e.file))
		if err != nil {
			return fmt.Errorf("read the source to edit: %w", err)
		}
		content = string(raw)
	}
	if n := strings.Count(content, e.old); n != 1 {
		return fmt.Errorf("%s: anchor %q found %d times, expected once: %s has changed this file; compare the netpoll contract and mend the edits in generate.go",
			o.target(e.file), e.old, n, o.version)
	}
	if e.old != e.new {
		o.files[e.file] = strings.Replace(content, e.old, e.new, 1)
	}
	return nil
}

// target is the path of a file of the GOROOT.
func (o overlay) target(name string) string {
	return filepath.Join(o.goroot, "src", filepath.FromSlash(name))
}

// names returns the relative paths of the files, sorted.
func (o overlay) names() []string {
	return slices.Sorted(maps.Keys(o.files))
}

// hash identifies what will be compiled: equal on two machines that have the
// same Go version and the same netpoller, wherever they keep them.
func (o overlay) hash() string {
	h := sha256.New()
	fmt.Fprintf(h, "%q\n", o.version)
	for _, name := range o.names() {
		fmt.Fprintf(h, "%q %q\n", name, o.files[name])
	}
	return hex.EncodeToString(h.Sum(nil))
}

// write puts the files and, last, overlay.json into dir. Each appears
// complete or not at all; one that has the right content is left untouched.
func (o overlay) write(dir string) (result, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return result{}, err
	}
	replace := make(map[string]string, len(o.files))
	for _, name := range o.names() {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := replaceFile(path, []byte(o.files[name])); err != nil {
			return result{}, err
		}
		replace[o.target(name)] = path
	}
	list, err := json.MarshalIndent(map[string]any{"Replace": replace}, "", "\t")
	if err != nil {
		return result{}, err
	}
	path := filepath.Join(dir, "overlay.json")
	if err := replaceFile(path, append(list, '\n')); err != nil {
		return result{}, err
	}
	return result{Overlay: path, GoVersion: o.version, SHA256: o.hash()}, nil
}

// replaceFile gives path the content by renaming a temporary file, so that a
// build running at the same time reads the old or the new one.
func replaceFile(path string, content []byte) (err error) {
	if old, err := os.ReadFile(path); err == nil && string(old) == string(content) {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".tmp*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(f.Name())
		}
	}()
	_, werr := f.Write(content)
	if err := errors.Join(werr, f.Chmod(0o644), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// release cuts a version down to its release: go1.26.8-X:foo -> go1.26.
func release(version string) string {
	parts := strings.SplitN(version, ".", 3)
	if len(parts) < 2 {
		return version
	}
	minor := strings.IndexFunc(parts[1], func(r rune) bool { return r < '0' || r > '9' })
	if minor >= 0 {
		parts[1] = parts[1][:minor]
	}
	return parts[0] + "." + parts[1]
}

// supported lists the releases, sorted.
func supported() []string {
	return slices.Sorted(maps.Keys(releases))
}

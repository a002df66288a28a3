package pagefile

import (
	"errors"
	"fmt"

	"pollgate/go-fixtures/internal/blockproto"
	"pollgate/go-fixtures/internal/fixture"
)

// Options are the flags that all block-4k servers share.
type Options struct {
	data, generate, cache string
	pages                 uint64
	testSmall             bool
}

// Flags defines them. They can be used after f.Parse.
func Flags(f *fixture.Fixture) *Options {
	o := &Options{}
	f.Flags.StringVar(&o.data, "data", "", "data `file` to serve")
	f.Flags.StringVar(&o.generate, "generate", "", "write the data `file` and exit")
	f.Flags.Uint64Var(&o.pages, "pages", 16384, "`number` of pages of 4 KiB for --generate")
	f.Flags.StringVar(&o.cache, "cache", string(Hot),
		"where pages are read from: hot = the page cache, which is proven to hold the whole file; "+
			"direct = the disk, past the page cache (O_DIRECT)")
	f.Flags.BoolVar(&o.testSmall, "test-small-file", false,
		"for tests: let --cache=direct serve a file below 2 GiB, which the disk's own cache may hold; "+
			"its figures say nothing of a disk")
	return o
}

// Open returns the data file. Where the flags are wrong, ask for a file to be made, or name one that
// cannot be used, it ends the process as the contract says.
func (o *Options) Open(f *fixture.Fixture) *File {
	if (o.data == "") == (o.generate == "") {
		f.Exit(fixture.ExitUsage, errors.New("give --data FILE to serve it, or --generate FILE to make it"))
	}
	cache := Cache(o.cache)
	if cache != Hot && cache != Direct {
		f.Exit(fixture.ExitUsage, fmt.Errorf("--cache: saw %q, want hot or direct", o.cache))
	}
	if o.generate != "" {
		if err := blockproto.GenerateFile(o.generate, o.pages); err != nil {
			f.Exit(fixture.ExitUnusable, err)
		}
		f.Exit(0, nil)
	}
	minimum := uint64(MinDirectBytes)
	if o.testSmall {
		minimum = 0
	}
	file, err := Open(o.data, cache, minimum)
	if err != nil {
		pages := o.pages
		if cache == Direct {
			pages = max(pages, MinDirectBytes/blockproto.PageSize)
		}
		path := o.data
		var misplaced *Misplaced
		if errors.As(err, &misplaced) {
			path = "/path/on/a/disk/pages.bin"
		}
		f.Exit(fixture.ExitUnusable, fmt.Errorf("--data: %w\nmake one with: block-4k --generate %s --pages %d", err, path, pages))
	}
	return file
}

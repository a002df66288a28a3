// Block-4k serves pages of 4,096 bytes from a file over raw TCP: a page number of 8 bytes in, the
// page out (package blockproto has the details).
//
// On trial: the way Go does network and file I/O, with nothing in between. One goroutine per
// connection reads a request, preads the page and writes it, without an allocation; the netpoller
// decides when the goroutine runs, and the thread that runs it blocks while the kernel fetches the
// page.
//
// The --knob flags make it worse by a known amount, for trials of the gate.
//
// With --generate FILE --pages N it writes the data file instead of serving.
package main

import (
	"errors"
	"fmt"

	"pollgate/go-fixtures/internal/blockproto"
	"pollgate/go-fixtures/internal/fixture"
	"pollgate/go-fixtures/internal/knob"
)

func main() {
	f := fixture.New("block-4k")
	data := f.Flags.String("data", "", "data `file` to serve")
	generate := f.Flags.String("generate", "", "write the data `file` and exit")
	pages := f.Flags.Uint64("pages", 16384, "`number` of pages of 4 KiB for --generate")
	knobs := knob.New(f.Flags)
	f.Parse()
	knobs.Turn()
	if (*data == "") == (*generate == "") {
		f.Exit(fixture.ExitUsage, errors.New("give --data FILE to serve it, or --generate FILE to make it"))
	}
	if *generate != "" {
		if err := blockproto.GenerateFile(*generate, *pages); err != nil {
			f.Exit(fixture.ExitUnusable, err)
		}
		f.Exit(0, nil)
	}
	file, count, err := blockproto.OpenFile(*data)
	if err != nil {
		f.Exit(fixture.ExitUnusable, fmt.Errorf("--data: %w\nmake one with: block-4k --generate %s --pages %d",
			err, *data, *pages))
	}
	f.Serve(f.FixedSize(blockproto.RequestSize, func() fixture.Handler {
		page := make([]byte, blockproto.PageSize)
		return func(request []byte) ([]byte, error) {
			knobs.Request()
			n := blockproto.PageNumber(request)
			if n >= count {
				return nil, fmt.Errorf("page %d asked for, the last one is %d", n, count-1)
			}
			_, err := file.ReadAt(page, int64(n)*blockproto.PageSize)
			return page, err
		}
	}))
}

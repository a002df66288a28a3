// Block-4k serves pages of 4,096 bytes from a file over raw TCP: a page number of 8 bytes in, the
// page out (package blockproto has the details).
//
// On trial: the way Go does network and file I/O, with nothing in between. One goroutine per
// connection reads a request, preads the page and writes it, without an allocation; the netpoller
// decides when the goroutine runs, and the thread that runs it blocks while the kernel fetches the
// page.
//
// With --pool a connection that waits for a request holds no buffer for a page. The --knob flags make
// it worse by a known amount, for trials of the gate.
//
// With --generate FILE --pages N it writes the data file instead of serving.
package main

import (
	"fmt"
	"runtime"

	"pollgate/go-fixtures/internal/blockproto"
	"pollgate/go-fixtures/internal/fixture"
	"pollgate/go-fixtures/internal/knob"
	"pollgate/go-fixtures/internal/pagefile"
)

func main() {
	f := fixture.New("block-4k")
	data := pagefile.Flags(f)
	pool := f.Flags.Bool("pool", false, "take the buffer of each reply from a sync.Pool, not one per connection")
	procs := f.Flags.Int("gomaxprocs", 0, "set GOMAXPROCS to `N`; 0 = the runtime's choice")
	knobs := knob.New(f.Flags)
	f.Parse()
	knobs.Turn()
	if *procs < 0 {
		f.Exit(fixture.ExitUsage, fmt.Errorf("--gomaxprocs: saw %d, want 1 or more, or 0 for the runtime's choice", *procs))
	}
	if *procs > 0 {
		runtime.GOMAXPROCS(*procs)
	}
	file := data.Open(f)
	pages := ownPages
	release := func([]byte) {}
	if *pool {
		pages, release = sharedPages()
	}
	f.Serve(f.FixedSizeReleasing(blockproto.RequestSize, func() fixture.Handler {
		take := pages()
		return func(request []byte) ([]byte, error) {
			knobs.Request()
			n := blockproto.PageNumber(request)
			if n >= file.Pages {
				return nil, fmt.Errorf("page %d asked for, the last one is %d", n, file.Pages-1)
			}
			page := take()
			_, err := file.ReadAt(page, int64(n)*blockproto.PageSize)
			return page, err
		}
	}, release))
}

package fault

import (
	"context"
	"net/http"
	"sync"
	"time"

	"pollgate/go-fixtures/cmd/faulty/internal/peers"
)

// lock-convoy: a request locks the mutex of a shared table, asks an upstream for the new value, which
// takes 3.5 ms, and writes it into the table: the lock is held over all of it, so that requests go
// through one at a time. The twin asks first and locks for the write only.
//
// Kernel: a single request is with the upstream at any time, however many have come in; futex calls
// are few, for Go's mutex parks goroutines.
// Runtime: goroutine profile, requests in [sync.Mutex.Lock]; with --profile-rates the mutex profile
// names the Unlock; /sync/mutex/wait/total:seconds grows by seconds per second without any flag.
// At this load: the mutex is held for 4/5 of the time; one connection to the upstream, 12 to 17 in the twin.
var lockConvoy = Fault{
	Name: "lock-convoy", Expect: "lock-convoy",
	RatePerSec: 220, Connections: 32, VisibleAfterSeconds: 5,
	LookAt: "goroutines in sync.Mutex.Lock; /sync/mutex/wait/total:seconds; one request at a time with the upstream",
	begin:  beginLockConvoy,
}

func beginLockConvoy(s *setting) (*part, error) {
	upstream, err := s.peer(peers.Settings{Kind: peers.HTTP1})
	if err != nil {
		return nil, err
	}
	url := peers.UpstreamURL(upstream.Addresses[0], 512, 3500*time.Microsecond)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 256}, Timeout: upstreamPatience}
	table := struct {
		sync.Mutex
		refreshed map[string]int
	}{refreshed: map[string]int{}}
	if s.correct {
		return &part{request: func(context.Context) error {
			err := peers.Fetch(client, url)
			table.Lock()
			defer table.Unlock()
			table.refreshed[url]++
			return err
		}}, nil
	}
	return &part{request: func(context.Context) error {
		table.Lock() // The mistake: before the upstream is asked.
		defer table.Unlock()
		err := peers.Fetch(client, url)
		table.refreshed[url]++
		return err
	}}, nil
}

// Package fault holds root causes of slow Go servers, each with its correct twin: the same work
// without the mistake. One cause a file; its comment says what the mistake is, what the kernel and
// what the runtime show of it, and how strongly at the load that the catalogue names for it.
//
// The figures in the comments are of one machine with 2 CPUs and other load; take their order of
// magnitude only.
package fault

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"pollgate/go-fixtures/cmd/faulty/internal/peers"
	"pollgate/go-fixtures/internal/peer"
)

// Need is what a fault cannot be shown without.
type Need string

const (
	// TwoCPUs: the process may run on two CPUs or more.
	TwoCPUs Need = "two-cpus"
	// ThreeCPUs: on three or more.
	ThreeCPUs Need = "three-cpus"
	// CPUQuota: the process runs in a cgroup whose CPU quota is below the number of CPUs.
	CPUQuota Need = "cpu-quota"
	// Disk: --dir is on a disk, not in memory.
	Disk Need = "disk"
)

// Fault is a root cause and the load that shows it.
type Fault struct {
	// Name is the value of --fault, in kebab-case.
	Name string
	// Expect is the cause that a diagnosis should name, in kebab-case; mostly Name.
	Expect string
	// RatePerSec is how many requests per second show it, over so many Connections.
	RatePerSec  int
	Connections int
	// VisibleAfterSeconds is for how long that load has to run.
	VisibleAfterSeconds int
	// Needs is empty for most.
	Needs []Need
	// LookAt says in a line where it shows.
	LookAt string

	// sets names a setting of the whole process that it changes: two such faults cannot be combined.
	sets string
	// begin starts the part of the work that no request causes, and returns the other part.
	begin func(*setting) (*part, error)
}

// Options of faults that have any; the flags of faulty.
type Options struct {
	// IdleConnections is the number of connections for idle-connections.
	IdleConnections int
	// Dir is where slow-storage keeps its file.
	Dir string
}

// setting is what a fault is started with.
type setting struct {
	Options
	// correct asks for the twin.
	correct bool
	peers   []*peer.Process
}

// peer starts a peer for the fault; it ends with the fixture.
func (s *setting) peer(settings peers.Settings) (*peer.Process, error) {
	p, err := peers.Start(settings)
	if err != nil {
		return nil, fmt.Errorf("start the %s peer: %w", settings.Kind, err)
	}
	s.peers = append(s.peers, p)
	return p, nil
}

// part is a fault's part of the server. A nil field means that it has nothing of the kind.
type part struct {
	// request does its work for one request. The context ends with the request.
	request func(context.Context) error
	// reply writes the body instead of the usual one.
	reply func(http.ResponseWriter) error
	// counts are cumulative counts of its own.
	counts func() map[string]int64
}

// upstreamPatience bounds a request to a peer, where the fault does not forbid it.
const upstreamPatience = 5 * time.Second

// Package tcplife follows TCP connections from their first state to their last.
package tcplife

import (
	"cmp"
	_ "embed"
	"errors"
	"fmt"
	"slices"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"pollgate/bpf/internal/attach"
	"pollgate/bpf/internal/hist"
	"pollgate/bpf/internal/probe"
	"pollgate/bpf/internal/report"
	"pollgate/bpf/internal/target"
)

// metrics is in the order of `enum metric` in connection.bpf.h.
var metrics = []string{"tcpAcceptQueueNs", "tcpConnectNs", "tcpAcceptToCloseNs", "tcpLifeNs",
	"tcpReceivedBytes", "tcpSentBytes", requestsMetric}

const requestsMetric = "tcpRequestsPerConnection"

// sides is in the order of `enum side`.
var sides = []string{"server", "client"}

const server = 0

//go:embed probe.json
var manifest []byte

// Probe is this probe, ready to be attached.
var Probe = probe.Probe{Manifest: probe.MustManifest(manifest), Attach: attachProbe}

type running struct {
	objects tcplifeObjects
	links   attach.Links
	// olderFull counts the connections from before the attachment for which there was no room.
	olderFull map[*target.Target]uint64
}

func attachProbe(session *attach.Session) (probe.Running, error) {
	r := &running{olderFull: map[*target.Target]uint64{}}
	spec, err := loadTcplife()
	if err != nil {
		return nil, err
	}
	if err := session.Load(spec, &r.objects); err != nil {
		return nil, err
	}
	if err := r.links.Tracepoints(r.programs()...); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	// From here on new sockets are seen; now those that are there.
	for _, t := range session.Targets {
		if err := r.learnSockets(t); err != nil {
			return nil, errors.Join(err, r.Close())
		}
	}
	if err := session.Join(r.objects.TcplifeExit); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

func (r *running) programs() []*ebpf.Program {
	return []*ebpf.Program{r.objects.TcplifeState, r.objects.TcplifeRetransmit,
		r.objects.TcplifeSendReset, r.objects.TcplifeReceiveReset}
}

func (r *running) learnSockets(t *target.Target) error {
	listeners, older, err := socketsOf(t.PID)
	if err != nil {
		return err
	}
	for _, listener := range listeners {
		if err := r.objects.Listeners.Put(listener, uint32(t.Slot)); err != nil {
			return fmt.Errorf("enter port %d of process %d: %w", listener.Port, t.PID, err)
		}
	}
	for _, ends := range older {
		err := r.objects.OlderEnds.Put(ends, uint32(t.Slot))
		if errors.Is(err, unix.E2BIG) {
			r.olderFull[t]++
			continue
		}
		if err != nil {
			return fmt.Errorf("enter a connection of port %d of process %d: %w", ends.Local.Port, t.PID, err)
		}
	}
	return nil
}

func (r *running) Sites(*target.Target) []report.Site { return nil }

func (r *running) Unavailable(*target.Target) map[string]string { return nil }

func (r *running) Read(t *target.Target, out *report.Target) error {
	details := &Details{Paths: []Path{}}
	if err := r.readCounters(t, details, out); err != nil {
		return err
	}
	open, err := r.readOpen(t, details)
	if err != nil {
		return err
	}
	out.InFlight["tcpConnects"] += details.Connecting
	out.InFlight["tcpAccepts"] += details.AwaitingAccept
	if err := r.readHistograms(t, out, open); err != nil {
		return err
	}
	if err := r.readPaths(t, details); err != nil {
		return err
	}
	return out.SetDetails(Probe.Manifest.Name, details)
}

func (r *running) readCounters(t *target.Target, d *Details, out *report.Target) error {
	out.Lost["tcpOlderFull"] += r.olderFull[t]
	for _, cause := range []string{"tcpConnectionsFull", "tcpListenersFull", "tcpPathsFull",
		"tcpUnreadable", "tcpEventsMissed"} {
		out.Lost[cause] += 0
	}
	err := attach.SumPerCPU(r.objects.TcplifeCounters, t.Slot, func(c tcplifeTcplifeCounters) {
		for i, side := range []*Side{&d.Server, &d.Client} {
			of := &c.Sides[i]
			side.Established += of.Established
			side.Closed += of.Closed
			side.ClosedFirst.LocalFin += of.ClosedFirst[0]
			side.ClosedFirst.RemoteFin += of.ClosedFirst[1]
			side.ClosedFirst.LocalReset += of.ClosedFirst[2]
			side.ClosedFirst.RemoteReset += of.ClosedFirst[3]
			side.ClosedFirst.Timeout += of.ClosedFirst[4]
			side.ReceivedBytes += of.ReceivedBytes
			side.SentBytes += of.SentBytes
			side.TimeWaits += of.TimeWaits
			side.Requests += of.Requests
		}
		d.Connects += c.Connects
		d.Refused += c.Refused
		d.ConnectsTimedOut += c.ConnectsTimedOut
		d.ConnectsFailed += c.ConnectsFailed
		d.Accepted += c.Accepted
		d.AcceptedPreexisting += c.AcceptedPreexisting
		d.AcceptedClosed += c.AcceptedClosed
		d.ClosedUnaccepted += c.ClosedUnaccepted
		d.ClosedPreexisting += c.ClosedPreexisting
		d.AcceptBacklogMax = max(d.AcceptBacklogMax, c.BacklogMax)
		d.AcceptBacklogLimit = max(d.AcceptBacklogLimit, c.BacklogLimit)
		d.Retransmits += c.Retransmits
		d.RetransmitsOlder += c.RetransmitsOlder
		d.SynRetransmits += c.SynRetransmits
		d.NagleHolds += c.NagleHolds
		d.ResetsSent += c.ResetsSent
		d.ResetsReceived += c.ResetsReceived
		out.Lost["tcpConnectionsFull"] += c.ConnectionsFull
		out.Lost["tcpListenersFull"] += c.ListenersFull
		out.Lost["tcpPathsFull"] += c.PathsFull
		out.Lost["tcpOlderFull"] += c.OlderFull
		out.Lost["tcpUnreadable"] += c.Unreadable
	})
	if err != nil {
		return err
	}
	return r.readMissed(out)
}

// readMissed counts the runs that the kernel left out because an interrupt hit the same program on
// the same CPU. It does not tell whose they were: every target has them all.
func (r *running) readMissed(out *report.Target) error {
	for _, program := range r.programs() {
		stats, err := program.Stats()
		if err != nil {
			return fmt.Errorf("read what the kernel tells of a program: %w", err)
		}
		out.Lost["tcpEventsMissed"] += stats.RecursionMisses
	}
	return nil
}

// readOpen adds the connections that did not end in the window, and gives their requests.
func (r *running) readOpen(t *target.Target, d *Details) (requests []uint64, err error) {
	var key uint64
	var c tcplifeConnection
	each := r.objects.Connections.Iterate()
	for each.Next(&key, &c) {
		if c.Slot != uint32(t.Slot) {
			continue
		}
		side := &d.Client
		switch {
		case c.Side == server:
			side = &d.Server
			if c.AcceptedNs == 0 {
				d.AwaitingAccept++
			}
		case c.EstablishedNs == 0:
			d.Connecting++
			continue
		}
		side.OpenAtEnd++
		side.Requests += c.Requests
		requests = append(requests, c.Requests)
	}
	if err := each.Err(); err != nil {
		return nil, fmt.Errorf("read open connections: %w", err)
	}
	return requests, nil
}

func (r *running) readHistograms(t *target.Target, out *report.Target, open []uint64) error {
	for i, metric := range metrics {
		index := uint32(t.Slot*len(metrics) + i)
		var perCPU []hist.Raw
		if err := r.objects.TcplifeHistograms.Lookup(index, &perCPU); err != nil {
			return fmt.Errorf("read histogram %s: %w", metric, err)
		}
		if metric == requestsMetric {
			perCPU = append(perCPU, rawOf(open))
		}
		out.Histograms[metric] = hist.Merge(perCPU)
	}
	return nil
}

func rawOf(values []uint64) hist.Raw {
	var raw hist.Raw
	for _, v := range values {
		raw.Sum += v
		raw.Max = max(raw.Max, v)
		raw.Buckets[hist.Index(v)]++
	}
	return raw
}

func (r *running) readPaths(t *target.Target, d *Details) error {
	var key tcplifePath
	var count uint64
	each := r.objects.Paths.Iterate()
	for each.Next(&key, &count) {
		if key.Slot == uint32(t.Slot) {
			d.Paths = append(d.Paths, Path{sides[key.Side], pathOf(key.States), count})
		}
	}
	if err := each.Err(); err != nil {
		return fmt.Errorf("read the ways of connections: %w", err)
	}
	slices.SortFunc(d.Paths, func(a, b Path) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Side, b.Side),
			cmp.Compare(a.Path, b.Path))
	})
	return nil
}

func (r *running) Close() error { return errors.Join(r.links.Close(), r.objects.Close()) }

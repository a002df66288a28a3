// Package request measures where a request spends its time between the kernel and the reply.
package request

import (
	_ "embed"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/cilium/ebpf"

	"pollgate/bpf/internal/attach"
	"pollgate/bpf/internal/gosym"
	"pollgate/bpf/internal/probe"
	"pollgate/bpf/internal/report"
	"pollgate/bpf/internal/target"
)

// metrics is in the order of the histograms in request.h.
var metrics = []string{"requestReadableToReadyNs", "requestReadyToRunNs", "requestRunToWriteNs",
	"requestReadableToWriteNs", "requestReadableToReadNs", "requestReadToWriteNs"}

//go:embed probe.json
var manifest []byte

// Probe is this probe, ready to be attached.
var Probe = probe.Probe{Manifest: probe.MustManifest(manifest), Fit: fitKernel, Attach: attachProbe}

// Tracepoints that tell that a socket has data: the first that the kernel has is taken.
const (
	dataReady        = "sk_data_ready"
	dataReadyProgram = "on_data_ready"
	tcpProbe         = "tcp_probe"
	tcpProbeProgram  = "on_tcp_probe"
)

// programs are those that every kernel can load.
type programs struct {
	requestMaps
	Netpollready *ebpf.Program `ebpf:"on_netpollready"`
	Execute      *ebpf.Program `ebpf:"on_execute"`
	Enter        *ebpf.Program `ebpf:"request_enter"`
	Exit         *ebpf.Program `ebpf:"request_exit"`
}

type running struct {
	programs
	session      *attach.Session
	readable     *ebpf.Program
	readableHook string
	links        attach.Links
	sites        map[*target.Target][]gosym.Site
	unavailable  map[*target.Target]string
}

func attachProbe(session *attach.Session) (probe.Running, error) {
	r := &running{
		session:     session,
		sites:       map[*target.Target][]gosym.Site{},
		unavailable: map[*target.Target]string{},
	}
	spec, err := loadRequest()
	if err != nil {
		return nil, err
	}
	var layouts [target.Max]requestPollDescLayout
	for _, t := range session.Targets {
		if layouts[t.Slot], r.sites[t], err = inspect(t.Binary); err != nil {
			r.unavailable[t] = err.Error()
			delete(r.sites, t)
		}
	}
	if len(r.sites) == 0 {
		return r, nil // no target can be probed: load nothing
	}
	if err := spec.Variables["poll_desc"].Set(layouts); err != nil {
		return nil, err
	}
	if err := r.load(session, spec); err != nil {
		return nil, err
	}
	if err := r.attachAll(); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

// inspect finds the sites, in the order of attachAll, and the layout in a program, or the reason
// why it cannot be probed.
func inspect(binary *gosym.Binary) (requestPollDescLayout, []gosym.Site, error) {
	network, err := binary.Site("runtime.netpollready", 3)
	if err != nil {
		return requestPollDescLayout{}, nil, err
	}
	runs, err := binary.Site("runtime.execute", 1)
	if err != nil {
		return requestPollDescLayout{}, nil, err
	}
	layout, err := pollDescOf(binary)
	return layout, []gosym.Site{network, runs}, err
}

// fitKernel is the probe's Fit: what tells that a request is there came with Linux 6.3, and another
// tracepoint serves before.
func fitKernel(spec *ebpf.CollectionSpec, kernel attach.KernelTypes) (map[string]string, error) {
	if _, exists := kernel.TracepointArgs(dataReady); exists {
		delete(spec.Programs, tcpProbeProgram)
		return nil, nil
	}
	if args, exists := kernel.TracepointArgs(tcpProbe); !exists || args != 2 {
		return nil, fmt.Errorf("the kernel has neither the tracepoint %s (since Linux 6.3) nor %s with 2 "+
			"arguments: nothing tells when a request is there", dataReady, tcpProbe)
	}
	delete(spec.Programs, dataReadyProgram)
	return nil, nil
}

func (r *running) load(session *attach.Session, spec *ebpf.CollectionSpec) error {
	if _, err := fitKernel(spec, session.Kernel); err != nil {
		return err
	}
	if spec.Programs[dataReadyProgram] != nil {
		var objects struct {
			programs
			DataReady *ebpf.Program `ebpf:"on_data_ready"`
		}
		err := session.Load(spec, &objects)
		r.programs, r.readable, r.readableHook = objects.programs, objects.DataReady, dataReady
		return err
	}
	var objects struct {
		programs
		TCPProbe *ebpf.Program `ebpf:"on_tcp_probe"`
	}
	err := session.Load(spec, &objects)
	r.programs, r.readable, r.readableHook = objects.programs, objects.TCPProbe, tcpProbe
	return err
}

// attachAll attaches the tracepoints before it looks which sockets there are, so that none falls
// between, and then the uprobes. A target that refuses them costs its own metrics only.
func (r *running) attachAll() error {
	if err := r.links.Tracepoints(r.readable, r.Enter, r.Exit); err != nil {
		return err
	}
	uprobes := []*ebpf.Program{r.Netpollready, r.Execute}
	for t, sites := range r.sites {
		if r.unavailable[t] != "" {
			continue
		}
		if err := r.followSockets(t); err != nil {
			return err
		}
		for i, site := range sites {
			attached, err := r.session.Uprobe(uprobes[i], t, site)
			if err != nil {
				r.unavailable[t] = err.Error()
				break
			}
			r.links = append(r.links, attached)
		}
	}
	return nil
}

// Pause takes all programs off.
func (r *running) Pause() error { return r.links.Close() }

// Resume puts them back. What sockets did meanwhile was not seen: all begin anew, and those that were opened
// are looked for.
func (r *running) Resume() (cutOff uint64, err error) {
	if r.Enter == nil {
		return 0, nil
	}
	for t := range r.sites {
		counts := map[string]uint64{}
		if err := r.inFlight(t.Slot, counts); err != nil {
			return 0, err
		}
		cutOff += counts["requestsWoken"] + counts["requestsRead"]
	}
	for _, m := range []*ebpf.Map{r.Connections, r.OlderSockets, r.WokenFor} {
		if _, err := attach.Clear(m); err != nil {
			return 0, err
		}
	}
	return cutOff, r.attachAll()
}

// followSockets tells the programs which sockets a target has.
func (r *running) followSockets(t *target.Target) error {
	dir := fmt.Sprintf("/proc/%d/fd", t.PID)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil // it has ended: nothing will be seen of it
	}
	for _, entry := range entries {
		name, err := os.Readlink(filepath.Join(dir, entry.Name()))
		if err != nil {
			continue // closed meanwhile
		}
		var inode uint64
		if n, _ := fmt.Sscanf(name, "socket:[%d]", &inode); n != 1 {
			continue
		}
		if err := r.OlderSockets.Put(inode, uint32(t.Slot)); err != nil {
			return fmt.Errorf("follow socket %d (more than --map-entries?): %w", inode, err)
		}
	}
	return nil
}

func (r *running) Sites(t *target.Target) []report.Site {
	if r.unavailable[t] != "" {
		return nil
	}
	var sites []report.Site
	for _, site := range r.sites[t] {
		sites = append(sites, probe.ReportSite(Probe.Manifest.Name, site))
	}
	return sites
}

func (r *running) Unavailable(t *target.Target) map[string]string {
	reasons := map[string]string{}
	if reason, ok := r.unavailable[t]; ok {
		for _, metric := range Probe.Manifest.Metrics {
			reasons[metric.Name] = reason
		}
	}
	return reasons
}

func (r *running) Read(t *target.Target, out *report.Target) error {
	for _, cause := range []string{"requestSocketsFull", "requestGoroutinesFull", "threadStateFull"} {
		out.Lost[cause] += 0
	}
	if r.unavailable[t] != "" {
		return nil
	}
	for i, metric := range metrics {
		h, err := attach.ReadHistogram(r.RequestHistograms, t.Slot*len(metrics)+i)
		if err != nil {
			return err
		}
		out.Histograms[metric] = h
	}
	details := &Details{ReadableHook: r.readableHook}
	var hits [2]uint64
	err := attach.SumPerCPU(r.RequestCounters, t.Slot, func(c requestRequestCounters) {
		details.add(c)
		hits[0] += c.NetpollreadyHits
		hits[1] += c.ExecuteHits
		out.Lost["requestSocketsFull"] += c.SocketsFull
		out.Lost["requestGoroutinesFull"] += c.GoroutinesFull
		out.Lost["threadStateFull"] += c.ThreadStateLost
	})
	if err != nil {
		return err
	}
	details.rate()
	for i, site := range r.Sites(t) {
		site.Hits = hits[i]
		out.Sites = append(out.Sites, site)
	}
	if err := r.inFlight(t.Slot, out.InFlight); err != nil {
		return err
	}
	return out.SetDetails(Probe.Manifest.Name, details)
}

// inFlight counts the requests of a target that were begun and not answered when the window
// closed, and the sockets with data that nobody has read.
func (r *running) inFlight(slot int, counts map[string]uint64) error {
	const stageMask, ready, running, direct = 7, 1, 2, 3 // enum stage in request.h
	counts["requestsWoken"] += 0
	counts["requestsRead"] += 0
	counts["requestsUnread"] += 0
	var sk uint64
	var c requestConnection
	entries := r.Connections.Iterate()
	for entries.Next(&sk, &c) {
		if int(c.Slot) != slot {
			continue
		}
		switch c.Progress & stageMask {
		case ready, running:
			counts["requestsWoken"]++
		case direct:
			counts["requestsRead"]++
		}
		if c.ReadableNs != 0 {
			counts["requestsUnread"]++
		}
	}
	return entries.Err()
}

// Events tells how often the uprobes of a target were hit so far.
func (r *running) Events(t *target.Target) (events probe.Events, err error) {
	if r.Enter == nil {
		return events, nil
	}
	err = attach.SumPerCPU(r.RequestCounters, t.Slot, func(c requestRequestCounters) {
		events.UprobeHits += c.NetpollreadyHits + c.ExecuteHits
	})
	return events, err
}

func (r *running) Close() error {
	err := r.links.Close()
	if r.Enter == nil {
		return err
	}
	err = errors.Join(err, r.requestMaps.Close())
	for _, program := range []*ebpf.Program{r.Netpollready, r.Execute, r.Enter, r.Exit, r.readable} {
		err = errors.Join(err, program.Close())
	}
	return err
}

func pollDescOf(binary *gosym.Binary) (requestPollDescLayout, error) {
	layout, err := binary.PollDesc()
	return requestPollDescLayout{Fd: layout.FD, Rg: layout.ReadG}, err
}

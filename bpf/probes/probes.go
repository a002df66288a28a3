// Package probes lists the probes that there are. A new one is a folder and a line here.
package probes

import (
	"pollgate/bpf/internal/probe"
	"pollgate/bpf/probes/blockio"
	"pollgate/bpf/probes/fdleak"
	"pollgate/bpf/probes/goroutines"
	"pollgate/bpf/probes/handoff"
	"pollgate/bpf/probes/heatmap"
	"pollgate/bpf/probes/http2"
	"pollgate/bpf/probes/netpoll"
	"pollgate/bpf/probes/oncpu"
	"pollgate/bpf/probes/request"
	"pollgate/bpf/probes/syscalls"
	"pollgate/bpf/probes/tcplife"
	"pollgate/bpf/probes/tls"
	"pollgate/bpf/probes/uring"
	"pollgate/bpf/probes/wakeup"
)

// All is every probe, in the order of attaching and of reports: wakeup uses what netpoll shares,
// heatmap what wakeup shares, blockio what syscalls shares.
var All = []probe.Probe{netpoll.Probe, wakeup.Probe, heatmap.Probe, syscalls.Probe, blockio.Probe,
	fdleak.Probe, goroutines.Probe, tcplife.Probe, request.Probe, uring.Probe, handoff.Probe,
	tls.Probe, http2.Probe, oncpu.Probe}

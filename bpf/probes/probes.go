// Package probes lists the probes that there are. A new one is a folder and a line here.
package probes

import (
	"pollgate/bpf/internal/probe"
	"pollgate/bpf/probes/descriptors"
	"pollgate/bpf/probes/netpoll"
	"pollgate/bpf/probes/syscalls"
	"pollgate/bpf/probes/wakeup"
)

// All is every probe, in the order of reports.
var All = []probe.Probe{wakeup.Probe, netpoll.Probe, syscalls.Probe, descriptors.Probe}

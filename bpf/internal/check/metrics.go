package check

import (
	"errors"

	"pollgate/bpf/internal/probe"
	"pollgate/bpf/internal/selfprobe"
)

// Metric says whether one metric can be taken on this machine.
type Metric struct {
	Probe string    `json:"probe"`
	Set   probe.Set `json:"set"`
	Name  string    `json:"name"`
	// State is "exact", or "absent" with the reason.
	State  string `json:"state"`
	Reason string `json:"reason"`
}

// Metrics attaches every probe to this process, an ordinary Go program, and takes them off again.
// What a program of another kind lacks (or has: an io_uring) only a run on it can tell.
func Metrics(probes []probe.Probe) (found []Metric, err error) {
	session, err := selfprobe.Open(false)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, session.Close()) }()
	for _, p := range probes {
		session.Selected[p.Manifest.Name] = true
	}
	for _, p := range probes {
		running, attachErr := p.Attach(session.Session)
		reasons := map[string]string{}
		if attachErr == nil {
			// The probes that come later may use what this one shares.
			defer func() { err = errors.Join(err, running.Close()) }()
			reasons = running.Unavailable(session.Targets[0])
		}
		for _, m := range p.Manifest.Metrics {
			metric := Metric{Probe: p.Manifest.Name, Set: p.Manifest.Set, Name: m.Name, State: "exact"}
			if attachErr != nil {
				metric.State, metric.Reason = "absent", attachErr.Error()
			} else if reason := reasons[m.Name]; reason != "" {
				metric.State, metric.Reason = "absent", reason
			}
			found = append(found, metric)
		}
	}
	return found, session.AttachJoint()
}

package fault

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"

	"pollgate/go-fixtures/internal/peer"
)

// Service answers each request with the work of all chosen faults, one after the other.
type Service struct {
	// Peers are the processes that it has started.
	Peers []*peer.Process

	names  []string
	parts  []*part
	reply  func(http.ResponseWriter) error
	ports  map[string]int64
	failed atomic.Int64
}

// Start starts the faults, or their twins.
func Start(faults []Fault, correct bool, options Options) (*Service, error) {
	s := &Service{reply: replyOK, ports: map[string]int64{}}
	for _, fault := range faults {
		setting := &setting{Options: options, correct: correct}
		started, err := fault.begin(setting)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", fault.Name, err)
		}
		if started.reply != nil {
			s.reply = started.reply
		}
		if len(setting.peers) > 0 {
			s.ports[fault.Name+".peerPort"] = int64(setting.peers[0].Addresses[0].Port())
			s.ports[fault.Name+".peerSeenPort"] = int64(setting.peers[0].Addresses[1].Port())
		}
		s.Peers = append(s.Peers, setting.peers...)
		s.names = append(s.names, fault.Name)
		s.parts = append(s.parts, started)
	}
	return s, nil
}

// Find returns the faults with these names, separated by commas. The error says what is wrong with them.
func Find(names string) ([]Fault, error) {
	var found []Fault
	for name := range strings.SplitSeq(names, ",") {
		i := slices.IndexFunc(All, func(f Fault) bool { return f.Name == name })
		if i < 0 {
			return nil, fmt.Errorf("--fault %q is none of the faults: %s", name, strings.Join(allNames(), ", "))
		}
		for _, other := range found {
			if other.Name == name {
				return nil, fmt.Errorf("--fault names %s twice: name it once", name)
			}
			if other.sets != "" && other.sets == All[i].sets {
				return nil, fmt.Errorf("--fault %s and %s both set %s of the process: choose one of them",
					other.Name, name, other.sets)
			}
		}
		found = append(found, All[i])
	}
	return found, nil
}

func allNames() []string {
	names := make([]string, len(All))
	for i, fault := range All {
		names[i] = fault.Name
	}
	return names
}

// Counts are the counts of the faults, as "<fault>.<count>", where their peers serve
// ("<fault>.peerPort") and tell what they saw ("<fault>.peerSeenPort"), and the requests that failed.
func (s *Service) Counts() map[string]int64 {
	counts := map[string]int64{"failedRequests": s.failed.Load()}
	for name, port := range s.ports {
		counts[name] = port
	}
	for i, p := range s.parts {
		if p.counts == nil {
			continue
		}
		for name, count := range p.counts() {
			counts[s.names[i]+"."+name] = count
		}
	}
	return counts
}

func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	for i, p := range s.parts {
		if p.request == nil {
			continue
		}
		if err := p.request(r.Context()); err != nil {
			s.failed.Add(1)
			http.Error(w, s.names[i]+": "+err.Error(), http.StatusBadGateway)
			return
		}
	}
	w.Header().Set("Content-Type", "text/plain")
	// A failed write means that the client has gone; its connection ends by itself.
	_ = s.reply(w)
}

func replyOK(w http.ResponseWriter) error {
	_, err := io.WriteString(w, "ok\n")
	return err
}

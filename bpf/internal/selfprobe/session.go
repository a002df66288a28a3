package selfprobe

import (
	"errors"
	"os"

	"pollgate/bpf/internal/attach"
	"pollgate/bpf/internal/gosym"
	"pollgate/bpf/internal/target"
)

// Session has this process as its only target.
type Session struct {
	*attach.Session
	// Site is where in Touch a uprobe sits.
	Site gosym.Site
}

// Open prepares for watching this process. perfUprobes takes perf events even where the kernel has
// uprobe_multi links.
func Open(perfUprobes bool) (*Session, error) {
	targets, err := target.Open([]target.Spec{{Name: "self", PID: os.Getpid()}})
	if err != nil {
		return nil, err
	}
	session, err := attach.NewSession(targets)
	if err != nil {
		target.Close(targets)
		return nil, err
	}
	session.PerfUprobes = session.PerfUprobes || perfUprobes
	s := &Session{Session: session}
	offset, err := touchedOffset()
	if err == nil {
		s.Site, err = targets[0].Binary.SiteAt(offset)
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// Close releases what Open took.
func (s *Session) Close() error {
	targets := s.Targets
	defer target.Close(targets)
	return s.Session.Close()
}

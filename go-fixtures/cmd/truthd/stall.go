package main

import (
	"fmt"
	"strings"
	"time"

	"pollgate/go-fixtures/internal/truthproto"
)

// stall is a time in which the server serves nobody. The first request that begins at atNs after the
// first of all, or later, takes forNs longer, and those behind it wait. The zero value is none.
type stall struct {
	atNs, forNs int64
	firstNs     int64 // when the first of all began; 0 = none yet
	over        bool
}

// extra returns what the stall adds to the service of the request that begins now.
func (s *stall) extra(beganNs int64) int64 {
	if s.firstNs == 0 {
		s.firstNs = beganNs
	}
	if s.over || beganNs < s.firstNs+s.atNs {
		return 0
	}
	s.over = true
	return s.forNs
}

// parseStall reads the value of --stall; empty is none.
func parseStall(text string) (stall, error) {
	if text == "" {
		return stall{}, nil
	}
	wrong := fmt.Errorf("--stall %q: want at:1s,for:1s; times of 0 to %v", text, time.Duration(truthproto.MaxServiceNs))
	at, duration, _ := strings.Cut(text, ",")
	var times [2]int64
	for i, part := range [...]struct{ text, name string }{{at, "at:"}, {duration, "for:"}} {
		value, found := strings.CutPrefix(part.text, part.name)
		d, err := time.ParseDuration(value)
		if !found || err != nil || d < 0 || d > truthproto.MaxServiceNs {
			return stall{}, wrong
		}
		times[i] = int64(d)
	}
	return stall{atNs: times[0], forNs: times[1]}, nil
}

package summary

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// about is who was watched, and what that cost.
func (v view) about() section {
	language := "not a Go program"
	if v.GoVersion != nil {
		language = *v.GoVersion
	}
	ended := ""
	if v.Exited {
		ended = "; ENDED inside the window"
	}
	lines := section{fmt.Sprintf("target %s: process %d, %s%s", v.name, v.PID, language, ended)}
	if c := v.Cost; c != nil {
		line := fmt.Sprintf("  CPU time %s, %s of one CPU", duration(uint64(c.CPUNs)),
			percent(float64(c.CPUNs)/1e9, v.seconds))
		if c.EstimatedNs != nil {
			line += fmt.Sprintf("; watching took at least %s of it (%s)", duration(uint64(*c.EstimatedNs)),
				percent(float64(*c.EstimatedNs), float64(c.CPUNs)))
		} else {
			line += "; what watching took is not known without the probe syscalls"
		}
		lines = append(lines, line)
	}
	if anything := byCount(v.Lost); anything != "" {
		lines = append(lines, "  EVENTS LOST: "+anything)
	}
	return lines
}

// missing has a line for each reason why something could not be taken.
func (v view) missing() section {
	metrics := map[string][]string{}
	notSelected := map[string]bool{}
	for _, metric := range slices.Sorted(maps.Keys(v.Unavailable)) {
		reason := v.Unavailable[metric]
		if probe, rest, found := strings.Cut(strings.TrimPrefix(reason, "probe "), " "); found && rest == "not selected" {
			notSelected[probe] = true
			continue
		}
		metrics[reason] = append(metrics[reason], metric)
	}
	var lines section
	for _, reason := range slices.Sorted(maps.Keys(metrics)) {
		names := metrics[reason]
		which := strings.Join(names[:min(2, len(names))], ", ")
		if more := len(names) - 2; more > 0 {
			which += fmt.Sprintf(" and %d more", more)
		}
		lines = append(lines, fmt.Sprintf("  %s: %s", which, reason))
	}
	if len(notSelected) > 0 {
		lines = append(lines, "  probes not selected: "+strings.Join(slices.Sorted(maps.Keys(notSelected)), " "))
	}
	if len(lines) == 0 {
		return nil
	}
	return append(section{fmt.Sprintf("not available: %s", counted(uint64(len(v.Unavailable)), "metric"))}, lines...)
}

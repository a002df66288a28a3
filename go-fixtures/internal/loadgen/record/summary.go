package record

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
)

// WriteSummary writes a report for people: what was offered and done, the four
// distributions, and whether the figures may be quoted.
func WriteSummary(w io.Writer, r *Report) error {
	var text bytes.Buffer
	table := tabwriter.NewWriter(&text, 0, 0, 2, ' ', tabwriter.AlignRight)
	for i := range r.Phases {
		writePhase(table, r, &r.Phases[i])
	}
	if r.Search != nil {
		writeSearch(table, r.Search)
	}
	_ = table.Flush() // a buffer takes everything
	_, err := w.Write(text.Bytes())
	return err
}

func writePhase(w io.Writer, r *Report, p *Phase) {
	for _, name := range slices.Sorted(maps.Keys(p.Arms)) {
		arm := p.Arms[name]
		fmt.Fprintf(w, "\n%s, phase %s, %s loop: %d of %d requests completed, %.0f per second",
			name, p.Name, r.Mode, arm.Completed, arm.Scheduled, arm.AchievedRatePerSec)
		if failed := arm.Scheduled - arm.Completed; failed > 0 {
			fmt.Fprintf(w, " (%d reset, %d timed out, %d with another status, %d with other content, %d never sent)",
				arm.Errors.Reset, arm.Errors.Timeout, arm.Errors.Status, arm.Errors.Body, arm.Unsent)
		}
		fmt.Fprint(w, "\n\tp50\tp90\tp99\tp99.9\tmax\tsamples\t\n")
		writeDistribution(w, "latency", &arm.LatencyNs)
		writeDistribution(w, "service", &arm.ServiceNs)
		writeDistribution(w, "send lag", &arm.SendLagNs)
		writeDistribution(w, "receive lag", &arm.ReceiveLagNs)
		writeDistribution(w, "connect", connectOf(r, name))
		fmt.Fprintf(w, "the figures are %s%s\n", arm.Validity.Absolute, because(&arm.Validity))
	}
	if p.Paired.Grade != nil {
		fmt.Fprintf(w, "\nratios between the arms are %s\n", *p.Paired.Grade)
		for _, reason := range p.Paired.Reasons {
			fmt.Fprintf(w, "  %s\n", reason.Text)
		}
	}
}

func connectOf(r *Report, arm string) *Distribution {
	connect := r.Connect[arm].Distribution
	return &connect
}

func writeDistribution(w io.Writer, name string, d *Distribution) {
	if d.Count == 0 {
		return
	}
	fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%d\t\n", name,
		duration(d.P50), duration(d.P90), duration(d.P99), duration(d.P999), duration(d.Max), d.Count)
}

// duration has three digits or, above 1 ms, two decimals.
func duration(ns *int64) string {
	switch x := float64(*ns); {
	case x < 1e3:
		return fmt.Sprintf("%.0f ns", x)
	case x < 1e6:
		return fmt.Sprintf("%.3g µs", x/1e3)
	case x < 1e9:
		return fmt.Sprintf("%.2f ms", x/1e6)
	default:
		return fmt.Sprintf("%.2f s", x/1e9)
	}
}

func because(v *Validity) string {
	texts := make([]string, len(v.Reasons))
	for i, reason := range v.Reasons {
		texts[i] = fmt.Sprintf("%s (%s)", reason.Text, reason.Cause)
	}
	if len(texts) == 0 {
		return ""
	}
	return ": " + strings.Join(texts, "; ")
}

func writeSearch(w io.Writer, s *Search) {
	limit := s.SLOP99Ns
	fmt.Fprintf(w, "\n%d probes for p99 within %s", len(s.Probes), duration(&limit))
	switch {
	case s.RatePerSec == nil:
		fmt.Fprintf(w, ": no rate can be named (%s)\n", s.LimitedBy)
	case s.Interval == nil:
		fmt.Fprintf(w, ": at least %.0f per second (limited by the %s)\n", *s.RatePerSec, s.LimitedBy)
	default:
		fmt.Fprintf(w, ": %.0f per second, 95 %% interval %.0f … %.0f (limited by the %s)\n",
			*s.RatePerSec, s.Interval[0], s.Interval[1], s.LimitedBy)
	}
}

package summary

import (
	"fmt"

	"pollgate/bpf/probes/http2"
	"pollgate/bpf/probes/tcplife"
	"pollgate/bpf/probes/tls"
)

// tcp is what became of connections.
func (v view) tcp() section {
	d, known := details[tcplife.Details](v, "tcplife")
	if !known {
		return nil
	}
	lines := section{fmt.Sprintf("TCP: %s retransmitted, %s of SYNs; resets: %s sent, %s received",
		counted(d.Retransmits, "segment"), count(d.SynRetransmits), count(d.ResetsSent), count(d.ResetsReceived))}
	if d.NagleHolds > 0 {
		lines = append(lines, fmt.Sprintf("  %s held back by Nagle's algorithm", counted(d.NagleHolds, "write")))
	}
	if anything(d.Server) {
		lines = append(lines, side("arrived", d.Server))
	}
	if anything(d.Client) || d.Connects > 0 {
		lines = append(lines, side("asked for", d.Client))
	}
	if failed := d.Refused + d.ConnectsTimedOut + d.ConnectsFailed; failed > 0 {
		lines = append(lines, fmt.Sprintf("  connects that failed: %s of %s (%s refused, %s timed out)", count(failed),
			count(d.Connects), count(d.Refused), count(d.ConnectsTimedOut)))
	}
	if d.AcceptBacklogMax > 0 {
		limit := ""
		if d.AcceptBacklogLimit > 0 { // not known of a listener for Multipath TCP
			limit = " of " + count(d.AcceptBacklogLimit)
		}
		lines = append(lines, fmt.Sprintf("  accept queue: up to %s%s; wait p50 %s, p99 %s", count(d.AcceptBacklogMax),
			limit, v.quantile("tcpAcceptQueueNs", 0.5), v.quantile("tcpAcceptQueueNs", 0.99)))
	}
	return lines
}

// tls is how long handshakes took.
func (v view) tls() section {
	d, known := details[tls.Details](v, "tls")
	if !known {
		return nil
	}
	var lines section
	for _, side := range []struct {
		name, metric string
		counts       tls.Counts
	}{{"accepted", "tlsServerHandshakeNs", d.Server}, {"asked for", "tlsClientHandshakeNs", d.Client}} {
		if side.counts.Completed+side.counts.Failed > 0 {
			lines = append(lines, fmt.Sprintf("TLS %s: %s, %s failed; p50 %s, p99 %s", side.name,
				counted(side.counts.Completed, "handshake"), count(side.counts.Failed),
				v.quantile(side.metric, 0.5), v.quantile(side.metric, 0.99)))
		}
	}
	return lines
}

// http2 is what connections carried.
func (v view) http2() section {
	d, known := details[http2.Details](v, "http2")
	if !known {
		return nil
	}
	var lines section
	for _, side := range []struct {
		name string
		http2.Side
	}{{"served", d.Server}, {"as client", d.Client}} {
		if side.Streams == 0 {
			continue
		}
		line := fmt.Sprintf("HTTP/2 %s: %s; %s begun, %s ended, %s open with %s", side.name,
			counted(side.Streams, "stream"), counted(side.Begun, "connection"), count(side.Ended),
			count(side.Open), count(side.OpenStreams))
		if side.Refused != nil && *side.Refused > 0 {
			line += fmt.Sprintf("; %s refused", counted(*side.Refused, "stream"))
		}
		lines = append(lines, line)
	}
	return lines
}

func side(name string, s tcplife.Side) string {
	first := s.ClosedFirst
	requests := "–"
	if s.Established > 0 {
		requests = digits(float64(s.Requests) / float64(s.Established))
	}
	line := fmt.Sprintf("  %s: %s established, %s requests each, %s open at the end", name, count(s.Established),
		requests, count(s.OpenAtEnd))
	if s.Closed > 0 {
		line += "; closed first: " + byCount(map[string]uint64{
			"here": first.LocalFin, "there": first.RemoteFin, "reset here": first.LocalReset,
			"reset there": first.RemoteReset, "timed out": first.Timeout,
		})
	}
	return line
}

// quantile of a histogram of ns, as text.
func (v view) quantile(metric string, q float64) string {
	h := v.Histograms[metric]
	if h == nil || h.Count == 0 {
		return "–"
	}
	return duration(h.Quantile(q))
}

func anything(s tcplife.Side) bool { return s.Established+s.Closed+s.OpenAtEnd > 0 }

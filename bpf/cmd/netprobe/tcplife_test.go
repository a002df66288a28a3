package main

import (
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"pollgate/bpf/probes/tcplife"
)

const (
	acceptedThere = "SYN_RECV>ESTABLISHED>"
	connectedHere = "SYN_SENT>ESTABLISHED>"
	closesFirst   = "FIN_WAIT1>FIN_WAIT2>CLOSE"
	closesSecond  = "CLOSE_WAIT>LAST_ACK>CLOSE"
)

func TestConnectionsAreFollowedToTheirEnd(t *testing.T) {
	needPrivileges(t)
	w := startWorkload(t, workloadPath, "connections")
	w.expect("ready")
	o := observe(t, []string{"--probes", "tcplife"}, map[string]*process{"it": w})
	o.begin()
	w.say("go")
	w.expect("waiting")
	const delay = 50 * time.Millisecond
	time.Sleep(delay) // what the accept queue must be seen to wait at least
	w.say("accept")
	told := w.hear()
	w.expect("done")
	seen := o.end().Targets["it"]
	d := details[tcplife.Details](t, seen, "tcplife")

	want := tcplife.Details{
		Server: tcplife.Side{Established: 30, Closed: 28, OpenAtEnd: 2, TimeWaits: 5,
			ClosedFirst:   tcplife.ClosedFirst{LocalFin: 5, RemoteFin: 7 + 13, RemoteReset: 3},
			ReceivedBytes: 29 * 11, SentBytes: 29 * 13, Requests: 39},
		Client: tcplife.Side{Established: 30, Closed: 28, OpenAtEnd: 2, TimeWaits: 7 + 13,
			ClosedFirst:   tcplife.ClosedFirst{LocalFin: 7 + 13, RemoteFin: 5, LocalReset: 3},
			ReceivedBytes: 29 * 13, SentBytes: 29 * 11, Requests: 39},
		Connects: 30 + 11, Refused: 11, Accepted: 30,
		AcceptBacklogMax: 13, AcceptBacklogLimit: 31,
		ResetsSent: 3, ResetsReceived: 3 + 11,
	}
	paths := []tcplife.Path{
		{Side: "client", Path: connectedHere + closesFirst, Count: 20},
		{Side: "server", Path: acceptedThere + closesSecond, Count: 20},
		{Side: "client", Path: "SYN_SENT>CLOSE", Count: 11},
		{Side: "client", Path: connectedHere + closesSecond, Count: 5},
		{Side: "server", Path: acceptedThere + closesFirst, Count: 5},
		{Side: "client", Path: connectedHere + "CLOSE", Count: 3},
		{Side: "server", Path: acceptedThere + "CLOSE", Count: 3},
	}
	if !slices.Equal(d.Paths, paths) {
		t.Errorf("paths %+v\n want %+v", d.Paths, paths)
	}
	d.Paths = nil
	if fmt.Sprint(d) != fmt.Sprint(want) {
		t.Errorf("details %+v\n   want %+v", d, want)
	}
	// The kernel's own account of the same connections, read by the process before it closed them.
	if ours := fmt.Sprint(d.Server.ReceivedBytes, d.Server.SentBytes, d.Client.ReceivedBytes,
		d.Client.SentBytes); ours != told {
		t.Errorf("bytes %s, TCP_INFO says %s", ours, told)
	}
	for metric, count := range map[string]uint64{"tcpAcceptQueueNs": 30, "tcpConnectNs": 30,
		"tcpAcceptToCloseNs": 28, "tcpLifeNs": 56, "tcpReceivedBytes": 56, "tcpSentBytes": 56,
		"tcpRequestsPerConnection": 60} {
		if h := seen.Histograms[metric]; h == nil || h.Count != count {
			t.Errorf("%s: %+v, want count %d", metric, h, count)
		}
	}
	requests := [][2]uint64{{0, 26}, {1, 16}, {3, 14}, {5, 4}}
	if h := seen.Histograms["tcpRequestsPerConnection"]; !slices.Equal(h.Buckets, requests) {
		t.Errorf("requests per connection %v, want %v", h.Buckets, requests)
	}
	if h := seen.Histograms["tcpAcceptQueueNs"]; h.Sum < 13*uint64(delay) {
		t.Errorf("13 connections waited %d ns together, want at least 13 × %s", h.Sum, delay)
	}
	if anyCounted(seen.Lost) || anyCounted(seen.InFlight) {
		t.Errorf("lost %v, in flight %v, want none", seen.Lost, seen.InFlight)
	}
}

func TestConnectionsWithoutRoomAreReported(t *testing.T) {
	needPrivileges(t)
	const made, room = 521, 1024
	seen := observeWork(t, workloadPath, "crowd", "--probes", "tcplife", "--map-entries", "1024")
	d := details[tcplife.Details](t, seen, "tcplife")
	if lost := seen.Lost["tcpConnectionsFull"]; lost < 2*made-room || d.Connects != made {
		t.Errorf("lost %d of %d connects, want at least %d of %d", lost, d.Connects, 2*made-room, made)
	}
	if open := d.Server.OpenAtEnd + d.Client.OpenAtEnd; open != room {
		t.Errorf("%d ends known at the end, want %d", open, room)
	}
}

func TestRetransmitsOfOlderConnectionsAreCounted(t *testing.T) {
	needPrivileges(t)
	w := startWorkload(t, workloadPath, "losses")
	w.expect("ready")
	o := observe(t, []string{"--probes", "tcplife"}, map[string]*process{"it": w})
	w.say("go")
	w.expect("connected")
	o.begin()
	w.say("go")
	// Of the one from before the attachment, the one from before the window and the one from inside it.
	var sent [3]uint64
	for i := range sent {
		n, err := strconv.ParseUint(w.hear(), 10, 64)
		if err != nil || n < 2 {
			t.Fatalf("TCP_INFO has %d retransmits of connection %d, want at least 2: %v", n, i, err)
		}
		sent[i] = n
	}
	w.expect("done")
	seen := o.end().Targets["it"]
	d := details[tcplife.Details](t, seen, "tcplife")
	if all, older := sent[0]+sent[1]+sent[2], sent[0]+sent[1]; d.Retransmits != all || d.RetransmitsOlder != older {
		t.Errorf("%d retransmits, %d of older connections; TCP_INFO has %d and %d",
			d.Retransmits, d.RetransmitsOlder, all, older)
	}
	expectNoLoss(t, seen)
}

func TestWritesHeldByNagleAreCounted(t *testing.T) {
	needPrivileges(t)
	seen := observeWork(t, workloadPath, "pieces", "--probes", "tcplife")
	if d := details[tcplife.Details](t, seen, "tcplife"); d.NagleHolds != 7 {
		t.Errorf("%d writes held back, want 7", d.NagleHolds)
	}
	expectNoLoss(t, seen)
}

package fault

import (
	"context"
	"net/http"
	"time"

	"pollgate/go-fixtures/cmd/faulty/internal/peers"
)

// http2-streams-refused: the upstream allows one request at a time on an HTTP/2 connection
// (SETTINGS_MAX_CONCURRENT_STREAMS). Go's client assumes 100 until it has read that, so that streams
// are refused that go out on a new connection together, and asked for again; and it opens a connection
// for every request that the others have no room for: HTTP/2 becomes HTTP/1.1. The twin's upstream allows 250.
//
// Kernel: as many ESTABLISHED connections to one port as requests at a time, where the twin has one;
// RST_STREAM frames (error 7, REFUSED_STREAM) when several requests meet a new connection.
// Runtime: goroutine profile, one goroutine in the HTTP/2 clientConnReadLoop per connection.
// At this load: about 20 connections; latency as the twin's.
var http2StreamsRefused = Fault{
	Name: "http2-streams-refused", Expect: "http2-streams-refused",
	RatePerSec: 800, Connections: 32, VisibleAfterSeconds: 2,
	LookAt: "ESTABLISHED connections to one HTTP/2 upstream (10 and more, twin 1); goroutines in clientConnReadLoop",
	begin:  beginHTTP2StreamsRefused,
}

func beginHTTP2StreamsRefused(s *setting) (*part, error) {
	maxStreams := 1 // The mistake, in the upstream's settings.
	if s.correct {
		maxStreams = 250
	}
	upstream, err := s.peer(peers.Settings{Kind: peers.HTTP2, MaxStreams: maxStreams})
	if err != nil {
		return nil, err
	}
	// Quick enough not to be a slow peer as well: the twin has to have nothing wrong with it.
	url := peers.UpstreamURL(upstream.Addresses[0], 512, 10*time.Millisecond)
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	client := &http.Client{Transport: &http.Transport{Protocols: &protocols}, Timeout: upstreamPatience}
	return &part{request: func(context.Context) error { return peers.Fetch(client, url) }}, nil
}

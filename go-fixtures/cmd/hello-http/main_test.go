package main

import (
	"fmt"
	"io"
	"net/http"
	"testing"

	"pollgate/go-fixtures/internal/fixturetest"
)

// serverBinary is the fixture, built for these tests.
var serverBinary string

func TestMain(m *testing.M) { fixturetest.Main(m, &serverBinary) }

func TestGreetsAtTheRootAndNowhereElse(t *testing.T) {
	p := fixturetest.Start(t, serverBinary)
	for _, test := range []struct {
		method, path string
		status       int
		body         string
	}{
		{"GET", "/", 200, "hello, world\n"},
		{"GET", "/other", 404, "404 page not found\n"},
		{"POST", "/", 405, "Method Not Allowed\n"},
	} {
		request, err := http.NewRequest(test.method, "http://"+p.Ready.Address+test.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		if err != nil || response.StatusCode != test.status || string(body) != test.body ||
			response.ContentLength != int64(len(test.body)) {
			t.Errorf("%s %s: status %d, Content-Length %d, body %q (%v); want %d, %q",
				test.method, test.path, response.StatusCode, response.ContentLength, body, err, test.status, test.body)
		}
	}
}

func TestReturnsItsTimesWhenAsked(t *testing.T) {
	p := fixturetest.Start(t, serverBinary)
	request, err := http.NewRequest(http.MethodGet, "http://"+p.Ready.Address, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Pollgate-Stamps", "1")
	before := p.Counters(t).MonotonicNs
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	after := p.Counters(t).MonotonicNs
	var readNs, writeNs int64
	if _, err := fmt.Sscanf(response.Header.Get("Pollgate-Stamps"), "%d %d", &readNs, &writeNs); err != nil ||
		readNs < before || writeNs < readNs || after < writeNs {
		t.Errorf("stamps %q (%v), want two times between %d and %d", response.Header.Get("Pollgate-Stamps"), err, before, after)
	}
}

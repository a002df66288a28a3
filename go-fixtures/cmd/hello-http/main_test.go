package main

import (
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

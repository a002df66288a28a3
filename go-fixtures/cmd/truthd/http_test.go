package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"pollgate/go-fixtures/internal/loadgen/monotime"
)

// client returns an HTTP client whose connections end with the test.
func client(t *testing.T) *http.Client {
	transport := &http.Transport{DisableCompression: true}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: patience}
}

// fetch sends a request and returns the reply with its body read.
func fetch(t *testing.T, c *http.Client, request *http.Request) (*http.Response, string) {
	t.Helper()
	response, err := c.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(body)
}

func newRequest(t *testing.T, d *daemon, method, path string, body io.Reader) *http.Request {
	t.Helper()
	request, err := http.NewRequest(method, "http://"+d.Address+path, body)
	if err != nil {
		t.Fatal(err)
	}
	return request
}

func TestHTTPWithTheStandardClient(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log.csv")
	d := start(t, "--protocol", "http1", "--log", path)
	c := client(t)
	large := bytes.Repeat([]byte("x"), 300_000)
	for _, test := range []struct {
		method string
		body   []byte
		close  bool
		expect bool
	}{
		{method: "GET"},
		{method: "HEAD"},
		{method: "DELETE"},
		{method: "POST", body: []byte("a=b")},
		{method: "PUT", body: large},
		{method: "PATCH", body: []byte{}},
		{method: "POST", body: large, expect: true},
		{method: "GET", close: true},
		{method: "GET"},
	} {
		var body io.Reader
		if test.body != nil {
			body = bytes.NewReader(test.body)
		}
		request := newRequest(t, d, test.method, "/any?path", body)
		request.Close = test.close
		if test.expect {
			request.Header.Set("Expect", "100-continue")
		}
		want := okBody
		if test.method == "HEAD" {
			want = ""
		}
		response, got := fetch(t, c, request)
		if response.StatusCode != 200 || response.ContentLength != int64(len(okBody)) || got != want ||
			response.Close != test.close || response.Header.Get("Pollgate-Stamps") != "" {
			t.Errorf("%+v: got %s, Content-Length %d, close %v, headers %v, body %q",
				test, response.Status, response.ContentLength, response.Close, response.Header, got)
		}
	}
	if code := d.end(t, syscall.SIGTERM); code != 0 {
		t.Errorf("exit code %d, stderr %s", code, &d.stderr)
	}
	// All on one connection, except for what comes after "Connection: close".
	log, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	connections := ""
	for _, line := range strings.Split(strings.TrimSpace(string(log)), "\n")[1:] {
		connections += line[:strings.IndexByte(line, ',')+1]
	}
	if want := "1,1,1,1,1,1,1,1,2,"; connections != want {
		t.Errorf("connections of the requests in the log: %s want %s", connections, want)
	}
}

func TestHTTPStampsAndServiceTimes(t *testing.T) {
	stamps := func(seed string) (services []int64) {
		d := start(t, "--protocol", "http1", "--service", "bimodal:1us,200us,0.5", "--seed", seed)
		c := client(t)
		last := int64(0)
		for range 60 {
			request := newRequest(t, d, "GET", "/", nil)
			request.Header.Set("Pollgate-Stamps", "1")
			response, _ := fetch(t, c, request)
			done := monotime.Now()
			var began, wrote int64
			if _, err := fmt.Sscanf(response.Header.Get("Pollgate-Stamps"), "%d %d", &began, &wrote); err != nil {
				t.Fatalf("%q: %v", response.Header.Get("Pollgate-Stamps"), err)
			}
			const calibrationNs = 2000
			if began < last || wrote-began < 1000 || wrote > done+calibrationNs {
				t.Errorf("times %d and %d after %d, read at %d", began, wrote, last, done)
			}
			last = wrote
			services = append(services, wrote-began)
		}
		return services
	}
	// At least: a service time can be longer, never shorter. With 60 draws, both kinds come up.
	long := 0
	for _, ns := range stamps("1") {
		if ns >= 200_000 {
			long++
		}
	}
	if long == 0 {
		t.Error("no request was served for 200 µs")
	}
}

// The seed determines the service times, one per request.
func TestHTTPServiceTimesComeFromTheSeed(t *testing.T) {
	draw := func(seed uint64) (draws [8]uint32) {
		for i, random := 0, newDraws(seed); i < len(draws); i++ {
			draws[i] = random.Uint32()
		}
		return draws
	}
	if draw(1) != draw(1) || draw(1) == draw(2) {
		t.Errorf("seed 1 gives %v and %v, seed 2 %v", draw(1), draw(1), draw(2))
	}
}

// Every reply ends where the next begins, however the requests are cut.
func TestHTTPPipelinedAndTornRequests(t *testing.T) {
	d := start(t, "--protocol", "http1")
	text := "GET /a HTTP/1.1\r\nHost: x\r\n\r\n" +
		"POST /b HTTP/1.1\r\nHost: x\r\ncontent-length:5\r\n\r\n\r\n\r\nx" +
		"HEAD /c HTTP/1.1\r\nHost: x\r\nConnection: foo, keep-alive\r\n\r\n" +
		"PUT /d HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nPOLLGATE-STAMPS: 1\r\n\r\n" +
		"GET /e HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n" +
		"GET /f HTTP/1.0\r\n\r\n" +
		"GET /never HTTP/1.1\r\nHost: x\r\n\r\n"
	methods := []string{"GET", "POST", "HEAD", "PUT", "GET", "GET"}
	for cut := range len(text) {
		conn := d.dial(t)
		send(t, conn, []byte(text[:cut]))
		send(t, conn, []byte(text[cut:]))
		reader := bufio.NewReader(conn)
		for i, method := range methods {
			response, err := http.ReadResponse(reader, &http.Request{Method: method})
			if err != nil {
				t.Fatalf("cut %d, request %d: %v", cut, i, err)
			}
			body, err := io.ReadAll(response.Body)
			if err != nil || response.StatusCode != 200 || (string(body) == okBody) == (method == "HEAD") {
				t.Fatalf("cut %d, request %d: %s, %q, %v", cut, i, response.Status, body, err)
			}
			if stamped := response.Header.Get("Pollgate-Stamps") != ""; stamped != (i == 3) {
				t.Fatalf("cut %d, request %d: stamps %q", cut, i, response.Header.Get("Pollgate-Stamps"))
			}
			if response.Close != (i == 5) {
				t.Fatalf("cut %d, request %d: close is %v", cut, i, response.Close)
			}
		}
		if rest, _ := io.ReadAll(reader); len(rest) > 0 { // the unread request may make the end a reset
			t.Fatalf("cut %d: %q after the end", cut, rest)
		}
		conn.Close()
	}
}

func TestHTTPRefusals(t *testing.T) {
	d := start(t, "--protocol", "http1")
	for text, status := range map[string]int{
		"GET / HTTP/2.0\r\n\r\n":                                                                   400,
		"nonsense\r\n\r\n":                                                                         400,
		"GET  HTTP/1.1\r\n\r\n":                                                                    400,
		"GET / HTTP/1.1\r\nnonsense\r\n\r\n":                                                       400,
		"GET / HTTP/1.1\r\n: x\r\n\r\n":                                                            400,
		"GET / HTTP/1.1\r\nContent-Length : 1\r\n\r\n":                                             400,
		"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n":                                            400,
		"POST / HTTP/1.1\r\nContent-Length: 9999999999999999\r\n\r\n":                              400,
		"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n":                        400,
		"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 0\r\n\r\n":                        400,
		"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n":                                    501,
		"GET / HTTP/1.1\r\nX: " + strings.Repeat("x", maxHeaderBytes-len("GET / HTTP/1.1\r\nX: ")): 431,
	} {
		conn := d.dial(t)
		send(t, conn, []byte(text))
		response, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatalf("%.60q: %v", text, err)
		}
		if response.StatusCode != status || !response.Close {
			t.Errorf("%.60q: %s, close %v; want %d and close", text, response.Status, response.Close, status)
		}
		conn.Close()
	}
}

func TestHTTPManyClients(t *testing.T) {
	d := start(t, "--protocol", "http1", "--service", "exp:20us")
	var clients sync.WaitGroup
	for range 100 {
		c := client(t)
		clients.Go(func() {
			for range 10 {
				response, err := c.Get("http://" + d.Address)
				if err != nil {
					t.Error(err)
					return
				}
				body, err := io.ReadAll(response.Body)
				response.Body.Close()
				if err != nil || string(body) != okBody {
					t.Errorf("body %q, %v", body, err)
					return
				}
			}
		})
	}
	clients.Wait()
}

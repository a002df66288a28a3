package peers

import (
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"time"
)

// UpstreamURL asks an HTTP1 or HTTP2 peer for so many bytes of body after a delay.
func UpstreamURL(address netip.AddrPort, bodyBytes int, delay time.Duration) string {
	query := url.Values{"bytes": {strconv.Itoa(bodyBytes)}, "delayNs": {strconv.FormatInt(int64(delay), 10)}}
	return fmt.Sprintf("http://%s/?%s", address, query.Encode())
}

// bodyPiece is what bodies are made of.
var bodyPiece [16 << 10]byte

// upstream answers as UpstreamURL says.
func upstream(seen *tally) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen.begin()
		defer seen.end()
		query := r.URL.Query()
		bodyBytes, err := strconv.Atoi(query.Get("bytes"))
		delayNs, err2 := strconv.ParseInt(query.Get("delayNs"), 10, 64)
		if err != nil || err2 != nil {
			http.Error(w, "want the integers bytes and delayNs", http.StatusBadRequest)
			return
		}
		if delayNs > 0 {
			time.Sleep(time.Duration(delayNs))
		}
		w.Header().Set("Content-Type", "application/octet-stream")
		w.Header().Set("Content-Length", strconv.Itoa(bodyBytes))
		for left := bodyBytes; left > 0; left -= len(bodyPiece) {
			if _, err := w.Write(bodyPiece[:min(left, len(bodyPiece))]); err != nil {
				return // The client does not want the rest.
			}
		}
	})
}

// http2Server speaks HTTP/2 without TLS, and only that.
func http2Server(handler http.Handler, maxStreams int) *http.Server {
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	return &http.Server{
		Handler:   handler,
		Protocols: &protocols,
		HTTP2:     &http.HTTP2Config{MaxConcurrentStreams: maxStreams},
	}
}

// Fetch gets a URL and reads the whole body, as a client should.
func Fetch(client *http.Client, url string) error {
	response, err := client.Get(url)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", url, response.Status)
	}
	_, err = io.Copy(io.Discard, response.Body)
	return err
}

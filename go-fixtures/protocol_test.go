package fixtures_test

import (
	"bufio"
	"fmt"
	"io"
	"net/http"

	"pollgate/go-fixtures/internal/blockproto"
)

// protocol is how the contract test speaks with a fixture.
type protocol struct {
	// request returns the bytes of the nth request.
	request func(n int) []byte
	// heldRequest returns the nth request in two parts: between them it is in flight.
	heldRequest func(n int) (first, rest []byte)
	// countsHeld says that a request is counted when its first part has arrived.
	countsHeld bool
	// checkReply reads the reply to the nth request and says what is wrong with it.
	checkReply func(reader *bufio.Reader, n int) error
}

// protocols are the values of "protocol" in a fixture's contract.json.
var protocols = map[string]protocol{
	"http1": {
		request: func(int) []byte {
			return []byte("GET / HTTP/1.1\r\nHost: fixture\r\n\r\n")
		},
		// net/http drops a request whose header is incomplete when the drain begins. With its
		// header there and its body not, it has been handled, but the reply waits for the body.
		heldRequest: func(int) (first, rest []byte) {
			return []byte("GET / HTTP/1.1\r\nHost: fixture\r\nContent-Length: 2\r\n\r\nx"), []byte("x")
		},
		countsHeld: true,
		checkReply: func(reader *bufio.Reader, _ int) error {
			response, err := http.ReadResponse(reader, nil)
			if err != nil {
				return err
			}
			defer response.Body.Close()
			body, err := io.ReadAll(response.Body)
			if err == nil && (response.StatusCode != http.StatusOK || response.ContentLength != int64(len(body)) ||
				len(body) == 0 || response.Header.Get("Content-Type") != "text/plain") {
				err = fmt.Errorf("got %s, Content-Length %d, %q, body %q; want 200 OK, text/plain, a body of known length",
					response.Status, response.ContentLength, response.Header.Get("Content-Type"), body)
			}
			return err
		},
	},
	"block-4k": {
		request: func(n int) []byte {
			request := make([]byte, blockproto.RequestSize)
			blockproto.PutRequest(request, uint64(n))
			return request
		},
		heldRequest: func(n int) (first, rest []byte) {
			request := make([]byte, blockproto.RequestSize)
			blockproto.PutRequest(request, uint64(n))
			return request[:3], request[3:]
		},
		checkReply: func(reader *bufio.Reader, n int) error {
			reply := make([]byte, blockproto.PageSize)
			if _, err := io.ReadFull(reader, reply); err != nil {
				return err
			}
			return blockproto.Verify(reply, uint64(n))
		},
	},
}

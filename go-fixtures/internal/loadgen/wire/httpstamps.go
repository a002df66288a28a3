package wire

import (
	"bytes"

	"pollgate/go-fixtures/internal/httptext"
)

// A request with the header "Pollgate-Stamps: 1" asks the server for its own
// times. One that knows the header answers with "Pollgate-Stamps: <readNs>
// <writeNs>" (see Stamps; decimal, one space between them), others ignore it.
const (
	stampsHeader = "Pollgate-Stamps"
	stampsName   = "pollgate-stamps"
)

// parseStamps reads the value of the reply's header. A reply that was written
// before its request was read is refused like a malformed one.
func parseStamps(value []byte) (s Stamps, ok bool) {
	first, second, _ := bytes.Cut(value, []byte(" "))
	read, readOK := httptext.Decimal(first, mostDigits)
	write, writeOK := httptext.Decimal(second, mostDigits)
	if !readOK || !writeOK || write < read {
		return Stamps{}, false
	}
	return Stamps{ReadNs: read, WriteNs: write}, true
}

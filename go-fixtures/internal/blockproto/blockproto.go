// Package blockproto is the block-4k protocol: what one page holds, how a reply is checked, and
// the data file a server reads its pages from.
//
// A request is RequestSize bytes, a page number n in big-endian order. The reply is the page:
// PageSize bytes, read as Words big-endian 64-bit words w with
//
//	w[0] = n,  w[i] = w[i-1] + step(n),  step(n) = splitmix64(n) | 1   (all modulo 2^64)
//
// So a reply can be checked without the data file, no two pages are alike, and a reply that mixes
// two pages, or is shifted by a byte, is found. testdata/vectors.json pins the pattern for
// implementations in other languages.
package blockproto

import (
	"encoding/binary"
	"fmt"
)

const (
	// RequestSize is the length of a request in bytes.
	RequestSize = 8
	// PageSize is the length of a reply, and of a page in the data file, in bytes.
	PageSize = 4096
	// Words is the number of 64-bit words in a page.
	Words = PageSize / 8
)

// PutRequest writes the request for page n into the first RequestSize bytes of request.
// It panics if request is shorter.
func PutRequest(request []byte, n uint64) {
	binary.BigEndian.PutUint64(request, n)
}

// PageNumber reads the page number from the first RequestSize bytes of request.
// It panics if request is shorter.
func PageNumber(request []byte) uint64 {
	return binary.BigEndian.Uint64(request)
}

// FillPage writes page n into the first PageSize bytes of page. It panics if page is shorter.
func FillPage(page []byte, n uint64) {
	bytes := (*[PageSize]byte)(page)
	delta := step(n)
	for i, word := 0, n; i < PageSize; i, word = i+8, word+delta {
		binary.BigEndian.PutUint64(bytes[i:], word)
	}
}

// Verify reports whether reply is exactly page n. It allocates only to describe a mismatch: the
// load generator checks every reply on its one thread.
func Verify(reply []byte, n uint64) error {
	if len(reply) != PageSize {
		return fmt.Errorf("reply for page %d has %d bytes, want %d", n, len(reply), PageSize)
	}
	bytes := (*[PageSize]byte)(reply)
	delta := step(n)
	w0, w1, w2, w3 := n, n+delta, n+2*delta, n+3*delta
	// The differences are gathered and looked at once: a branch per word would cost more than the
	// comparison, and four chains of additions hide each other's latency.
	var d0, d1, d2, d3 uint64
	for i := 0; i < PageSize; i += 32 {
		four := (*[32]byte)(bytes[i:])
		d0 |= binary.BigEndian.Uint64(four[0:]) ^ w0
		d1 |= binary.BigEndian.Uint64(four[8:]) ^ w1
		d2 |= binary.BigEndian.Uint64(four[16:]) ^ w2
		d3 |= binary.BigEndian.Uint64(four[24:]) ^ w3
		w0, w1, w2, w3 = w0+4*delta, w1+4*delta, w2+4*delta, w3+4*delta
	}
	if d0|d1|d2|d3 == 0 {
		return nil
	}
	return describeMismatch(reply, n)
}

// describeMismatch names the first wrong word of reply. The caller knows that there is one.
func describeMismatch(reply []byte, n uint64) error {
	first := 0
	want := n
	for binary.BigEndian.Uint64(reply[8*first:]) == want {
		first++
		want += step(n)
	}
	got := binary.BigEndian.Uint64(reply[8*first:])
	if first == 0 {
		return fmt.Errorf("reply for page %d begins with page number %d", n, got)
	}
	return fmt.Errorf("reply for page %d: word %d of %d is %#016x, want %#016x",
		n, first, Words, got, want)
}

// step is odd, so that no word repeats within a page.
func step(n uint64) uint64 {
	return splitmix64(n) | 1
}

// splitmix64 is the output function of Steele, Lea and Flood's SplitMix generator (2014). It makes
// the steps of neighbouring pages unrelated.
func splitmix64(x uint64) uint64 {
	z := x + 0x9e3779b97f4a7c15
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb
	return z ^ (z >> 31)
}

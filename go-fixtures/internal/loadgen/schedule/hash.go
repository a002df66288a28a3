package schedule

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
)

// Hash sums up the schedules of a run, so that two runs can be shown to have
// offered the same load.
type Hash struct{ sum hash.Hash }

// NewHash returns the hash of no schedule.
func NewHash() *Hash { return &Hash{sha256.New()} }

// Add appends a phase: its number of entries, then each entry as time (8 bytes),
// key (4) and arm (2), big-endian.
func (h *Hash) Add(entries []Entry) {
	var b [14]byte
	binary.BigEndian.PutUint64(b[:8], uint64(len(entries)))
	h.sum.Write(b[:8])
	for _, e := range entries {
		binary.BigEndian.PutUint64(b[:], uint64(e.AtNs))
		binary.BigEndian.PutUint32(b[8:], e.Key)
		binary.BigEndian.PutUint16(b[12:], e.Arm)
		h.sum.Write(b[:])
	}
}

// String returns the hash of all phases added so far as "sha256:<hex>".
func (h *Hash) String() string {
	return "sha256:" + hex.EncodeToString(h.sum.Sum(nil))
}

package wire

import (
	"math"

	"pollgate/go-fixtures/internal/truthproto"
)

// Service is a distribution of service times that a Truth server is asked for.
type Service = truthproto.Service

// MaxStalls bounds Truth.StallsNs.
const MaxStalls = 1024

// TruthKeys is how many keys stand for draws of the service time: they are
// 0..TruthKeys-1, drawn uniformly. The others are reserved for stalls, which
// cuts 2.4e-7 off the upper end of the distribution.
const TruthKeys = 1<<32 - MaxStalls

// StallKey returns the key of stall i, 0 … MaxStalls-1.
func StallKey(i int) uint32 { return math.MaxUint32 - uint32(i) }

// Truth makes exchanges with a truthd, which is busy with every request for as
// long as the request says and returns its own times.
type Truth struct {
	// Service is the distribution of the service times.
	Service Service
	// StallsNs are the service times of StallKey(0), StallKey(1), …
	StallsNs []int64

	sequence uint64 // of the last request
}

// ServiceNs returns the service time of the request with that key.
func (t *Truth) ServiceNs(key uint32) int64 {
	if stall := int(math.MaxUint32 - key); stall < len(t.StallsNs) {
		return t.StallsNs[stall]
	}
	return t.Service.At(key)
}

// NewExchange returns the protocol of one more connection. All exchanges of one
// Truth belong to one thread.
func (t *Truth) NewExchange() Exchange { return &truthExchange{shared: t} }

type truthExchange struct {
	shared  *Truth
	current truthproto.Request
	request [truthproto.RequestSize]byte
	// partial is what has arrived of a reply in pieces.
	partial [truthproto.ReplySize]byte
	arrived int
}

func (e *truthExchange) Begin(key uint32) []byte {
	// One sequence for all connections: a reply on the wrong one is found, too.
	e.shared.sequence++
	e.current = truthproto.Request{
		ServiceNs: uint64(e.shared.ServiceNs(key)),
		Sequence:  e.shared.sequence,
	}
	e.arrived = 0
	truthproto.PutRequest(e.request[:], e.current)
	return e.request[:]
}

func (e *truthExchange) Feed(p []byte) Result {
	n := copy(e.partial[e.arrived:], p)
	if e.arrived += n; e.arrived < truthproto.ReplySize {
		return Result{Consumed: n}
	}
	reply := truthproto.GetReply(e.partial[:])
	if !reply.Answers(e.current) {
		// Nothing says that the next 40 bytes would begin where a reply begins.
		return Result{Verdict: WrongBody, Consumed: n, Close: true}
	}
	return Result{Verdict: OK, Consumed: n, Stamps: Stamps{
		ReadNs:  reply.BeganNs,
		WriteNs: reply.WroteNs,
		FreedNs: reply.PreviousFreedNs,
	}}
}

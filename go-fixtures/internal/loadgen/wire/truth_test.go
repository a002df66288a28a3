package wire

import (
	"slices"
	"testing"

	"pollgate/go-fixtures/internal/truthproto"
)

// answer is what a truthd replies to request.
func answer(request []byte) truthproto.Reply {
	q := truthproto.GetRequest(request)
	return truthproto.Reply{
		Sequence: q.Sequence, ServiceNs: q.ServiceNs,
		BeganNs: 1000, WroteNs: 1005 + int64(q.ServiceNs), PreviousFreedNs: 990,
	}
}

func encode(r truthproto.Reply) []byte {
	b := make([]byte, truthproto.ReplySize)
	truthproto.PutReply(b, r)
	return b
}

func fixedTruth(ns int64) *Truth {
	return &Truth{Service: Service{Kind: truthproto.Fixed, Ns: ns}}
}

func TestTruthReplyWholeAndCutAtEveryByte(t *testing.T) {
	e := fixedTruth(77).NewExchange()
	for cut := range truthproto.ReplySize {
		reply := encode(answer(e.Begin(0)))
		if first := e.Feed(reply[:cut]); first != (Result{Consumed: cut}) {
			t.Fatalf("first %d bytes: %+v", cut, first)
		}
		want := Result{Verdict: OK, Consumed: len(reply) - cut, Stamps: Stamps{ReadNs: 1000, WriteNs: 1082, FreedNs: 990}}
		// Bytes beyond the reply are left to the caller.
		if got := e.Feed(append(slices.Clone(reply[cut:]), 'x')); got != want {
			t.Fatalf("cut after %d bytes: %+v, want %+v", cut, got, want)
		}
	}
}

func TestTruthReplyByteByByte(t *testing.T) {
	e := fixedTruth(77).NewExchange()
	reply := encode(answer(e.Begin(0)))
	for i := range reply {
		got := e.Feed(reply[i : i+1])
		if done := i == len(reply)-1; got.Consumed != 1 || (got.Verdict == OK) != done {
			t.Fatalf("byte %d: %+v", i, got)
		}
	}
}

func TestTruthRefusesAReplyToAnythingElse(t *testing.T) {
	truth := fixedTruth(77)
	e, other := truth.NewExchange(), truth.NewExchange()
	for name, change := range map[string]func(*truthproto.Reply){
		"another sequence number": func(r *truthproto.Reply) { r.Sequence++ },
		"another service time":    func(r *truthproto.Reply) { r.ServiceNs++ },
		"busy for too short":      func(r *truthproto.Reply) { r.WroteNs = r.BeganNs + 76 },
		"no times":                func(r *truthproto.Reply) { r.BeganNs, r.WroteNs, r.PreviousFreedNs = 0, 0, 0 },
		"begun while busy":        func(r *truthproto.Reply) { r.PreviousFreedNs = r.BeganNs + 1 },
		"another connection's": func(r *truthproto.Reply) {
			r.Sequence = truthproto.GetRequest(other.Begin(0)).Sequence
		},
	} {
		reply := answer(e.Begin(0))
		change(&reply)
		want := Result{Verdict: WrongBody, Consumed: truthproto.ReplySize, Close: true}
		if got := e.Feed(encode(reply)); got != want {
			t.Errorf("%s: %+v, want %+v", name, got, want)
		}
		if got := e.Feed(encode(answer(e.Begin(0)))); got.Verdict != OK {
			t.Errorf("after %s: a good reply is refused: %+v", name, got)
		}
	}
}

func TestTruthBeginForgetsHalfAReply(t *testing.T) {
	e := fixedTruth(77).NewExchange()
	e.Feed(encode(answer(e.Begin(0)))[:17])
	if got := e.Feed(encode(answer(e.Begin(0)))); got.Verdict != OK {
		t.Errorf("got %+v, want OK", got)
	}
}

func TestTruthKeysAndStalls(t *testing.T) {
	truth := &Truth{
		Service:  Service{Kind: truthproto.Exponential, MeanNs: 200_000},
		StallsNs: []int64{100_000_000, 5_000_000_000},
	}
	e := truth.NewExchange()
	for i, want := range truth.StallsNs {
		if got := truthproto.GetRequest(e.Begin(StallKey(i))).ServiceNs; got != uint64(want) {
			t.Errorf("stall %d lasts %d ns, want %d", i, got, want)
		}
	}
	for _, key := range []uint32{0, 1 << 31, TruthKeys - 1, StallKey(2)} {
		if got, want := truthproto.GetRequest(e.Begin(key)).ServiceNs, truth.Service.At(key); got != uint64(want) {
			t.Errorf("key %d asks for %d ns, want %d", key, got, want)
		}
	}
	if StallKey(MaxStalls-1) != TruthKeys {
		t.Errorf("the last stall has key %d, want %d: the first that is no draw", StallKey(MaxStalls-1), uint64(TruthKeys))
	}
}

func TestTruthDoesNotAllocate(t *testing.T) {
	e := (&Truth{Service: Service{Kind: truthproto.Exponential, MeanNs: 1000}}).NewExchange()
	reply := make([]byte, truthproto.ReplySize)
	key := uint32(0)
	if n := testing.AllocsPerRun(100, func() {
		key += 1 << 25
		truthproto.PutReply(reply, answer(e.Begin(key)))
		e.Feed(reply[:7])
		if e.Feed(reply[7:]).Verdict != OK {
			t.Fail()
		}
	}); n != 0 {
		t.Errorf("%v allocations per run, want 0", n)
	}
}

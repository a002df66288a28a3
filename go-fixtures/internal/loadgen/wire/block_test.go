package wire

import (
	"slices"
	"testing"

	"pollgate/go-fixtures/internal/blockproto"
)

const page = 12345

func pageBytes(number uint64) []byte {
	b := make([]byte, blockproto.PageSize)
	blockproto.FillPage(b, number)
	return b
}

func TestBlockReplyWholeAndCutAtEveryByte(t *testing.T) {
	e := (&Block{}).NewExchange()
	reply := pageBytes(page)
	for cut := range len(reply) {
		if got := blockproto.PageNumber(e.Begin(page)); got != page {
			t.Fatalf("request asks for page %d, want %d", got, page)
		}
		if first := e.Feed(reply[:cut]); first != (Result{Consumed: cut}) {
			t.Fatalf("first %d bytes: %+v", cut, first)
		}
		want := Result{Verdict: OK, Consumed: len(reply) - cut}
		// Bytes beyond the reply are left to the caller.
		if got := e.Feed(append(slices.Clone(reply[cut:]), 'x')); got != want {
			t.Fatalf("cut after %d bytes: %+v, want %+v", cut, got, want)
		}
	}
}

func TestBlockFindsAFlippedByteAnywhereAndAnotherPage(t *testing.T) {
	e := (&Block{}).NewExchange()
	feed := func(reply []byte, cut int) Verdict {
		e.Begin(page)
		if cut > 0 {
			e.Feed(reply[:cut])
		}
		result := e.Feed(reply[cut:])
		if result.Verdict != OK && !result.Close {
			t.Fatal("a wrong page must end the connection")
		}
		return result.Verdict
	}
	for _, cut := range []int{0, 1000} {
		reply := pageBytes(page)
		for i := range reply {
			reply[i] ^= 0x10
			if feed(reply, cut) != WrongBody {
				t.Fatalf("cut %d: flipped byte %d is not found", cut, i)
			}
			reply[i] ^= 0x10
		}
		if feed(pageBytes(page+1), cut) != WrongBody {
			t.Fatalf("cut %d: another page is not found", cut)
		}
		if feed(reply, cut) != OK {
			t.Fatalf("cut %d: a good reply after a bad one is refused", cut)
		}
	}
}

func TestBeginForgetsHalfAReply(t *testing.T) {
	e := (&Block{}).NewExchange()
	e.Begin(1)
	e.Feed(pageBytes(1)[:100])
	e.Begin(page)
	if got := e.Feed(pageBytes(page)); got.Verdict != OK {
		t.Errorf("got %+v, want OK", got)
	}
}

func TestBlockExchangesShareSpareBuffers(t *testing.T) {
	block := &Block{}
	exchanges := []Exchange{block.NewExchange(), block.NewExchange()}
	reply := pageBytes(page)
	if n := testing.AllocsPerRun(100, func() {
		for _, e := range exchanges {
			e.Begin(page)
			e.Feed(reply[:100])
			if e.Feed(reply[100:]).Verdict != OK {
				t.Fail()
			}
		}
	}); n != 0 {
		t.Errorf("%v allocations per run, want 0", n)
	}
	if len(block.spare) != 1 {
		t.Errorf("%d buffers, want 1: only one reply was in pieces at a time", len(block.spare))
	}
}

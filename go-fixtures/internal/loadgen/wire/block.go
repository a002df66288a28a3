package wire

import "pollgate/go-fixtures/internal/blockproto"

// Block makes exchanges of the block-4k protocol.
type Block struct {
	// spare holds page buffers for replies that arrive in pieces. They are
	// shared because a buffer per connection would cost 40 MiB at 10,000
	// connections, for something that hardly happens on loopback.
	spare [][]byte
}

// NewExchange returns the protocol of one more connection. All exchanges of one
// Block belong to one thread.
func (b *Block) NewExchange() Exchange { return &blockExchange{shared: b} }

type blockExchange struct {
	shared  *Block
	page    uint64
	partial []byte // what has arrived of a reply in pieces; nil otherwise
	request [blockproto.RequestSize]byte
}

func (e *blockExchange) Begin(key uint32) []byte {
	e.returnPartial()
	e.page = uint64(key)
	blockproto.PutRequest(e.request[:], e.page)
	return e.request[:]
}

func (e *blockExchange) Feed(p []byte) Result {
	if e.partial == nil && len(p) >= blockproto.PageSize {
		return e.verify(p[:blockproto.PageSize], blockproto.PageSize)
	}
	if e.partial == nil {
		e.takePartial()
	}
	n := min(len(p), blockproto.PageSize-len(e.partial))
	e.partial = append(e.partial, p[:n]...)
	if len(e.partial) < blockproto.PageSize {
		return Result{Consumed: n}
	}
	result := e.verify(e.partial, n)
	e.returnPartial()
	return result
}

func (e *blockExchange) verify(page []byte, consumed int) Result {
	if blockproto.Verify(page, e.page) != nil {
		// Nothing says that the next 4096 bytes would begin where a page begins.
		return Result{Verdict: WrongBody, Consumed: consumed, Close: true}
	}
	return Result{Verdict: OK, Consumed: consumed}
}

func (e *blockExchange) takePartial() {
	if n := len(e.shared.spare); n > 0 {
		e.partial = e.shared.spare[n-1]
		e.shared.spare = e.shared.spare[:n-1]
		return
	}
	e.partial = make([]byte, 0, blockproto.PageSize)
}

func (e *blockExchange) returnPartial() {
	if e.partial != nil {
		e.shared.spare = append(e.shared.spare, e.partial[:0])
		e.partial = nil
	}
}

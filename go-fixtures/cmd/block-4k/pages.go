package main

import (
	"sync"

	"pollgate/go-fixtures/internal/blockproto"
	"pollgate/go-fixtures/internal/pagefile"
)

// ownPages is called once per connection, and returns what gives a request its buffer: always the
// connection's own.
func ownPages() (take func() []byte) {
	page := pagefile.Page()
	return func() []byte { return page }
}

// sharedPages is --pool: buffers are taken for a request and released after its reply.
func sharedPages() (pages func() func() []byte, release func(page []byte)) {
	pool := &sync.Pool{New: func() any { return (*[blockproto.PageSize]byte)(pagefile.Page()) }}
	take := func() []byte { return pool.Get().(*[blockproto.PageSize]byte)[:] }
	// A pointer to an array goes into the pool without an allocation; a slice would not.
	return func() func() []byte { return take },
		func(page []byte) { pool.Put((*[blockproto.PageSize]byte)(page)) }
}

package uring

import (
	"fmt"
	"sync/atomic"
	"unsafe"
)

// Buffers is a group of provided buffers, a ring of their own (Linux 5.19): the kernel takes one
// when data has come, so that connections that wait for data hold none.
type Buffers struct {
	ring   []byte
	memory []byte
	size   int
	mask   uint16
	tail   uint16
}

// provided is struct io_uring_buf. The ring's tail lies in the unused part of its first entry.
type provided struct {
	addr uint64
	len  uint32
	id   uint16
	tail uint16
}

// NewBuffers registers count buffers of size bytes each as the group; count is a power of two up to
// 32,768.
func (r *Ring) NewBuffers(group uint16, count, size int) (*Buffers, error) {
	b := &Buffers{size: size, mask: uint16(count - 1)}
	var err error
	if b.ring, err = Map(count * int(unsafe.Sizeof(provided{}))); err != nil {
		return nil, err
	}
	if b.memory, err = Map(count * size); err != nil {
		return nil, err
	}
	registration := struct { // struct io_uring_buf_reg
		ringAddress  uint64
		entries      uint32
		group, flags uint16
		_            [3]uint64
	}{address(b.ring), uint32(count), group, 0, [3]uint64{}}
	if _, errno := r.register(registerPbufRing, unsafe.Pointer(&registration), 1); errno != 0 {
		return nil, fmt.Errorf("register %d provided buffers: %w", count, errno)
	}
	for id := range count {
		b.Return(uint16(id))
	}
	b.Publish()
	return b, nil
}

// Data returns the first n bytes of a buffer; they are valid until it is returned and published.
func (b *Buffers) Data(id uint16, n int) []byte {
	start := int(id) * b.size
	return b.memory[start : start+n : start+n]
}

// Return puts a buffer back. The kernel sees it after Publish.
func (b *Buffers) Return(id uint16) {
	entry := (*provided)(unsafe.Pointer(&b.ring[uintptr(b.tail&b.mask)*unsafe.Sizeof(provided{})]))
	// Field by field: the last one of the first entry is the tail.
	entry.addr = address(b.memory[int(id)*b.size:])
	entry.len = uint32(b.size)
	entry.id = id
	b.tail++
}

// Publish shows the kernel what was returned.
func (b *Buffers) Publish() {
	// The tail is 16 bits wide, and its neighbour, the id of the first entry, is the kernel's to
	// read and ours to write: one 32-bit store publishes the tail with the id as it stands.
	word := (*uint32)(unsafe.Pointer(&b.ring[unsafe.Offsetof(provided{}.id)]))
	var both [2]uint16
	both[0] = (*provided)(unsafe.Pointer(&b.ring[0])).id
	both[1] = b.tail
	atomic.StoreUint32(word, *(*uint32)(unsafe.Pointer(&both)))
}

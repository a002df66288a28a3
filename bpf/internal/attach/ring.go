package attach

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/ringbuf"
)

// Ring reads the single events of a probe (include/ring.bpf.h) while the window is open.
type Ring[Event any] struct {
	reader *ringbuf.Reader
	keep   func(Event)
	kept   []Event
	err    error
	done   chan struct{}
}

// drainEvery is how long an event may lie in the ring: 1 MiB must not fill up meanwhile.
const drainEvery = 100 * time.Millisecond

// OpenRing begins to drain a ring into memory. Events beyond most are read and left out, so that
// the memory of the observer stays bounded; the probe's own counters know of them.
func OpenRing[Event any](m *ebpf.Map, most int) (*Ring[Event], error) {
	r, err := openRing[Event](m)
	if err != nil {
		return nil, err
	}
	r.keep = func(event Event) {
		if len(r.kept) < most {
			r.kept = append(r.kept, event)
		}
	}
	go r.drain()
	return r, nil
}

// OpenRingFunc drains a ring into a function, which is called from one goroutine that ends with
// Events or Close.
func OpenRingFunc[Event any](m *ebpf.Map, keep func(Event)) (*Ring[Event], error) {
	r, err := openRing[Event](m)
	if err != nil {
		return nil, err
	}
	r.keep = keep
	go r.drain()
	return r, nil
}

func openRing[Event any](m *ebpf.Map) (*Ring[Event], error) {
	reader, err := ringbuf.NewReader(m)
	if err != nil {
		return nil, fmt.Errorf("open ring buffer: %w", err)
	}
	return &Ring[Event]{reader: reader, done: make(chan struct{})}, nil
}

func (r *Ring[Event]) drain() {
	defer close(r.done)
	var record ringbuf.Record
	for {
		// Events wake nobody, so reading goes by the clock.
		r.reader.SetDeadline(time.Now().Add(drainEvery))
		err := r.reader.ReadInto(&record)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			continue
		}
		if errors.Is(err, ringbuf.ErrFlushed) || errors.Is(err, ringbuf.ErrClosed) {
			return
		}
		if err != nil {
			r.err = fmt.Errorf("read ring buffer: %w", err)
			return
		}
		var event Event
		if err := binary.Read(bytes.NewReader(record.RawSample), binary.NativeEndian, &event); err != nil {
			r.err = fmt.Errorf("decode event: %w", err)
			return
		}
		r.keep(event)
	}
}

// Events has all that was kept, in the order in which it happened on each CPU. Call it after the
// window has closed: what still lies in the ring is read first.
func (r *Ring[Event]) Events() ([]Event, error) {
	select {
	case <-r.done: // called before, for another target
		return r.kept, r.err
	default:
	}
	if err := r.reader.Flush(); err != nil {
		return nil, fmt.Errorf("flush ring buffer: %w", err)
	}
	<-r.done
	return r.kept, r.err
}

// Close ends the reading.
func (r *Ring[Event]) Close() error {
	err := r.reader.Close()
	<-r.done
	return err
}

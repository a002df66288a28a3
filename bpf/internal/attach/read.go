package attach

import (
	"fmt"

	"github.com/cilium/ebpf"

	"pollgate/bpf/internal/hist"
)

// ReadHistogram merges all CPUs' copies of a `struct histogram` in a per-CPU array.
func ReadHistogram(m *ebpf.Map, index int) (*hist.Histogram, error) {
	var perCPU []hist.Raw
	if err := m.Lookup(uint32(index), &perCPU); err != nil {
		return nil, fmt.Errorf("read histogram %d of map %s: %w", index, m, err)
	}
	return hist.Merge(perCPU), nil
}

// SumPerCPU reads entry index of a per-CPU array and calls add with each CPU's value.
func SumPerCPU[T any](m *ebpf.Map, index int, add func(T)) error {
	var perCPU []T
	if err := m.Lookup(uint32(index), &perCPU); err != nil {
		return fmt.Errorf("read entry %d of map %s: %w", index, m, err)
	}
	for _, value := range perCPU {
		add(value)
	}
	return nil
}

// Clear removes all entries of a hash map that no program writes to meanwhile, and counts them.
func Clear(m *ebpf.Map) (cleared uint64, err error) {
	for {
		key, err := m.NextKeyBytes(nil)
		if err != nil || key == nil {
			return cleared, err
		}
		if err := m.Delete(key); err != nil {
			return cleared, fmt.Errorf("clear a map: %w", err)
		}
		cleared++
	}
}

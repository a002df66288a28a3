// Package hist is the Go side of the bucket scheme "log-linear-32" that the BPF programs record
// in: values below 32 are exact, above that every power of two is cut into 32 equal parts.
//
// include/histogram.bpf.h holds the same scheme for the kernel, and
// include/histogram-vectors.json holds rows that every implementation must reproduce.
package hist

import (
	"math"
	"math/bits"
)

// Scheme names the bucket scheme in files, so that a reader never mistakes one for another.
const Scheme = "log-linear-32"

const (
	subBits    = 5
	subBuckets = 1 << subBits

	// Slots is the length of the bucket array. The largest uint64 has index 1,919; the rest of
	// the array is padding up to a power of two.
	Slots = 2048
)

// Index is the bucket of v, in [0, 1919].
func Index(v uint64) int {
	if v < subBuckets {
		return int(v)
	}
	msb := bits.Len64(v) - 1
	return (msb-subBits+1)<<subBits + int(v>>(msb-subBits))&(subBuckets-1)
}

// LowerBound is the smallest value of bucket index, which must be in [0, 1919]. The bucket ends
// before the lower bound of the next one and is at most 1/32 of its lower bound wide.
func LowerBound(index int) uint64 {
	if index < subBuckets {
		return uint64(index)
	}
	shift := index>>subBits - 1
	return uint64(subBuckets+index&(subBuckets-1)) << shift
}

// Raw is one CPU's copy of a histogram as it lies in a BPF map (struct histogram).
type Raw struct {
	Sum      uint64
	Max      uint64
	Overflow uint64
	Buckets  [Slots]uint64
}

// Histogram is a distribution in the form that netprobe writes. Sum and Max are exact and have
// the unit of the metric; Count includes Overflow.
type Histogram struct {
	Count    uint64 `json:"count"`
	Sum      uint64 `json:"sum"`
	Max      uint64 `json:"max"`
	Overflow uint64 `json:"overflow"`
	// Buckets are [index, count] pairs in rising order of the index, without the empty ones.
	Buckets [][2]uint64 `json:"buckets"`
}

// Merge adds up the copies of all CPUs.
func Merge(perCPU []Raw) *Histogram {
	h := &Histogram{Buckets: [][2]uint64{}}
	for i := range perCPU {
		h.Sum += perCPU[i].Sum
		h.Max = max(h.Max, perCPU[i].Max)
		h.Overflow += perCPU[i].Overflow
	}
	h.Count = h.Overflow
	for slot := range Slots {
		var n uint64
		for i := range perCPU {
			n += perCPU[i].Buckets[slot]
		}
		if n > 0 {
			h.Count += n
			h.Buckets = append(h.Buckets, [2]uint64{uint64(slot), n})
		}
	}
	return h
}

// Quantile is the upper end of the bucket that holds the quantile q, in (0, 1], but never above the
// largest value seen; 0 without values.
func (h *Histogram) Quantile(q float64) uint64 {
	left := uint64(math.Ceil(q * float64(h.Count)))
	for _, bucket := range h.Buckets {
		if index, count := int(bucket[0]), bucket[1]; count < left {
			left -= count
		} else {
			return min(upperBound(index), h.Max)
		}
	}
	return h.Max
}

// upperBound is the largest value of a bucket.
func upperBound(index int) uint64 { return LowerBound(index+1) - 1 }

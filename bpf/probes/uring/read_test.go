package uring

import (
	"reflect"
	"testing"
)

// The map keeps more places than are told: what lies ten slices or more before the last is old.
func TestOnlyTheLastTenSlicesAreTold(t *testing.T) {
	at := func(places ...int64) (all []Slice) {
		for _, place := range places {
			all = append(all, Slice{FromNs: place*sliceNs - 7})
		}
		return all
	}
	for _, c := range []struct{ all, want []Slice }{
		{nil, nil},
		{at(-1), at(-1)},
		{at(0, 1, 2, 3, 4, 5, 6, 7, 8, 9), at(0, 1, 2, 3, 4, 5, 6, 7, 8, 9)},
		{at(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10), at(1, 2, 3, 4, 5, 6, 7, 8, 9, 10)},
		{at(0, 5, 14, 15), at(14, 15)},
		{at(5, 14), at(5, 14)},
	} {
		if got := latest(c.all); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%v: %v, want %v", c.all, got, c.want)
		}
	}
}

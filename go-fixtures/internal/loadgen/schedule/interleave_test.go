package schedule

import (
	"slices"
	"testing"
	"time"
)

func TestLegsAreTwoOfEachArmForwardsAndBackwards(t *testing.T) {
	for _, test := range []struct {
		arms int
		want []int
	}{
		{1, []int{0, 0}},
		{2, []int{0, 1, 1, 0}},
		{3, []int{0, 1, 2, 2, 1, 0}},
	} {
		c := Config{Seed: 3, RatePerSec: 5000, Arms: test.arms, Interleave: Run, Duration: 1_000_000_007}
		entries := Plan(c)
		legs := Legs(c, entries)
		var arms []int
		at, first := int64(0), 0
		for _, leg := range legs {
			arms = append(arms, leg.Arm)
			if leg.FromNs != at || leg.First != first {
				t.Errorf("%d arms: %+v does not begin where the leg before ended, at %d ns with entry %d", test.arms, leg, at, first)
			}
			at, first = leg.ToNs, leg.End
			if leg.First >= leg.End {
				t.Errorf("%d arms: %+v has no requests", test.arms, leg)
			}
			for _, e := range entries[leg.First:leg.End] {
				if int(e.Arm) != leg.Arm || e.AtNs < leg.FromNs || e.AtNs >= leg.ToNs {
					t.Fatalf("%d arms: %+v holds %+v", test.arms, leg, e)
				}
			}
			if stretch := int64(c.Duration) / int64(2*test.arms); leg.ToNs-leg.FromNs-stretch > int64(2*test.arms) {
				t.Errorf("%d arms: %+v is not one of equal stretches", test.arms, leg)
			}
		}
		if !slices.Equal(arms, test.want) {
			t.Errorf("legs are of arms %v, want %v", arms, test.want)
		}
		if at != int64(c.Duration) || first != len(entries) {
			t.Errorf("%d arms: the legs end at %d ns with entry %d, want %d and %d", test.arms, at, first, c.Duration, len(entries))
		}
	}
}

func TestOtherInterleavesAreOneLegOfAllArms(t *testing.T) {
	for _, interleave := range []Interleave{Slice, Request} {
		c := Config{Seed: 3, RatePerSec: 5000, Arms: 2, Interleave: interleave, SliceNs: 1e6, Duration: time.Second}
		entries := Plan(c)
		want := []Leg{{Arm: -1, ToNs: 1e9, End: len(entries)}}
		if got := Legs(c, entries); !slices.Equal(got, want) {
			t.Errorf("%s: got %+v, want %+v", interleave, got, want)
		}
	}
}

func TestLegsOfAPhaseWithoutRequests(t *testing.T) {
	legs := Legs(Config{Arms: 2, Interleave: Run, Duration: time.Second}, nil)
	if len(legs) != 4 || legs[3] != (Leg{Arm: 0, FromNs: 750e6, ToNs: 1e9}) {
		t.Errorf("got %+v", legs)
	}
}

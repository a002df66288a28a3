package truthproto

import (
	"math"
	"testing"
)

func TestServiceQuantiles(t *testing.T) {
	const half = 1 << 31 // the key whose u is just above 1/2
	bimodal := Service{Kind: Bimodal, Ns: 100_000, TailNs: 10_000_000, TailShare: 0.25}
	for _, test := range []struct {
		name    string
		service Service
		key     uint32
		want    int64
	}{
		{"zero", Service{}, half, 0},
		{"fixed", Service{Kind: Fixed, Ns: 50_000}, 12345, 50_000},
		// ln 2, and ln 2^33 at the upper end: mean × 0.6931…, × 22.8738…
		{"exponential median", Service{Kind: Exponential, MeanNs: 1_000_000_000}, half, 693_147_181},
		{"exponential longest", Service{Kind: Exponential, MeanNs: 1_000_000_000}, math.MaxUint32, 22_873_856_958},
		{"exponential shortest", Service{Kind: Exponential, MeanNs: 1_000_000_000}, 0, 0},
		{"exponential, cut off", Service{Kind: Exponential, MeanNs: MaxServiceNs}, math.MaxUint32, MaxServiceNs},
		{"bimodal, longest of the short", bimodal, 3<<30 - 1, 100_000},
		{"bimodal, first of the long", bimodal, 3 << 30, 10_000_000},
		{"bimodal, no tail", Service{Kind: Bimodal, Ns: 1, TailNs: 2}, math.MaxUint32, 1},
		{"bimodal, all tail", Service{Kind: Bimodal, Ns: 1, TailNs: 2, TailShare: 1}, 0, 2},
	} {
		if got := test.service.At(test.key); got != test.want {
			t.Errorf("%s: key %d gives %d ns, want %d", test.name, test.key, got, test.want)
		}
	}
}

// An even grid of keys must have the mean of the distribution, up to the width of its steps.
func TestServiceMeanIsThatOfItsQuantiles(t *testing.T) {
	for _, s := range []Service{
		{Kind: Fixed, Ns: 50_000},
		{Kind: Exponential, MeanNs: 200_000},
		{Kind: Bimodal, Ns: 100_000, TailNs: 10_000_000, TailShare: 0.01},
	} {
		const steps = 1 << 16
		sum := 0.0
		last := int64(0)
		for i := range uint64(steps) {
			ns := s.At(uint32(i<<16 + 1<<15))
			if ns < last {
				t.Fatalf("%+v: a larger key gives %d ns after %d", s, ns, last)
			}
			last = ns
			sum += float64(ns)
		}
		if got, want := sum/steps, s.Mean(); math.Abs(got-want) > want/1000 {
			t.Errorf("%+v: mean of the quantiles is %f, Mean says %f", s, got, want)
		}
	}
}

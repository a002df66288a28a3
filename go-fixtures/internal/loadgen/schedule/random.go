package schedule

import "math/bits"

// splitMix64 is Sebastiano Vigna's SplitMix64 (public domain,
// https://prng.di.unimi.it/splitmix64.c): it turns one seed into well-mixed,
// unrelated words.
type splitMix64 uint64

func (s *splitMix64) next() uint64 {
	*s += 0x9e3779b97f4a7c15
	z := uint64(*s)
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// generator is xoshiro256++ 1.0 of David Blackman and Sebastiano Vigna (public
// domain, https://prng.di.unimi.it/xoshiro256plusplus.c). It lives here and not
// in math/rand/v2 because a stored schedule hash must mean the same schedule
// under every future Go version.
type generator struct{ s [4]uint64 }

// stream names an independent sequence of random numbers of one phase, so that
// a change of one (another number of arms, say) leaves the others as they were.
type stream uint64

const (
	arrivalStream stream = iota + 1
	armStream
	keyStream
)

func newGenerator(seed uint64, phase int, s stream) *generator {
	mix := splitMix64(seed)
	mix = splitMix64(mix.next() + uint64(phase))
	mix = splitMix64(mix.next() + uint64(s))
	return &generator{[4]uint64{mix.next(), mix.next(), mix.next(), mix.next()}}
}

func (g *generator) next() uint64 {
	s := &g.s
	result := bits.RotateLeft64(s[0]+s[3], 23) + s[0]
	t := s[1] << 17
	s[2] ^= s[0]
	s[3] ^= s[1]
	s[1] ^= s[2]
	s[0] ^= s[3]
	s[2] ^= t
	s[3] = bits.RotateLeft64(s[3], 45)
	return result
}

// below returns a uniform number in 0..n-1 by multiplication (Lemire); the bias
// is below n/2^64 and therefore not corrected.
func (g *generator) below(n uint64) uint64 {
	high, _ := bits.Mul64(g.next(), n)
	return high
}

// exponential returns a variate with mean 1 as whole + fraction/2^64, by von
// Neumann's comparison method ("Various techniques used in connection with
// random digits", 1951): a falling run of uniforms that starts at x has odd
// length with probability exp(-x). It needs no logarithm, whose last bit
// differs between processor architectures and would change the schedule hash.
func (g *generator) exponential() (whole, fraction uint64) {
	for ; ; whole++ {
		first := g.next()
		length := 1
		for last := first; ; length++ {
			u := g.next()
			if u >= last {
				break
			}
			last = u
		}
		if length%2 == 1 {
			return whole, first
		}
	}
}

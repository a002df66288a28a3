package schedule

// Interleave says how the arms share one schedule.
type Interleave string

const (
	// Slice gives the whole rate to one arm for a slice of time, then to the
	// next: two arms forwards and backwards (A B B A A B B A …), so that a linear
	// drift of the machine hits both alike; more of them round and round.
	Slice Interleave = "slice"
	// Request sends each request to an arm drawn at random.
	Request Interleave = "request"
	// Run gives the whole rate to one arm for two stretches of a phase, forwards
	// and backwards once (A B B A), for arms whose connections cannot all be
	// there at the same time. Legs tells the stretches.
	Run Interleave = "run"
)

// Leg is a stretch of a phase that belongs to one arm.
type Leg struct {
	Arm          int   // -1 = all arms
	FromNs, ToNs int64 // since the start of the phase, ToNs exclusive
	First, End   int   // its requests are entries[First:End]
}

// Legs divides a phase into the stretches of Run: two of each arm, in the order
// A B B A. The two in the middle stay apart although they are of one arm, so
// that all arms begin equally often. Otherwise the phase is one leg of all arms.
func Legs(c Config, entries []Entry) []Leg {
	if c.Interleave != Run {
		return []Leg{{Arm: -1, ToNs: int64(c.Duration), End: len(entries)}}
	}
	stretch := runStretchNs(c)
	legs := make([]Leg, 2*c.Arms)
	first := 0
	for i := range legs {
		leg := Leg{Arm: int(abba(int64(i), c.Arms)), FromNs: int64(i) * stretch, ToNs: int64(i+1) * stretch, First: first}
		if i == len(legs)-1 {
			leg.ToNs = int64(c.Duration)
		}
		for first < len(entries) && entries[first].AtNs < leg.ToNs {
			first++
		}
		leg.End = first
		legs[i] = leg
	}
	return legs
}

// runStretchNs is the length of all legs but the last, which has the up to
// 2·Arms−1 ns more that the division leaves.
func runStretchNs(c Config) int64 { return max(1, int64(c.Duration)/int64(2*c.Arms)) }

// abba walks the arms forwards and backwards in turn: 0 1 … n-1 n-1 … 1 0.
func abba(position int64, arms int) uint16 {
	position %= int64(2 * arms)
	if position < int64(arms) {
		return uint16(position)
	}
	return uint16(int64(2*arms) - 1 - position)
}

// slicedTurn is whose turn a slice is. Of three and more arms that went forwards
// and backwards, the first and the last would have two slices at a time and the
// others one: their caches would be cold more often. On a quiet machine with
// slices of 20 ms, the p50 of whichever of three equal servers stood in the
// middle was 14 % higher, in each of 25 rounds.
func slicedTurn(position int64, arms int) uint16 {
	if arms <= 2 {
		return abba(position, arms)
	}
	return uint16(position % int64(arms))
}

// armDraw finds the arm of each request of a phase.
type armDraw struct {
	draws *generator // nil where the time decides
	arms  int
	turn  func(position int64, arms int) uint16
	// sliceNs is how long an arm has the rate, last the number of the last slice.
	sliceNs, last int64
}

func newArmDraw(c Config) *armDraw {
	d := &armDraw{arms: c.Arms}
	switch c.Interleave {
	case Slice:
		d.turn, d.sliceNs, d.last = slicedTurn, c.SliceNs, int64(c.Duration)
	case Run:
		d.turn, d.sliceNs, d.last = abba, runStretchNs(c), int64(2*c.Arms-1)
	default:
		d.draws = newGenerator(c.Seed, c.Phase, armStream)
	}
	return d
}

// at must be called once per request, in order of time.
func (d *armDraw) at(atNs int64) uint16 {
	if d.draws != nil {
		return uint16(d.draws.below(uint64(d.arms)))
	}
	return d.turn(min(atNs/d.sliceNs, d.last), d.arms)
}

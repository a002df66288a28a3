package fdleak

import (
	"fmt"
	"math"
	"reflect"
	"testing"
)

// A window from 1,000 to 1,400 ns: quarters of 100.
const begin, end = 1000, 1400

// bookOf has for each place the times of its openings that are still open, and how many it closed.
func bookOf(open map[uint64][]uint64, closed map[uint64]uint64) *book {
	b := &book{begin: begin, end: end, counts: map[fdleakOrigin]fdleakOriginCounts{},
		stackOf: func(o fdleakOrigin) ([]Frame, error) { return at(o.Ip), nil }}
	number := uint32(100)
	for place, times := range open {
		origin := fdleakOrigin{What: 2, Ip: place}
		b.counts[origin] = fdleakOriginCounts{
			Opened: uint64(len(times)) + closed[place], Closed: closed[place]}
		for _, at := range times {
			b.open = append(b.open, numbered{fdleakDescriptor{OpenedNs: at, Origin: origin}, number})
			number++
		}
	}
	return b
}

// at is the stack of a place.
func at(place uint64) []Frame { return []Frame{{Function: fmt.Sprint("place", place)}} }

func TestPoolsAndLeaksDifferInTheirQuarters(t *testing.T) {
	const pool, leak, user = 1, 2, 3
	var d Details
	b := bookOf(map[uint64][]uint64{
		pool: {1000, 1001, 1002, 1099},
		leak: {1000, 1099, 1100, 1199, 1200, 1299, 1300, 1399},
		user: {1399}, // in use just now
	}, map[uint64]uint64{user: 1000})
	if err := b.fill(&d); err != nil {
		t.Fatal(err)
	}
	want := []Origin{
		{Stack: at(leak), Kind: "file", Opened: 8, OpenAtEnd: 8,
			OpenByQuarter: [4]uint64{2, 2, 2, 2}, OldestAgeNs: 400, YoungestAgeNs: 1},
		{Stack: at(pool), Kind: "file", Opened: 4, OpenAtEnd: 4,
			OpenByQuarter: [4]uint64{4, 0, 0, 0}, OldestAgeNs: 400, YoungestAgeNs: 301},
		{Stack: at(user), Kind: "file", Opened: 1001, Closed: 1000, OpenAtEnd: 1,
			OpenByQuarter: [4]uint64{0, 0, 0, 1}, OldestAgeNs: 1, YoungestAgeNs: 1},
	}
	if !reflect.DeepEqual(d.Origins, want) {
		t.Errorf("origins %+v\n   want %+v", d.Origins, want)
	}
	if first := d.Open[0]; first.AgeNs != 400 || len(d.Open) != 13 {
		t.Errorf("%d open, the first %+v; want 13, the oldest first", len(d.Open), first)
	}
}

func TestAgesFallIntoPowersOfTwo(t *testing.T) {
	var d Details
	// Ages 0 (also for an opening seen while the window was being closed), 1, 2, 3, 4.
	b := bookOf(map[uint64][]uint64{1: {end + 5, end, end - 1, end - 2, end - 3, end - 4}}, nil)
	if err := b.fill(&d); err != nil {
		t.Fatal(err)
	}
	want := map[string][]AgeRow{"file": {{0, 2}, {1, 1}, {2, 2}, {4, 1}}}
	if !reflect.DeepEqual(d.AgesAtEnd, want) {
		t.Errorf("ages %v, want %v", d.AgesAtEnd, want)
	}
	if floorPowerOfTwo(math.MaxUint64) != 1<<63 {
		t.Error("the largest age does not fall into the last row")
	}
	if last := d.Origins[0].OpenByQuarter[3]; last != 6 {
		t.Errorf("%d in the last quarter, want 6", last)
	}
}

func TestListsAreBoundedAndSayWhatTheyLeaveOut(t *testing.T) {
	open := map[uint64][]uint64{}
	for place := range uint64(mostOrigins + 7) {
		open[place] = []uint64{1000, 1001, 1002, 1003, 1004}
	}
	b := bookOf(open, nil)
	for place := range uint64(mostStacks + 3) {
		b.counts[fdleakOrigin{What: doubleClose, Ip: place}] = fdleakOriginCounts{Opened: place + 1}
	}
	var d Details
	if err := b.fill(&d); err != nil {
		t.Fatal(err)
	}
	if len(d.Origins) != mostOrigins || d.OriginsLeftOut != 7 {
		t.Errorf("%d origins and %d left out", len(d.Origins), d.OriginsLeftOut)
	}
	if all := 5 * (mostOrigins + 7); len(d.Open) != mostOpen || d.OpenLeftOut != uint64(all-mostOpen) {
		t.Errorf("%d open and %d left out, of %d", len(d.Open), d.OpenLeftOut, all)
	}
	if s := d.DoubleClose.Stacks; len(s) != mostStacks || s[0].Count != mostStacks+3 ||
		d.DoubleClose.StacksLeftOut != 3 {
		t.Errorf("%d stacks, the first %+v, %d left out", len(s), s[0], d.DoubleClose.StacksLeftOut)
	}
	var withoutOrigin int
	for _, o := range d.Open {
		if o.Origin == -1 {
			withoutOrigin++
		} else if o.Origin < 0 || o.Origin >= len(d.Origins) {
			t.Fatalf("origin %d does not exist", o.Origin)
		}
	}
	if withoutOrigin == 0 {
		t.Error("no descriptor lost its place although 7 places were left out")
	}
}

// An origin for which there was no room is counted as lost; its descriptors are listed all the same.
func TestDescriptorOfAnUnknownPlaceIsListed(t *testing.T) {
	b := bookOf(map[uint64][]uint64{1: {1000}}, nil)
	clear(b.counts)
	var d Details
	if err := b.fill(&d); err != nil {
		t.Fatal(err)
	}
	if len(d.Origins) != 0 || len(d.Open) != 1 || d.Open[0].Origin != -1 {
		t.Errorf("%+v, want one descriptor without origin", d)
	}
}

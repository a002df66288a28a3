package fdleak

import (
	"cmp"
	"maps"
	"math/bits"
	"slices"
)

// How much of each list is written. Counts say what is left out.
const (
	mostOrigins = 256
	mostOpen    = 1024
	mostStacks  = 64
)

// book is what was read out of the maps for one target, to be put in order.
type book struct {
	begin, end int64 // the window, in the clock of openings
	counts     map[fdleakOrigin]fdleakOriginCounts
	open       []numbered
	stackOf    func(fdleakOrigin) ([]Frame, error)
}

func (b *book) fill(d *Details) error {
	index, err := b.fillOrigins(d)
	if err != nil {
		return err
	}
	b.fillOpen(d, index)
	for misuse, into := range map[uint32]*Misuse{
		doubleClose:        &d.DoubleClose,
		closeOfUnknown:     &d.CloseOfUnknown,
		epollOutlivesClose: &d.EpollOutlivingClose,
	} {
		if err := b.fillMisuse(misuse, into); err != nil {
			return err
		}
	}
	return nil
}

// age is how long before the end a descriptor was opened, in ns.
func (b *book) age(o numbered) uint64 { return uint64(max(b.end-int64(o.OpenedNs), 0)) }

// quarter of the window in which a descriptor was opened, 0 to 3.
func (b *book) quarter(o numbered) int {
	length := max(b.end-b.begin, 1)
	return int(min(max((int64(o.OpenedNs)-b.begin)*4/length, 0), 3))
}

// fillOrigins returns the place of each origin in the list.
func (b *book) fillOrigins(d *Details) (map[fdleakOrigin]int, error) {
	all := map[fdleakOrigin]*Origin{}
	for key, counts := range b.counts {
		if key.What < doubleClose {
			all[key] = &Origin{Kind: kinds[key.What], Opened: counts.Opened, Closed: counts.Closed}
		}
	}
	for _, open := range b.open {
		o := all[open.Origin]
		if o == nil {
			continue // there was no room for it: counted as lost
		}
		age := b.age(open)
		if o.OpenAtEnd == 0 || age < o.YoungestAgeNs {
			o.YoungestAgeNs = age
		}
		o.OpenAtEnd++
		o.OldestAgeNs = max(o.OldestAgeNs, age)
		o.OpenByQuarter[b.quarter(open)]++
	}
	keys := slices.SortedFunc(maps.Keys(all), func(x, y fdleakOrigin) int {
		return cmp.Or(cmp.Compare(all[y].OpenAtEnd, all[x].OpenAtEnd),
			cmp.Compare(all[y].Opened, all[x].Opened), byPlace(x, y))
	})
	kept := keys[:min(len(keys), mostOrigins)]
	d.OriginsLeftOut = uint64(len(keys) - len(kept))
	d.Origins = make([]Origin, len(kept))
	index := map[fdleakOrigin]int{}
	for i, key := range kept {
		stack, err := b.stackOf(key)
		if err != nil {
			return nil, err
		}
		all[key].Stack = stack
		d.Origins[i] = *all[key]
		index[key] = i
	}
	return index, nil
}

func (b *book) fillOpen(d *Details, index map[fdleakOrigin]int) {
	slices.SortFunc(b.open, func(x, y numbered) int {
		return cmp.Or(cmp.Compare(x.OpenedNs, y.OpenedNs), cmp.Compare(x.number, y.number))
	})
	d.Open = []Open{}
	ages := map[string]map[uint64]uint64{}
	for _, o := range b.open {
		kind, age := kinds[o.Origin.What], b.age(o)
		if ages[kind] == nil {
			ages[kind] = map[uint64]uint64{}
		}
		ages[kind][floorPowerOfTwo(age)]++
		if len(d.Open) == mostOpen {
			d.OpenLeftOut++
			continue
		}
		origin, listed := index[o.Origin]
		if !listed {
			origin = -1
		}
		d.Open = append(d.Open, Open{Kind: kind, Number: o.number, AgeNs: age, Origin: origin})
	}
	d.AgesAtEnd = map[string][]AgeRow{}
	for kind, counts := range ages {
		for _, from := range slices.Sorted(maps.Keys(counts)) {
			d.AgesAtEnd[kind] = append(d.AgesAtEnd[kind], AgeRow{from, counts[from]})
		}
	}
}

func (b *book) fillMisuse(misuse uint32, into *Misuse) error {
	var keys []fdleakOrigin
	for key := range b.counts {
		if key.What == misuse {
			keys = append(keys, key)
		}
	}
	slices.SortFunc(keys, func(x, y fdleakOrigin) int {
		return cmp.Or(cmp.Compare(b.counts[y].Opened, b.counts[x].Opened), byPlace(x, y))
	})
	into.Stacks = []MisuseStack{}
	for _, key := range keys[:min(len(keys), mostStacks)] {
		stack, err := b.stackOf(key)
		if err != nil {
			return err
		}
		into.Stacks = append(into.Stacks, MisuseStack{stack, b.counts[key].Opened})
	}
	into.StacksLeftOut = uint64(len(keys) - len(into.Stacks))
	return nil
}

// byPlace puts what counts the same into an order that does not change from run to run.
func byPlace(x, y fdleakOrigin) int {
	return cmp.Or(cmp.Compare(x.What, y.What), cmp.Compare(x.Stack, y.Stack),
		cmp.Compare(x.Caller, y.Caller), cmp.Compare(x.Ip, y.Ip))
}

// floorPowerOfTwo is 0 for 0.
func floorPowerOfTwo(v uint64) uint64 {
	if v == 0 {
		return 0
	}
	return 1 << (bits.Len64(v) - 1)
}

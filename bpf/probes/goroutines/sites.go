package goroutines

import (
	"cmp"
	"slices"

	"pollgate/bpf/internal/goruntime"
	"pollgate/bpf/internal/gosym"
)

const (
	mostSites  = 256
	mostStacks = 8
	mostWaits  = 8
	mostPlaces = 256
)

// gathering is a site while it is put together.
type gathering struct {
	Site
	live  []lived
	waits goruntime.Places
}

// lived is a goroutine born in the window and alive at its end.
type lived struct {
	age uint64
	// ended tells that it was gone when it was looked at behind the window.
	ended bool
}

// details sums up what was recorded, by site.
func (b *book) details() *Details {
	d := &Details{LeakAgeNs: b.leakAge, Sites: []Site{}, Places: []Place{}}
	places := map[place]*gathering{}
	site := func(goPC, startPC uint64) *gathering {
		p := place{goPC, startPC}
		if places[p] == nil {
			places[p] = b.newSite(p)
		}
		return places[p]
	}
	b.addCreations(site)
	b.addLive(site)
	for _, end := range b.older {
		g := site(end.GoPc, end.StartPc)
		g.DeathsOlder++
		g.DeathsOlderByQuarter[b.window.quarter(end.EndedNs)]++
	}
	if b.stateErr != nil {
		d.AtEndUnavailable = b.stateErr.Error()
	} else {
		d.AtEnd = b.atEnd(site)
	}
	for _, g := range places {
		d.add(g, b.names, b.leakAge)
	}
	d.sort()
	if b.looks != nil {
		d.Looks = b.looks.Taken
		d.Places, d.PlacesLeftOut = atMost(b.looks.Places.Sorted(b.names.stack), mostPlaces)
	}
	return d
}

func (b *book) newSite(p place) *gathering {
	return &gathering{
		Site: Site{GoStatement: b.names.call(p.goPC), Start: b.names.function(p.startPC),
			Stacks: []CreationStack{}, Waits: []Place{}},
		waits: goruntime.Places{},
	}
}

func (s *Site) isSystem() bool { return goruntime.IsSystem(s.Start.Function) }

func (b *book) addCreations(site func(goPC, startPC uint64) *gathering) {
	for creation, balance := range b.creations {
		g := site(creation.GoPc, creation.StartPc)
		g.Births += balance.Births
		g.Deaths += balance.Deaths
		g.Stacks = append(g.Stacks, CreationStack{Frames: b.names.stack(b.stacks[creation]),
			Births: balance.Births, LiveAtEnd: balance.Births - balance.Deaths})
	}
}

func (b *book) addLive(site func(goPC, startPC uint64) *gathering) {
	for address, goroutine := range b.live {
		g := site(goroutine.Creation.GoPc, goroutine.Creation.StartPc)
		age := b.window.age(goroutine.BornNs)
		g.LiveAtEnd++
		g.LiveByQuarter[b.window.quarter(goroutine.BornNs)]++
		g.OldestAgeNs = max(g.OldestAgeNs, age)
		found, there := b.now[address]
		g.live = append(g.live, lived{age: age,
			ended: b.stateErr == nil && (!there || found.ID != goroutine.Goid)})
	}
}

// atEnd counts the goroutines behind the window and notes at each site what its own were doing.
func (b *book) atEnd(site func(goPC, startPC uint64) *gathering) *AtEnd {
	end := &AtEnd{ByState: map[string]uint64{}, ByWaitReason: map[string]uint64{}}
	for address, one := range b.now {
		g := site(one.GoPC, one.StartPC)
		if g.isSystem() {
			end.System++
		} else {
			end.Live++
			end.ByState[one.State]++
			if one.State == goruntime.Waiting {
				end.ByWaitReason[one.Reason]++
			}
		}
		if known, ok := b.live[address]; !ok || known.Goid != one.ID {
			g.LiveOlder++
		}
		g.waits.Add(one)
	}
	return end
}

// add takes in a site that is complete.
func (d *Details) add(g *gathering, names namer, leakAge uint64) {
	if g.isSystem() {
		d.System.Births += g.Births
		d.System.Deaths += g.Deaths + g.DeathsOlder
		return
	}
	d.Births += g.Births
	d.Deaths += g.Deaths + g.DeathsOlder
	d.DeathsOlder += g.DeathsOlder
	g.LeakCandidates = g.leakCandidates(leakAge)
	d.LeakCandidates += g.LeakCandidates

	slices.SortFunc(g.Stacks, func(x, y CreationStack) int {
		return cmp.Or(cmp.Compare(y.LiveAtEnd, x.LiveAtEnd), cmp.Compare(y.Births, x.Births),
			gosym.CompareFrames(x.Frames, y.Frames))
	})
	g.Stacks, g.StacksLeftOut = atMost(g.Stacks, mostStacks)
	g.Waits = g.waits.Sorted(names.stack)
	g.Waits, g.WaitsLeftOut = atMost(g.Waits, mostWaits)
	d.Sites = append(d.Sites, g.Site)
}

func (d *Details) sort() {
	slices.SortFunc(d.Sites, func(x, y Site) int {
		return cmp.Or(cmp.Compare(y.LeakCandidates, x.LeakCandidates),
			cmp.Compare(y.LiveAtEnd, x.LiveAtEnd), cmp.Compare(y.Births, x.Births),
			gosym.CompareFrames([]Frame{x.GoStatement, x.Start}, []Frame{y.GoStatement, y.Start}))
	})
	d.Sites, d.SitesLeftOut = atMost(d.Sites, mostSites)
}

func atMost[T any](all []T, most int) ([]T, uint64) {
	if len(all) <= most {
		return all, 0
	}
	return all[:most], uint64(len(all) - most)
}

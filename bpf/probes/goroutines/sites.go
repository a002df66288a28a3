package goroutines

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

const (
	mostSites  = 256
	mostStacks = 8
	mostWaits  = 8
)

// gathering is a site while it is put together.
type gathering struct {
	Site
	live  []lived
	waits map[string]*Wait
}

// lived is a goroutine born in the window and alive at its end.
type lived struct {
	age uint64
	// ended tells that it was gone when it was looked at behind the window.
	ended bool
}

// details sums up what was recorded, by site.
func (b *book) details() *Details {
	d := &Details{LeakAgeNs: b.leakAge, Sites: []Site{}}
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
		d.add(g, b.leakAge)
	}
	d.sort()
	return d
}

func (b *book) newSite(p place) *gathering {
	return &gathering{
		Site: Site{GoStatement: b.names.call(p.goPC), Start: b.names.function(p.startPC),
			Stacks: []CreationStack{}, Waits: []Wait{}},
		waits: map[string]*Wait{},
	}
}

// isSystem follows runtime.isSystemGoroutine: goroutines of the runtime's own functions. Those
// that run finalizers and cleanups count as system here also while they call user code.
func (s *Site) isSystem() bool {
	switch s.Start.Function {
	case "runtime.main", "runtime.corostart", "runtime.handleAsyncEvent":
		return false
	}
	return strings.HasPrefix(s.Start.Function, "runtime.")
}

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
			ended: b.stateErr == nil && (!there || found.goid != goroutine.Goid)})
	}
}

// atEnd counts the goroutines behind the window and notes at each site what its own were doing.
func (b *book) atEnd(site func(goPC, startPC uint64) *gathering) *AtEnd {
	end := &AtEnd{ByState: map[string]uint64{}, ByWaitReason: map[string]uint64{}}
	for address, one := range b.now {
		g := site(one.goPC, one.startPC)
		if g.isSystem() {
			end.System++
		} else {
			end.Live++
			end.ByState[one.state]++
			if one.state == "waiting" {
				end.ByWaitReason[one.reason]++
			}
		}
		if known, ok := b.live[address]; !ok || known.Goid != one.goid {
			g.LiveOlder++
		}
		g.addWait(b.names, one)
	}
	return end
}

func (g *gathering) addWait(names namer, one snapshot) {
	key := fmt.Sprint(one.state, one.reason, one.stack)
	if g.waits[key] == nil {
		g.waits[key] = &Wait{State: one.state, Reason: one.reason, Frames: names.stack(one.stack)}
	}
	g.waits[key].Count++
}

// add takes in a site that is complete.
func (d *Details) add(g *gathering, leakAge uint64) {
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
			compareFrames(x.Frames, y.Frames))
	})
	g.Stacks, g.StacksLeftOut = atMost(g.Stacks, mostStacks)
	for _, wait := range g.waits {
		g.Waits = append(g.Waits, *wait)
	}
	slices.SortFunc(g.Waits, func(x, y Wait) int {
		return cmp.Or(cmp.Compare(y.Count, x.Count), compareFrames(x.Frames, y.Frames))
	})
	g.Waits, g.WaitsLeftOut = atMost(g.Waits, mostWaits)
	d.Sites = append(d.Sites, g.Site)
}

func (d *Details) sort() {
	slices.SortFunc(d.Sites, func(x, y Site) int {
		return cmp.Or(cmp.Compare(y.LeakCandidates, x.LeakCandidates),
			cmp.Compare(y.LiveAtEnd, x.LiveAtEnd), cmp.Compare(y.Births, x.Births),
			compareFrames([]Frame{x.GoStatement, x.Start}, []Frame{y.GoStatement, y.Start}))
	})
	d.Sites, d.SitesLeftOut = atMost(d.Sites, mostSites)
}

func compareFrames(x, y []Frame) int {
	return slices.CompareFunc(x, y, func(a, b Frame) int {
		return cmp.Or(cmp.Compare(a.Function, b.Function), cmp.Compare(a.File, b.File),
			cmp.Compare(a.Line, b.Line))
	})
}

func atMost[T any](all []T, most int) ([]T, uint64) {
	if len(all) <= most {
		return all, 0
	}
	return all[:most], uint64(len(all) - most)
}

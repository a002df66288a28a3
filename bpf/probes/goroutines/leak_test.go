package goroutines

import "testing"

func TestOnlySitesThatGrowInEveryQuarterLeak(t *testing.T) {
	w := window{begin: 1000, end: 1400}
	const leakAge = 100
	for name, c := range map[string]struct {
		bornAt, olderEndedAt []uint64
		want                 uint64
	}{
		"leak":                         {[]uint64{1000, 1150, 1299, 1300, 1301, 1399}, nil, 4},
		"pool filled at the beginning": {[]uint64{1000, 1001, 1002}, nil, 0},
		"requests under way":           {[]uint64{1390, 1391, 1392}, nil, 0},
		"grows, but not any more":      {[]uint64{1000, 1100, 1200}, nil, 0},
		"older ones are replaced":      {[]uint64{1000, 1150, 1250, 1350}, []uint64{1020, 1160, 1260, 1390}, 0},
		"older ones are replaced, and more of them in the beginning": {
			[]uint64{1000, 1110, 1120, 1230, 1340}, []uint64{1001, 1002}, 0},
		"grows although older ones end": {
			[]uint64{1000, 1001, 1110, 1220, 1330}, []uint64{1001}, 4},
		"nothing lives": {nil, []uint64{1001}, 0},
	} {
		g := &gathering{}
		for _, at := range c.bornAt {
			g.LiveByQuarter[w.quarter(at)]++
			g.live = append(g.live, lived{age: w.age(at)})
		}
		for _, at := range c.olderEndedAt {
			g.DeathsOlderByQuarter[w.quarter(at)]++
		}
		if got := g.leakCandidates(leakAge); got != c.want {
			t.Errorf("%s: %d candidates, want %d", name, got, c.want)
		}
	}
}

func TestOneThatEndedMeanwhileIsNoCandidate(t *testing.T) {
	g := &gathering{live: []lived{{age: 400}, {age: 300, ended: true}, {age: 200}, {age: 100}}}
	g.LiveByQuarter = [4]uint64{1, 1, 1, 1}
	if got := g.leakCandidates(0); got != 3 {
		t.Errorf("%d candidates, want 3", got)
	}
}

func TestQuarters(t *testing.T) {
	w := window{begin: 1000, end: 1400}
	for at, want := range map[uint64]int{900: 0, 1000: 0, 1099: 0, 1100: 1, 1299: 2, 1300: 3, 1400: 3, 1500: 3} {
		if got := w.quarter(at); got != want {
			t.Errorf("quarter of %d is %d, want %d", at, got, want)
		}
	}
	if got := (window{5, 5}).quarter(7); got != 0 {
		t.Errorf("an empty window has quarter %d", got)
	}
}

package goroutines

// leakCandidates counts the goroutines of a site that look like a leak: alive, older than leakAge
// at the end of the window, and of a site that grows.
//
// A site grows if in every quarter of the window more goroutines were born that stayed than older
// ones ended. A pool fills once and has quarters without a survivor. Connections that come and go
// leave survivors in every quarter, most of them in the last one, but older ones end as they come,
// most of those in the first one.
func (g *gathering) leakCandidates(leakAge uint64) uint64 {
	for quarter, stayed := range g.LiveByQuarter {
		if stayed <= g.DeathsOlderByQuarter[quarter] {
			return 0
		}
	}
	var candidates uint64
	for _, one := range g.live {
		if one.age >= leakAge && !one.ended {
			candidates++
		}
	}
	return candidates
}

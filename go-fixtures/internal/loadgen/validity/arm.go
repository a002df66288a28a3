package validity

import (
	"slices"

	"pollgate/go-fixtures/internal/loadgen/engine"
	"pollgate/go-fixtures/internal/statistics"
)

// arm is what the rules need of one arm's requests. Series are in the order of
// the intended times; times are ns.
type arm struct {
	index     int
	name      string
	requests  int // scheduled
	failed    int // sent, without a good reply
	unsent    int // waited for a connection in vain
	unreached int // the generator never came to them

	done        []*engine.Request // completed
	latency     []int64           // of done, from the intended time
	answer      []int64           // of done, from the picking to the kernel's stamp: without the generator's lateness
	sendLag     []int64           // of all that were picked
	receiveLag  []int64           // of done with a kernel's stamp that can be used
	serviceSum  float64           // of all that were sent
	sent        int
	longestNs   int64 // greatest service time
	p50, p99    int64 // of latency; 0 where nothing was completed
	sendP50     int64
	sendP99     int64
	receiveP50  int64
	receiveP99  int64
	longestSend int64
	longestRead int64
}

func (a *arm) completed() int { return len(a.done) }

// arrivedNs is when the reply was there. Without the kernel's stamp it is when it
// was read; a generator that was away meanwhile has a gap of its own to answer for.
func arrivedNs(r *engine.Request) int64 {
	if r.ArrivedNs != 0 {
		return r.ArrivedNs
	}
	return r.DoneNs
}

func collect(in *Input) []*arm {
	counts := make([]int, len(in.Arms))
	for i := range in.Requests {
		counts[in.Requests[i].Arm]++
	}
	all := make([]*arm, len(in.Arms))
	for i, name := range in.Arms {
		all[i] = &arm{
			index: i, name: name, requests: counts[i],
			done:    make([]*engine.Request, 0, counts[i]),
			latency: make([]int64, 0, counts[i]),
			answer:  make([]int64, 0, counts[i]),
			sendLag: make([]int64, 0, counts[i]),
		}
	}
	stamps := stampsUsable(in.Usage)
	for i := range in.Requests {
		r := &in.Requests[i]
		all[r.Arm].add(r, stamps)
	}
	for _, a := range all {
		a.sum()
	}
	return all
}

func (a *arm) add(r *engine.Request, stamps bool) {
	if r.PickedNs != 0 {
		a.sendLag = append(a.sendLag, r.PickedNs-r.IntendedNs)
	}
	switch {
	case r.Outcome == engine.Completed:
		a.done = append(a.done, r)
		a.latency = append(a.latency, r.DoneNs-r.IntendedNs)
		a.answer = append(a.answer, arrivedNs(r)-r.PickedNs)
		if stamps && r.ArrivedNs != 0 {
			a.receiveLag = append(a.receiveLag, r.DoneNs-r.ArrivedNs)
		}
	case r.PickedNs == 0:
		a.unreached++
	case r.SentNs == 0:
		a.unsent++
	default:
		a.failed++
	}
	if r.SentNs != 0 && r.DoneNs != 0 {
		a.sent++
		a.serviceSum += float64(r.DoneNs - r.SentNs)
		a.longestNs = max(a.longestNs, r.DoneNs-r.SentNs)
	}
}

func (a *arm) sum() {
	a.p50, a.p99, _ = summary(a.latency)
	a.sendP50, a.sendP99, a.longestSend = summary(a.sendLag)
	a.receiveP50, a.receiveP99, a.longestRead = summary(a.receiveLag)
}

// summary leaves the order of the values alone; it is zeros without any.
func summary(values []int64) (p50, p99, greatest int64) {
	if len(values) == 0 {
		return 0, 0, 0
	}
	scratch := slices.Clone(values)
	p99 = statistics.Quantile(scratch, 0.99)
	greatest = slices.Max(scratch[statistics.Rank(len(scratch), 0.99):])
	return statistics.Quantile(scratch, 0.5), p99, greatest
}

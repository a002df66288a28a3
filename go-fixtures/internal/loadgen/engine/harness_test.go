package engine

import (
	"net"
	"net/netip"
	"os"
	"runtime"
	"testing"
	"time"

	"pollgate/go-fixtures/internal/loadgen/monotime"
	"pollgate/go-fixtures/internal/loadgen/schedule"
	"pollgate/go-fixtures/internal/loadgen/testserver"
	"pollgate/go-fixtures/internal/loadgen/wire"
)

// The servers of these tests run in the same process, and the engine never gives
// its P away: others must be there even on one CPU.
func TestMain(m *testing.M) {
	runtime.GOMAXPROCS(max(4, runtime.GOMAXPROCS(0)))
	os.Exit(m.Run())
}

// blockArms are servers of the block protocol, one per handler.
func blockArms(t testing.TB, handlers ...func(net.Conn)) []Arm {
	block := &wire.Block{}
	var arms []Arm
	for _, handle := range handlers {
		arms = append(arms, Arm{Name: "block", Address: testserver.Serve(t, handle), NewExchange: block.NewExchange})
	}
	return arms
}

// httpArm expects 200 and "hello" from a server.
func httpArm(address netip.AddrPort) Arm {
	server := wire.NewHTTP(wire.HTTPConfig{Method: "GET", Host: "test", Path: "/", ExpectStatus: 200, ExpectBody: []byte("hello")})
	return Arm{Name: "http", Address: address, NewExchange: server.NewExchange}
}

// connected returns an engine whose connections are up.
func connected(t testing.TB, c Config) *Engine {
	t.Helper()
	if c.ConnectionsPerArm == 0 {
		c.ConnectionsPerArm = 1
	}
	if c.Timeout == 0 {
		c.Timeout = 30 * time.Second // never reached by what works
	}
	runtime.LockOSThread()
	t.Cleanup(runtime.UnlockOSThread)
	e, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	if err := e.Connect(); err != nil {
		t.Fatal(err)
	}
	return e
}

// poisson plans a phase that begins now.
func poisson(rate float64, duration time.Duration, arms int) *Phase {
	p := &Phase{Duration: duration}
	for _, entry := range schedule.Plan(schedule.Config{Seed: 1, RatePerSec: rate, Duration: duration,
		Arms: arms, Interleave: schedule.Request, Keys: 1000}) {
		p.Requests = append(p.Requests, Request{IntendedNs: entry.AtNs, Key: entry.Key, Arm: entry.Arm})
	}
	return p.startingNow()
}

// atOnce plans n requests for the very beginning of a phase.
func atOnce(n int, duration time.Duration) *Phase {
	p := &Phase{Requests: make([]Request, n), Duration: duration}
	return p.startingNow()
}

func (p *Phase) startingNow() *Phase {
	p.StartNs = monotime.Now()
	for i := range p.Requests {
		p.Requests[i].IntendedNs += p.StartNs
	}
	return p
}

func run(t testing.TB, e *Engine, p *Phase) Result {
	t.Helper()
	result, err := e.Run(p)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// stepUntil begins a phase and turns the loop by hand until the condition holds.
func stepUntil(t testing.TB, e *Engine, p *Phase, condition func() bool) {
	t.Helper()
	e.begin(p)
	goOnUntil(t, e, condition)
}

// goOnUntil is stepUntil in a phase that has begun.
func goOnUntil(t testing.TB, e *Engine, condition func() bool) {
	t.Helper()
	giveUp := monotime.Now() + int64(30*time.Second)
	for !condition() {
		now := monotime.Now()
		if now > giveUp {
			t.Fatalf("the condition does not come; outcomes %v", outcomes(e.requests))
		}
		if err := e.step(now); err != nil {
			t.Fatal(err)
		}
	}
}

func outcomes(requests []Request) map[Outcome]int {
	counts := map[Outcome]int{}
	for i := range requests {
		counts[requests[i].Outcome]++
	}
	return counts
}

// expectAll checks that every request ended in the same way.
func expectAll(t *testing.T, requests []Request, want Outcome) {
	t.Helper()
	if got := outcomes(requests); len(requests) == 0 || got[want] != len(requests) {
		t.Errorf("outcomes are %v, want only %d, %d times", got, want, len(requests))
	}
}

package main

import (
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// blocks serves 8 bytes in, 4,096 out, in two writes, so that a reply can
// arrive in parts. It counts requests and connections.
func blocks(t *testing.T) (address string, requests, connections *atomic.Int64) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	requests, connections = new(atomic.Int64), new(atomic.Int64)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return // closed
			}
			connections.Add(1)
			go func() {
				defer conn.Close()
				var request [8]byte
				half := make([]byte, 2048)
				for {
					if _, err := io.ReadFull(conn, request[:]); err != nil {
						return
					}
					requests.Add(1)
					conn.Write(half)
					conn.Write(half)
				}
			}()
		}
	}()
	return l.Addr().String(), requests, connections
}

var blockTalk = dialogue{request: make([]byte, 8), replyBytes: 4096}

func TestClosedLoopCountsEveryReply(t *testing.T) {
	address, requests, connections := blocks(t)
	for _, churn := range []bool{false, true} {
		requests.Store(0)
		connections.Store(0)
		c, err := newClient(address, blockTalk, 10)
		if err != nil {
			t.Fatal(err)
		}
		c.churn = churn
		replies, err := c.closedLoop(4, 50*time.Millisecond)
		c.close()
		if err != nil || replies == 0 || int64(replies) != requests.Load() {
			t.Errorf("churn %t: %d replies to %d requests, error %v", churn, replies, requests.Load(), err)
		}
		if n := connections.Load(); (n > 10) != churn {
			t.Errorf("churn %t: %d connections, of 10 at a time", churn, n)
		}
	}
}

func TestOpenLoopSendsAsManyAsAsked(t *testing.T) {
	address, _, _ := blocks(t)
	c, err := newClient(address, blockTalk, 10)
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	if replies, err := c.openLoop(2000, 100*time.Millisecond); err != nil || replies != 200 {
		t.Errorf("2000 per second for 100 ms: %d replies, error %v", replies, err)
	}
}

func TestAClosingServerIsAnError(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		if conn, err := l.Accept(); err == nil {
			io.ReadFull(conn, make([]byte, 8))
			conn.Close()
		}
	}()
	c, err := newClient(l.Addr().String(), blockTalk, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	if _, err := c.closedLoop(1, time.Second); err == nil || !strings.Contains(err.Error(), "closed a connection") {
		t.Errorf("got error %v", err)
	}
}

func TestUsageSeesCPUTimeAndSwitches(t *testing.T) {
	before, err := usageOf(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	address, _, _ := blocks(t)
	c, err := newClient(address, blockTalk, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	if _, err := c.closedLoop(1, 50*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	after, err := usageOf(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if after.cpuNs <= before.cpuNs || after.switches <= before.switches {
		t.Errorf("after work: %+v, before: %+v", after, before)
	}
}

// The designs are edits of sources that go on changing.
func TestEveryDesignStillApplies(t *testing.T) {
	t.Chdir("../..")
	for _, d := range designs {
		if d.folder == "" {
			continue
		}
		if _, err := d.overlay(t.Context(), filepath.Join(t.TempDir(), d.name)); err != nil {
			t.Errorf("%s: %v", d.name, err)
		}
	}
}

func TestPickKeepsTheOrderAskedFor(t *testing.T) {
	name := func(d design) string { return d.name }
	picked, err := pick("design", "arm,epoll", designs, name)
	if err != nil || len(picked) != 2 || picked[0].name != "arm" || picked[1].name != "epoll" {
		t.Errorf("got %v, %v", picked, err)
	}
	if _, err := pick("design", "poll", designs, name); err == nil || !strings.Contains(err.Error(), `"poll"`) {
		t.Errorf("unknown name: got error %v", err)
	}
}

func TestQuantile(t *testing.T) {
	values := []float64{4, 1, 3, 2}
	for q, want := range map[float64]float64{0: 1, 0.5: 2.5, 0.25: 1.75, 1: 4} {
		if got := quantile(values, q); got != want {
			t.Errorf("quantile %v: got %v, want %v", q, got, want)
		}
	}
}

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"time"
)

// scenario is a server and the load that is put on it.
type scenario struct {
	name, about string
	server      string // folder under cmd
	connections int
	outstanding int  // requests under way at a time; 0: a fixed rate
	ratePerSec  int  // where outstanding is 0
	churn       bool // a new connection for each request
	wide        bool // the server also has the client's CPU
}

var scenarios = []scenario{
	{"block-64", "block-4k, 64 connections, saturated", "block-4k", 64, 64, 0, false, false},
	{"block-64-rate", "block-4k, 64 connections, 15,000 requests per second", "block-4k", 64, 0, 15_000, false, false},
	{"block-10k", "block-4k, 9,000 connections, 256 requests under way", "block-4k", 9000, 256, 0, false, false},
	{"block-10k-rate", "block-4k, 9,000 connections, 15,000 requests per second", "block-4k", 9000, 0, 15_000, false, false},
	{"hello-64", "hello-http, 64 connections, saturated", "hello-http", 64, 64, 0, false, false},
	{"hello-64-rate", "hello-http, 64 connections, 10,000 requests per second", "hello-http", 64, 0, 10_000, false, false},
	{"churn", "block-4k, a new connection for each request, 16 under way", "block-4k", 16, 16, 0, true, false},
	{"wide-64-rate", "block-4k, 64 connections, 8,000 requests per second, server on both CPUs", "block-4k", 64, 0, 8_000, false, true},
}

// row is what was measured of one design, one entry per turn.
type row struct {
	design     design
	cpuUs      []float64 // CPU time of the server per reply, microseconds
	switches   []float64 // context switches of the server per reply
	ratePerSec []float64 // replies
	busy       []float64 // share of one CPU that the server used
	taskWork   float64   // runs per reply, of the last turn
	taskWorkOK bool
}

// compare measures all designs in one scenario.
func compare(ctx context.Context, folder string, s scenario, o options) ([]row, error) {
	var servers []*server
	defer func() {
		for _, srv := range servers {
			srv.stop()
		}
	}()
	rows := make([]row, len(o.designs))
	for i, d := range o.designs {
		srv, err := start(ctx, folder, d, s)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", d.name, err)
		}
		servers = append(servers, srv)
		rows[i].design = d
	}
	order := make([]int, len(servers))
	for i := range order {
		order[i] = i
	}
	for range o.rounds {
		for _, i := range order {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			if err := servers[i].measure(s, o.turn, &rows[i]); err != nil {
				return nil, fmt.Errorf("%s: %w", o.designs[i].name, err)
			}
		}
		slices.Reverse(order)
	}
	for i, srv := range servers {
		stop, err := countTaskWork(srv.pid)
		if err != nil {
			fmt.Fprintln(os.Stderr, "pollerbench: task_work is not counted:", err)
			break
		}
		replies, err := srv.load(s, o.turn)
		if err != nil {
			return nil, err
		}
		n, err := stop()
		if err != nil {
			return nil, err
		}
		rows[i].taskWork, rows[i].taskWorkOK = float64(n)/float64(replies), true
	}
	return rows, nil
}

// server is a running fixture with the connections to it.
type server struct {
	command *exec.Cmd
	pid     int
	client  *client
}

const dataPages = 1024

func start(ctx context.Context, folder string, d design, s scenario) (*server, error) {
	cpus := strconv.Itoa(serverCPU)
	if s.wide {
		cpus += "," + strconv.Itoa(clientCPU)
	}
	arguments := []string{"-c", cpus, filepath.Join(folder, d.name, s.server)}
	if s.server == "block-4k" {
		data := filepath.Join(folder, "pages")
		if _, err := os.Stat(data); err != nil {
			generate := exec.CommandContext(ctx, arguments[2], "--generate", data, "--pages", strconv.Itoa(dataPages))
			if out, err := generate.CombinedOutput(); err != nil {
				return nil, fmt.Errorf("%v: %w\n%s", generate, err, out)
			}
		}
		arguments = append(arguments, "--data", data)
	}
	srv := &server{command: exec.CommandContext(ctx, "taskset", arguments...)}
	srv.command.Stderr = os.Stderr
	stdout, err := srv.command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := srv.command.Start(); err != nil {
		return nil, err
	}
	var ready struct {
		PID     int    `json:"pid"`
		Address string `json:"address"`
	}
	if err := json.NewDecoder(stdout).Decode(&ready); err != nil {
		srv.stop()
		return nil, fmt.Errorf("the server's ready line: %w", err)
	}
	srv.pid = ready.PID
	talk := dialogue{request: make([]byte, 8), replyBytes: 4096}
	if s.server == "hello-http" {
		if talk, err = learnHTTP(ready.Address); err != nil {
			srv.stop()
			return nil, err
		}
	}
	if srv.client, err = newClient(ready.Address, talk, s.connections); err != nil {
		srv.stop()
		return nil, err
	}
	srv.client.churn = s.churn
	_, err = srv.load(s, 200*time.Millisecond) // warm-up
	if err != nil {
		srv.stop()
		return nil, err
	}
	return srv, nil
}

func (srv *server) stop() {
	if srv.client != nil {
		srv.client.close()
	}
	_ = srv.command.Process.Kill()
	_ = srv.command.Wait() // killed, so it has no more to say
}

func (srv *server) load(s scenario, length time.Duration) (replies int, err error) {
	if s.outstanding > 0 {
		replies, err = srv.client.closedLoop(s.outstanding, length)
	} else {
		replies, err = srv.client.openLoop(s.ratePerSec, length)
	}
	if err == nil && replies == 0 {
		err = errors.New("no replies")
	}
	return replies, err
}

// measure gives the server one turn.
func (srv *server) measure(s scenario, length time.Duration, r *row) error {
	before, err := usageOf(srv.pid)
	if err != nil {
		return err
	}
	begin := time.Now()
	replies, err := srv.load(s, length)
	if err != nil {
		return err
	}
	took := time.Since(begin)
	after, err := usageOf(srv.pid)
	if err != nil {
		return err
	}
	cpuNs := float64(after.cpuNs - before.cpuNs)
	r.cpuUs = append(r.cpuUs, cpuNs/1e3/float64(replies))
	r.switches = append(r.switches, float64(after.switches-before.switches)/float64(replies))
	r.ratePerSec = append(r.ratePerSec, float64(replies)/took.Seconds())
	r.busy = append(r.busy, cpuNs/float64(took.Nanoseconds()))
	return nil
}

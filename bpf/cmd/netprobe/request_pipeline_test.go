package main

import (
	"io"
	"net"
	"testing"

	"pollgate/bpf/probes/request"
)

// Two requests in one segment have one time: the second answer has none, and is counted.
func TestPipelinedRequestsAreCounted(t *testing.T) {
	needPrivileges(t)
	const pairs = 13
	server := startWorkload(t, workloadPath, "requests", "plain")
	conn, err := net.Dial("tcp", server.hear())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	askOnce(t, conn)
	o := observe(t, []string{"--probes", "request"}, map[string]*process{"server": server})
	o.begin()
	for range pairs {
		if _, err := conn.Write([]byte{1, 2}); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(conn, make([]byte, 2)); err != nil {
			t.Fatal(err)
		}
	}
	seen := o.end().Targets["server"]
	d := details[request.Details](t, seen, "request")
	if d.Joined+d.DirectJoined != pairs || d.Unmatched.AnswerWithoutReadable != pairs ||
		d.JoinRatePpm == nil || *d.JoinRatePpm != 500_000 || anyCounted(seen.Lost) {
		t.Errorf("%+v, lost %v; want %d joined and as many answers without a time", d, seen.Lost, pairs)
	}
}

package main

import (
	"strings"
	"testing"

	"pollgate/go-fixtures/internal/blocktest"
	"pollgate/go-fixtures/internal/fixturetest"
)

// serverBinary is the fixture, built for these tests.
var serverBinary string

func TestMain(m *testing.M) { fixturetest.Main(m, &serverBinary) }

func TestServesAsEveryBlockServer(t *testing.T) { blocktest.Suite(t, serverBinary) }

func TestServesWithSeveralThreads(t *testing.T) { blocktest.Suite(t, serverBinary, "--threads", "3") }

func TestServesTenThousandConnections(t *testing.T) {
	blocktest.ManyConnections(t, serverBinary, 10_000, "--threads", "2")
}

func TestWrongUseIsRefused(t *testing.T) {
	file := blocktest.DataFile(t, 1)
	for _, test := range []struct {
		arguments []string
		code      int
		want      string
	}{
		{nil, 2, "give --data FILE"},
		{[]string{"--data", file, "--threads", "-1"}, 2, "--threads: saw -1"},
		{[]string{"--data", file, "--cache", "warm"}, 2, `--cache: saw "warm", want hot or direct`},
		{[]string{"--data", file, "--cache", "direct"}, 3, "--pages 524288"},
	} {
		code, stdout, stderr := fixturetest.Run(t, serverBinary, test.arguments...)
		if code != test.code || stdout != "" || !strings.Contains(stderr, test.want) {
			t.Errorf("%v: exit %d, stdout %q, stderr %q; want exit %d, …%s…", test.arguments, code, stdout, stderr, test.code, test.want)
		}
	}
}

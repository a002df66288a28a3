//go:build linux && (amd64 || arm64)

package main

import (
	"os/exec"
	"path/filepath"
	"testing"
)

// The kernel ends a poll by more than was asked for: by the peer's half close, and
// by an error that somebody else takes. Neither may leave a goroutine waiting, nor
// make a socket one that cannot be polled.
func TestWhatPollsWereNotAskedFor(t *testing.T) {
	needRing(t)
	stock := filepath.Join(t.TempDir(), "halves")
	goBuild(t, stock, "halves")
	output(t, exec.Command(stock))
	output(t, exec.Command(build(t, "halves", netpoller())))
}

package handoff

//go:generate go tool bpf2go -target amd64,arm64 handoff handoff.bpf.c

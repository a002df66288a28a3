package blockio

//go:generate go tool bpf2go -target amd64,arm64 blockio blockio.bpf.c

package check

//go:generate go tool bpf2go -target amd64,arm64 selfcheck selfcheck.bpf.c

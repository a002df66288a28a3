package oncpu

//go:generate go tool bpf2go -target amd64,arm64 oncpu oncpu.bpf.c

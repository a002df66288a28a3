package clock

//go:generate go tool bpf2go -target amd64,arm64 clock clock.bpf.c

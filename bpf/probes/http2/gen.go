package http2

//go:generate go tool bpf2go -target amd64,arm64 http2 http2.bpf.c

package tls

//go:generate go tool bpf2go -target amd64,arm64 tls tls.bpf.c

package netpoll

//go:generate go tool bpf2go -target amd64,arm64 netpoll netpoll.bpf.c

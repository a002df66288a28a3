package request

//go:generate go tool bpf2go -target amd64,arm64 request request.bpf.c

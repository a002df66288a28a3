package tcplife

//go:generate go tool bpf2go -target amd64,arm64 tcplife tcplife.bpf.c

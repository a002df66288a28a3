package descriptors

//go:generate go tool bpf2go -target amd64,arm64 descriptors descriptors.bpf.c

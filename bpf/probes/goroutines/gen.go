package goroutines

//go:generate go tool bpf2go -target amd64,arm64 goroutines goroutines.bpf.c

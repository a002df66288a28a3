package syscalls

//go:generate go tool bpf2go -target amd64,arm64 syscalls syscalls.bpf.c

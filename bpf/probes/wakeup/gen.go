package wakeup

//go:generate go tool bpf2go -target amd64,arm64 wakeup wakeup.bpf.c

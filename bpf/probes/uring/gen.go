package uring

//go:generate go tool bpf2go -target amd64,arm64 uring uring.bpf.c

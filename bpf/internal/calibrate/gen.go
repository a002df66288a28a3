package calibrate

//go:generate go tool bpf2go -target amd64,arm64 calibrate calibrate.bpf.c

package fdleak

//go:generate go tool bpf2go -target amd64,arm64 fdleak fdleak.bpf.c

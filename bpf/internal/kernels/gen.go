package kernels

//go:generate go run ./write table ../../probes ../../KERNELS.md

module pollgate/bpf

go 1.26.0

require (
	github.com/cilium/ebpf v0.22.0
	golang.org/x/arch v0.32.0
	golang.org/x/exp v0.0.0-20261014143641-f0251eb4aa3e
)

require golang.org/x/sys v0.49.0

tool github.com/cilium/ebpf/cmd/bpf2go

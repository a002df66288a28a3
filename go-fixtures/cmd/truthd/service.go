package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"pollgate/go-fixtures/internal/truthproto"
)

// parseService reads the value of --service.
func parseService(text string) (truthproto.Service, error) {
	wrong := fmt.Errorf("--service %q: want fixed:50us, exp:200us, or bimodal:100us,10ms,0.01; times of 0 to %v",
		text, time.Duration(truthproto.MaxServiceNs))
	kind, rest, _ := strings.Cut(text, ":")
	values := strings.Split(rest, ",")
	times := make([]int64, 2)
	for i := range min(len(values), len(times)) {
		d, err := time.ParseDuration(values[i])
		if err != nil || d < 0 || d > truthproto.MaxServiceNs {
			return truthproto.Service{}, wrong
		}
		times[i] = int64(d)
	}
	switch {
	case kind == "fixed" && len(values) == 1:
		return truthproto.Service{Kind: truthproto.Fixed, Ns: times[0]}, nil
	case kind == "exp" && len(values) == 1:
		return truthproto.Service{Kind: truthproto.Exponential, MeanNs: times[0]}, nil
	case kind == "bimodal" && len(values) == 3:
		share, err := strconv.ParseFloat(values[2], 64)
		if err == nil && share >= 0 && share <= 1 {
			return truthproto.Service{Kind: truthproto.Bimodal, Ns: times[0], TailNs: times[1], TailShare: share}, nil
		}
	}
	return truthproto.Service{}, wrong
}
